//! What the mails to administrators say. Plain text; counts and reasons, nothing of a record.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::notice::Kind;

pub(crate) struct Text {
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// `reasons` are stable codes with their counts.
pub(crate) fn text(
    kind: Kind,
    records: i64,
    reasons: &BTreeMap<String, u64>,
    public_url: &str,
) -> Text {
    match kind {
        Kind::RoutingFailures => failures(records, reasons, public_url),
        _ => broken(reasons, public_url),
    }
}

fn failures(records: i64, reasons: &BTreeMap<String, u64>, public_url: &str) -> Text {
    let what = if records == 1 {
        "1 record could not be routed".to_owned()
    } else {
        format!("{records} records could not be routed")
    };
    let mut body = format!("In the last five minutes {what}.\n\nReasons:\n");
    let mut listed: Vec<_> = reasons.iter().collect();
    listed.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    for (reason, count) in listed {
        // Writing to a String cannot fail.
        let _ = writeln!(body, "  {count:>8}  {}", words(reason));
    }
    let _ = write!(
        body,
        "\nEach record waits with its reason, and with what to do about it, at\n{public_url}/routing/failures\n\n\
         Revkeep tries each record again in every cycle, ten times at most. You are told at most once\n\
         in five minutes.\n"
    );
    Text {
        subject: format!("Revkeep: {what}"),
        body,
    }
}

fn broken(reasons: &BTreeMap<String, u64>, public_url: &str) -> Text {
    let reason = reasons
        .keys()
        .next()
        .map_or_else(|| "unknown".to_owned(), |reason| words(reason));
    Text {
        subject: "Revkeep: Salesforce must be reconnected".to_owned(),
        body: format!(
            "The connection to Salesforce does not work any more (reason: {reason}).\n\n\
             No new records are fetched and no owners are written until somebody reconnects it:\n\
             {public_url}/settings/connections\n\n\
             Nothing is lost meanwhile: records that were decided wait, and new ones are fetched\n\
             afterwards. You are told at most once in 24 hours.\n"
        ),
    }
}

/// A code as words; whatever is not of a code is left out.
fn words(code: &str) -> String {
    code.chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        .take(80)
        .map(|letter| if letter == '_' { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_counts_by_reason_with_the_most_frequent_first() {
        let reasons = BTreeMap::from([
            ("row_locked".to_owned(), 2),
            ("no_rule_no_fallback".to_owned(), 49_998),
        ]);
        let text = text(
            Kind::RoutingFailures,
            50_000,
            &reasons,
            "https://revkeep.example",
        );
        assert_eq!(text.subject, "Revkeep: 50000 records could not be routed");
        let first = text.body.find("49998  no rule no fallback").unwrap();
        assert!(first < text.body.find("2  row locked").unwrap());
        assert!(
            text.body
                .contains("https://revkeep.example/routing/failures")
        );
    }

    #[test]
    fn a_code_from_outside_cannot_add_lines_or_addresses() {
        let reasons = BTreeMap::from([("x\r\nBcc: eve@example.com\n\n<b>".to_owned(), 1)]);
        let text = text(
            Kind::ConnectionBroken,
            0,
            &reasons,
            "https://revkeep.example",
        );
        assert!(
            !text.body.contains("eve@") && !text.body.contains('<') && !text.body.contains('\r')
        );
        assert!(!text.subject.contains('\n'));
    }
}
