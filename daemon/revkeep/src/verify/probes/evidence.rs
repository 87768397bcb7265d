//! The audit log: nobody changes it, and it is sealed as it grows (LM-77).

use audit::{Finding, Hash, Sealer};
use db::{Auditor, DbRole};

use crate::{
    checks,
    verify::{
        Sight,
        verdict::{Trouble, Verdict},
    },
};

pub(in crate::verify) async fn audit_append_only(sight: &Sight) -> Result<Verdict, Trouble> {
    let mut tried = 0;
    let mut findings = Vec::new();
    for role in [DbRole::App, DbRole::Auth] {
        let looked = sight.db.probe(role, |tx| tx.audit_changes()).await?;
        tried += looked.tried;
        let named = looked
            .findings
            .into_iter()
            .map(|finding| format!("{finding} as {}", role.name()));
        findings.extend(named);
    }
    Ok(Verdict::of(
        &findings,
        format!("{tried} updates, deletions, truncations and forged rows were refused"),
    ))
}

/// Beside the missing rights: what stops the owner of the tables.
pub(in crate::verify) async fn audit_guarded(sight: &Sight) -> Result<Verdict, Trouble> {
    let found = sight
        .db
        .probe(DbRole::App, |tx| tx.unguarded_audit())
        .await?;
    Ok(Verdict::of(
        &found,
        "the triggers against change and truncation are there and on, of every partition",
    ))
}

/// Every sealed row is as it was sealed, and so is every head: what `revkeep audit verify` does, each day.
pub(in crate::verify) async fn audit_intact(sight: &Sight) -> Result<Verdict, Trouble> {
    let keys = sight.sealer.keys().await?;
    let keys: Vec<Hash> = keys.iter().map(|key| key.bytes).collect();
    let config = sight.config.database.clone();
    let report = tokio::task::spawn_blocking(move || {
        let mut auditor = Auditor::open(&config)?;
        audit::verify(&mut auditor, &keys, |_, _, _| {})
    })
    .await??;
    let mut findings: Vec<String> = report.findings.iter().map(told).collect();
    if report.more > 0 {
        findings.push(format!("{} more findings", report.more));
    }
    let evidence = format!(
        "{} entries under {} heads are as they were sealed",
        report.leaves, report.heads
    );
    Ok(Verdict::of(&findings, evidence))
}

fn told(found: &Finding) -> String {
    if found.from == found.to {
        format!("{} {}: {}", found.of, found.from, found.detail)
    } else {
        format!(
            "{} {} to {}: {}",
            found.of, found.from, found.to, found.detail
        )
    }
}

/// The last head is signed by the key in the secrets backend, and rows do not wait long for theirs.
pub(in crate::verify) async fn audit_sealed(sight: &Sight) -> Result<Verdict, Trouble> {
    let sealer: &Sealer = &sight.sealer;
    let standing = match sealer.standing().await {
        Ok(standing) => standing,
        Err(audit::SealError::Tampered(why)) => {
            return Ok(Verdict::Fails(format!("the last head was changed: {why}")));
        }
        Err(error) => return Err(error.into()),
    };
    let keys = sealer.keys().await?;
    let mut findings = Vec::new();
    if let Some(head) = &standing.head {
        let known = keys.iter().any(|key| key.bytes == head.statement.key);
        if !known || !head.signature_holds() {
            findings.push(format!(
                "head {} is not signed by a key of the secrets backend",
                head.statement.number
            ));
        }
    }
    let told = checks::audit_log(&standing, sight.db.clock().now());
    if told.verdict != checks::Verdict::Pass {
        findings.push(told.detail.clone());
    }
    Ok(Verdict::of(&findings, told.detail))
}
