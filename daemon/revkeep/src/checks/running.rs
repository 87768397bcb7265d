//! What the running daemon alone knows: its keys, the sealing of its log, what the last verification said.

use audit::VerifyRun;
use chrono::{DateTime, TimeDelta, Utc};
use identity::SigningKeys;

use super::Finding;
use crate::serve::renewal::Standing;

/// Rows wait for seconds; so long only when sealing does not go on.
const SEALED_WITHIN: TimeDelta = TimeDelta::minutes(10);
/// A verification is run once a day.
const VERIFIED_WITHIN: TimeDelta = TimeDelta::hours(36);

/// The age of the key that signs (LM-67).
pub(crate) fn signing_keys(keys: &SigningKeys) -> Finding {
    let days = keys
        .items
        .iter()
        .find(|key| key.state == "current")
        .map_or(0, |key| key.age_days);
    if keys.due {
        return Finding::warn(
            "signing key",
            format!(
                "has signed for {days} days; {} are the most",
                keys.rotate_every_days
            ),
            "`revkeep keys rotate`; nobody is signed out by it",
        );
    }
    Finding::pass("signing key", format!("has signed for {days} days"))
}

/// Whether the certificate is renewed by itself (LM-31).
pub(crate) fn renewal(standing: &Standing) -> Finding {
    const SUBJECT: &str = "renewal";
    match (&standing.error, standing.next) {
        (Some(error), Some(next)) => Finding::warn(
            SUBJECT,
            format!("failed {} times: {error}", standing.failures),
            format!(
                "it is tried again at {}; the authority must reach this server's port 443 under its name",
                next.to_rfc3339()
            ),
        ),
        _ => Finding::pass(SUBJECT, "the certificate is renewed by the daemon"),
    }
}

/// Whether the audit log is sealed as it grows (LM-77).
pub(crate) fn audit_log(standing: &audit::Standing, now: DateTime<Utc>) -> Finding {
    let behind = standing
        .waiting_since
        .map_or(TimeDelta::zero(), |since| now - since);
    let detail = match &standing.head {
        Some(head) => format!(
            "head {} over {} rows; {} wait to be sealed",
            head.statement.number, head.statement.size, standing.waiting
        ),
        None => format!("no head yet; {} rows wait to be sealed", standing.waiting),
    };
    if behind > SEALED_WITHIN {
        return Finding::warn(
            "audit log",
            format!("{detail}, the oldest for {} minutes", behind.num_minutes()),
            "`journalctl -u revkeep REVKEEP_ACTION=audit_seal` says why; a long transaction in the cluster holds it back too",
        );
    }
    Finding::pass("audit log", detail)
}

/// Which controls the last verification over everything found broken.
pub(crate) fn last_verify(last: Option<&VerifyRun>, now: DateTime<Utc>) -> Finding {
    const SUBJECT: &str = "controls";
    let Some((run, ended)) = last.and_then(|run| Some((run, run.finished_at?))) else {
        return Finding::pass(SUBJECT, "not verified yet; the daemon does it once a day");
    };
    let failing = failing(run);
    let when = ended.format("%Y-%m-%d %H:%M UTC");
    if !failing.is_empty() {
        return Finding::fail(
            SUBJECT,
            format!("{} failed on {when}", failing.join(", ")),
            format!(
                "`revkeep verify {}` says what each reached",
                failing.join(" ")
            ),
        );
    }
    if now - ended > VERIFIED_WITHIN {
        return Finding::warn(
            SUBJECT,
            format!("the last verification ended on {when}"),
            "`revkeep verify`; `journalctl -u revkeep REVKEEP_ACTION=controls_verify` says why the daily run did not end",
        );
    }
    Finding::pass(SUBJECT, format!("none failed on {when}"))
}

fn failing(run: &VerifyRun) -> Vec<String> {
    let controls = run
        .report
        .as_ref()
        .and_then(|report| report.get("controls"))
        .and_then(serde_json::Value::as_array);
    controls
        .into_iter()
        .flatten()
        .filter(|control| {
            control.get("status").and_then(|status| status.as_str()) == Some("failing")
        })
        .filter_map(|control| Some(control.get("id")?.as_str()?.to_owned()))
        .collect()
}
