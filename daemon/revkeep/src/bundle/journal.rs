//! The last lines of the unit's journal, without their messages: the fields that the daemon writes say what
//! happened, and a message may say to whom.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::setup::system;

const LINES: &str = "500";
/// What is kept of a line, each a code, a number, a verb or a route's pattern of ours.
const FIELDS: [&str; 8] = [
    "__REALTIME_TIMESTAMP",
    "PRIORITY",
    "REVKEEP_ACTION",
    "REVKEEP_CODE",
    "REVKEEP_CONTROL",
    "REVKEEP_ROUTE",
    "REVKEEP_STATUS",
    "REVKEEP_MILLISECONDS",
];
const LONGEST: usize = 100;

type Line = BTreeMap<&'static str, String>;

/// Why there are none, where there are none.
pub(super) fn last() -> Result<Vec<Line>, String> {
    let unit = ["--unit", "revkeep.service", "--quiet", "--no-pager"];
    let form = ["--output", "json", "--lines", LINES];
    let run = system::run("journalctl", &[&unit[..], &form].concat(), b"").map_err(|_| {
        "journalctl is not there or refused; only root and the group systemd-journal read the journal"
            .to_owned()
    })?;
    let lines = parsed(&String::from_utf8_lossy(run.expose()));
    if lines.is_empty() {
        return Err(
            "the journal has no line of revkeep.service, or this account may not read it"
                .to_owned(),
        );
    }
    Ok(lines)
}

fn parsed(text: &str) -> Vec<Line> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .map(|line: Value| kept(&line))
        .filter(|line: &Line| !line.is_empty())
        .collect()
}

fn kept(line: &Value) -> Line {
    FIELDS
        .iter()
        .filter_map(|field| {
            let value = line.get(field)?.as_str()?;
            ours(value).then(|| (*field, value.to_owned()))
        })
        .collect()
}

/// No space, no `@`, no quote: nothing that a person wrote.
fn ours(value: &str) -> bool {
    value.len() <= LONGEST
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/{}".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_codes_and_nothing_that_somebody_wrote() {
        let told = parsed(
            "{\"__REALTIME_TIMESTAMP\":\"1800000000000000\",\"PRIORITY\":\"4\",\"MESSAGE\":\"ada@acme.example from /home/ada\",\
              \"REVKEEP_ACTION\":\"sign_in_refuse\",\"REVKEEP_USER\":\"user_1\",\"REVKEEP_TENANT\":\"tenant_1\",\"_HOSTNAME\":\"canary\",\
              \"REVKEEP_CODE\":\"somebody @ somewhere\",\"REVKEEP_ROUTE\":\"/api/console/v1/leads/{id}\"}\nnonsense\n",
        );
        let told = serde_json::to_string(&told).unwrap();
        assert_eq!(
            told,
            "[{\"PRIORITY\":\"4\",\"REVKEEP_ACTION\":\"sign_in_refuse\",\"REVKEEP_ROUTE\":\"/api/console/v1/leads/{id}\",\"__REALTIME_TIMESTAMP\":\"1800000000000000\"}]"
        );
    }
}
