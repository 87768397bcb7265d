//! A run as OSCAL 1.1.2 assessment results (NIST), for the tools of who assesses the appliance.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    report::{ControlResult, Report},
    verdict::Standing,
};

/// Names of our own properties stand under this.
const NAMESPACE: &str = "urn:revkeep:verify";

/// `signature` and `statement` are those that the run was kept with.
pub(crate) fn assessment_results(
    run: Uuid,
    started: DateTime<Utc>,
    report: &Report,
    statement: &str,
    signature: &str,
) -> Value {
    let observations: Vec<Value> = report
        .controls
        .iter()
        .map(|found| observation(run, found))
        .collect();
    let findings: Vec<Value> = report
        .controls
        .iter()
        .map(|found| finding(run, found))
        .collect();
    let included: Vec<Value> = report
        .controls
        .iter()
        .map(|control| json!({ "control-id": control.id.to_lowercase() }))
        .collect();
    json!({ "assessment-results": {
        "uuid": run,
        "metadata": {
            "title": "Revkeep: controls as verified on the running appliance",
            "last-modified": report.finished_at.to_rfc3339(),
            "version": report.version,
            "oscal-version": "1.1.2",
            "props": [property("statement", statement.trim_end()), property("signature-ed25519", signature)],
        },
        "import-ap": { "href": "#revkeep-control-table", "remarks": "The plan is the control table of this version; docs/security/verify.md describes it." },
        "results": [{
            "uuid": derived(run, "result"),
            "title": "revkeep verify",
            "description": report.summary(),
            "start": started.to_rfc3339(),
            "end": report.finished_at.to_rfc3339(),
            "reviewed-controls": { "control-selections": [{ "include-controls": included }] },
            "observations": observations,
            "findings": findings,
        }],
    }})
}

fn observation(run: Uuid, control: &ControlResult) -> Value {
    let method = match control.status {
        Standing::Attested | Standing::CustomerOwned | Standing::Absent => "EXAMINE",
        _ => "TEST",
    };
    json!({
        "uuid": derived(run, &format!("observation {}", control.id)),
        "title": control.id,
        "description": text(&control.evidence),
        "methods": [method],
        "collected": control.at.to_rfc3339(),
    })
}

fn finding(run: Uuid, control: &ControlResult) -> Value {
    let satisfied = matches!(
        control.status,
        Standing::Enforced | Standing::BuildEvidence | Standing::Attested
    );
    json!({
        "uuid": derived(run, &format!("finding {}", control.id)),
        "title": control.id,
        "description": text(&control.title),
        "props": [property("status", control.status.words()), property("area", &control.area)],
        "target": {
            "type": "objective-id",
            "target-id": control.id.to_lowercase(),
            "status": { "state": if satisfied { "satisfied" } else { "not-satisfied" } },
        },
        "related-observations": [{ "observation-uuid": derived(run, &format!("observation {}", control.id)) }],
    })
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "ns": NAMESPACE, "value": value })
}

/// OSCAL wants some text.
const fn text(said: &str) -> &str {
    if said.is_empty() { "-" } else { said }
}

/// The same thing of the same run has one UUID: version 4 in its form (OSCAL asks for 4 or 5), made of a
/// hash.
fn derived(run: Uuid, what: &str) -> Uuid {
    use sha2::{Digest, Sha256};
    let hash: [u8; 32] = Sha256::digest([run.as_bytes(), what.as_bytes()].concat()).into();
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash) {
        *to = from;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        controls,
        verify::{build_evidence::BuildEvidence, report::Verdicts},
    };

    #[test]
    fn each_control_has_a_finding_that_points_at_its_observation() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let build = BuildEvidence::Missing(String::new());
        let report = Report::new(
            &controls::all().unwrap(),
            &Verdicts::new(),
            &build,
            true,
            at,
        );
        let told = assessment_results(Uuid::from_u128(7), at, &report, "s\n", "aa");
        let result = &told["assessment-results"]["results"][0];
        let (findings, observations) = (
            result["findings"].as_array().unwrap(),
            result["observations"].as_array().unwrap(),
        );
        assert_eq!((findings.len(), observations.len()), (231, 231));
        for (finding, observation) in findings.iter().zip(observations) {
            assert_eq!(
                finding["related-observations"][0]["observation-uuid"],
                observation["uuid"]
            );
        }
        let absent = findings
            .iter()
            .find(|found| found["title"] == "OB-02")
            .unwrap();
        assert_eq!(absent["target"]["status"]["state"], "not-satisfied");
    }
}
