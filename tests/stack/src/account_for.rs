//! Whether every lead is accounted for, judged from Salesforce's side: its own records and write log
//! against the routing log, record by record.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::{console::Console, world::World};

/// The judgement, as `./dev demo --check` prints it.
#[derive(Debug, Serialize)]
pub struct Account {
    /// Leads that Salesforce has.
    pub leads: usize,
    /// Of them, where Revkeep says that they stand.
    pub by_state: BTreeMap<String, usize>,
    /// Owner changes in Salesforce's write log.
    pub writes: usize,
    /// What disagrees, the first twenty.
    pub disagreements: Vec<String>,
    pub holds: bool,
}

/// Compares. `enrolled` are the leads that enrollment matches.
pub async fn account_for(
    world: &World,
    console: &Console,
    enrolled: &HashSet<String>,
) -> Result<Account> {
    let owners: HashMap<String, String> = world
        .salesforce
        .owners("Lead")
        .await?
        .into_iter()
        .map(|row| {
            (
                row.id.to_string(),
                row.owner.map(|owner| owner.to_string()).unwrap_or_default(),
            )
        })
        .collect();
    let mut writes: HashMap<String, Vec<String>> = HashMap::new();
    for write in world.salesforce.writes(0).await? {
        if write.field == "OwnerId" && write.code == "OK" {
            writes
                .entry(write.id.to_string())
                .or_default()
                .push(write.new.as_str().unwrap_or_default().to_owned());
        }
    }
    let standing = standings(console).await?;
    let assigned = assignments(console).await?;
    let mut disagreements = Vec::new();
    for record in enrolled {
        let state = standing.get(record).map(String::as_str);
        let written = writes.get(record).map(Vec::as_slice).unwrap_or_default();
        let owner = owners.get(record).map(String::as_str).unwrap_or_default();
        let problem = judge(
            state,
            written,
            owner,
            assigned.get(record).map(Vec::as_slice).unwrap_or_default(),
        );
        disagreements.extend(problem.map(|problem| format!("{record}: {problem}")));
    }
    for record in writes.keys().filter(|record| !enrolled.contains(*record)) {
        disagreements.push(format!("{record}: was written and is not enrolled"));
    }
    let mut by_state = BTreeMap::new();
    for record in enrolled {
        *by_state
            .entry(
                standing
                    .get(record)
                    .cloned()
                    .unwrap_or_else(|| "unaccounted".to_owned()),
            )
            .or_default() += 1;
    }
    let holds = disagreements.is_empty();
    disagreements.truncate(20);
    Ok(Account {
        leads: owners.len(),
        by_state,
        writes: writes.values().map(Vec::len).sum(),
        disagreements,
        holds,
    })
}

/// What is wrong with one record; `assigned` are the new owners of its assignments that were written.
fn judge(
    state: Option<&str>,
    written: &[String],
    owner: &str,
    assigned: &[String],
) -> Option<String> {
    match state {
        None => Some("is nowhere: neither baseline, routed, failed nor waiting".to_owned()),
        Some("baseline") if written.is_empty() && assigned.is_empty() => None,
        Some("assigned") => match (written, assigned) {
            ([once], [log]) if once == log && once == owner => None,
            // The right owner was there already: nothing had to be written.
            ([], [log]) if log == owner => None,
            _ => Some(format!(
                "written {written:?}, owner {owner}, routing log {assigned:?}"
            )),
        },
        Some("failed" | "given_up" | "waiting") if written.is_empty() => None,
        Some("in_doubt" | "proposed" | "claimed") if written.len() <= 1 => None,
        Some(state) => Some(format!("is {state}, and was written {written:?}")),
    }
}

/// Where each record stands, as Revkeep lists it.
async fn standings(console: &Console) -> Result<HashMap<String, String>> {
    let rows = console.all("/records").await?;
    Ok(rows
        .iter()
        .filter_map(|row| Some((text(row, "record_id")?, text(row, "state")?)))
        .collect())
}

/// New owners by record, of assignments that say that they were written.
async fn assignments(console: &Console) -> Result<HashMap<String, Vec<String>>> {
    let mut owners: HashMap<String, Vec<String>> = HashMap::new();
    for row in console.all("/assignments?state=assigned").await? {
        if let (Some(record), Some(owner)) = (text(&row, "record_id"), text(&row, "new_owner_id")) {
            owners.entry(record).or_default().push(owner);
        }
    }
    Ok(owners)
}

fn text(row: &Value, key: &str) -> Option<String> {
    row.get(key).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::judge;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn agreement_and_each_kind_of_disagreement_are_told_apart() {
        let judge = |state, written: &[&str], owner, assigned: &[&str]| {
            judge(state, &owned(written), owner, &owned(assigned)).is_none()
        };
        assert!(judge(Some("baseline"), &[], "x", &[]));
        assert!(judge(Some("assigned"), &["a"], "a", &["a"]));
        assert!(judge(Some("assigned"), &[], "a", &["a"]));
        assert!(judge(Some("failed"), &[], "x", &[]));
        assert!(!judge(None, &[], "x", &[]), "a lost record");
        assert!(
            !judge(Some("baseline"), &["a"], "a", &[]),
            "a baseline record was written"
        );
        assert!(
            !judge(Some("assigned"), &["a", "b"], "b", &["b"]),
            "two owners"
        );
        assert!(
            !judge(Some("assigned"), &["a"], "b", &["a"]),
            "another owner"
        );
        assert!(
            !judge(Some("assigned"), &["a"], "a", &["a", "a"]),
            "routed twice"
        );
        assert!(!judge(Some("assigned"), &["a"], "a", &[]), "not in the log");
        assert!(
            !judge(Some("failed"), &["a"], "a", &[]),
            "failed but written"
        );
    }
}
