//! The signature under a run: a short statement with a hash over every control's line, signed by the key
//! that signs the heads of the audit log. Its first line keeps the two kinds of statement apart.

use sha2::{Digest, Sha256};
use uuid::Uuid;
use vault::{Vault, VaultError};

use super::{report::Report, verdict::Standing};

const KIND: &str = "revkeep verification 1";

#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) statement: String,
    pub(crate) signature: Vec<u8>,
}

impl Signed {
    pub(super) async fn make(
        vault: &Vault,
        run: Uuid,
        report: &Report,
    ) -> Result<Self, VaultError> {
        let keys = vault.signing_keys(audit::SIGNING_KEY).await?;
        let key = keys
            .last()
            .ok_or_else(|| VaultError::NoSecret(audit::SIGNING_KEY.to_owned()))?;
        let statement = statement(run, report, &key.bytes);
        let signature = vault
            .sign(audit::SIGNING_KEY, key.version, statement.as_bytes())
            .await?;
        if !vault::signature_holds(&key.bytes, statement.as_bytes(), &signature) {
            return Err(VaultError::Backend(
                "a fresh signature does not verify".to_owned(),
            ));
        }
        Ok(Self {
            statement,
            signature,
        })
    }
}

/// Lines `name value`, each ended by a newline. `results` is the SHA-256 over the lines
/// `id<TAB>status<TAB>evidence<LF>` of all controls in their order.
pub(crate) fn statement(run: Uuid, report: &Report, key: &[u8; 32]) -> String {
    let mut hash = Sha256::new();
    for control in &report.controls {
        hash.update(format!(
            "{}\t{}\t{}\n",
            control.id,
            control.status.words(),
            control.evidence
        ));
    }
    let counts: String = Standing::ALL
        .into_iter()
        .map(|standing| {
            let name = standing.words().to_lowercase().replace([' ', '-'], "_");
            format!("{name} {}\n", report.count(standing))
        })
        .collect();
    format!(
        "{KIND}\nrun {run}\nat {}\nversion {}\ncontrols {}\n{counts}results {}\nkey {}\n",
        report
            .finished_at
            .to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        report.version,
        report.controls.len(),
        audit::hex(&hash.finalize()),
        audit::hex(key),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        controls,
        verify::{build_evidence::BuildEvidence, report::Verdicts},
    };

    #[test]
    fn a_changed_line_changes_the_statement() {
        let at = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let build = BuildEvidence::Missing(String::new());
        let mut report = Report::new(
            &controls::all().unwrap(),
            &Verdicts::new(),
            &build,
            true,
            at,
        );
        let told = statement(Uuid::nil(), &report, &[7; 32]);
        assert!(
            told.starts_with("revkeep verification 1\nrun 0000"),
            "{told}"
        );
        assert!(told.contains("\ncontrols 231\n"), "{told}");
        if let Some(first) = report.controls.first_mut() {
            first.evidence.push('!');
        }
        assert_ne!(told, statement(Uuid::nil(), &report, &[7; 32]));
    }
}
