//! The certificate of an erasure: what was erased, how many rows, when, and what backups may still hold.
//! It is text, a line for each fact, signed by the audit log's key, so that whoever has it can check it
//! without us. It names nobody: the tenant stands in it by its id.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use db::{CertificateRow, ErasureRow};
use kernel::TenantId;
use serde_json::Value;

use crate::{Custody, error::CustodyError};

const FORMAT: &str = "revkeep erasure certificate 1";
/// Certificates that a list shows.
const LISTED: i32 = 200;

/// An erasure, with its certificate once it is finished.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub tenant: TenantId,
    pub asked_at: DateTime<Utc>,
    pub begun_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Erased rows by table; `people` and `rows_of_people` are of those who belonged there alone.
    pub counts: BTreeMap<String, i64>,
    pub statement: Option<String>,
    pub signature: Option<Vec<u8>>,
}

impl From<CertificateRow> for Certificate {
    fn from(row: CertificateRow) -> Self {
        Self {
            tenant: TenantId::from_uuid(row.tenant_id),
            asked_at: row.asked_at,
            begun_at: row.begun_at,
            finished_at: row.finished_at,
            counts: counts(&row.counts),
            statement: row.statement,
            signature: row.signature,
        }
    }
}

impl Custody {
    /// Every erasure of the appliance, newest first.
    pub async fn erasure_list(&self) -> Result<Vec<Certificate>, CustodyError> {
        let rows = self
            .db
            .system(|tx| tx.erasure_certificates(None, LISTED))
            .await?;
        Ok(rows.into_iter().map(Certificate::from).collect())
    }

    /// The certificate of an erased tenant, for whoever knows its id.
    pub async fn erasure_show(&self, tenant: TenantId) -> Result<Certificate, CustodyError> {
        let rows = self
            .db
            .system(move |tx| tx.erasure_certificates(Some(tenant), 1))
            .await?;
        rows.into_iter()
            .next()
            .filter(|row| row.finished_at.is_some())
            .map(Certificate::from)
            .ok_or(CustodyError::NoCertificate)
    }

    /// Signs what was done: statement and signature.
    pub(crate) async fn certify(
        &self,
        tenant: TenantId,
        done: &ErasureRow,
    ) -> Result<(String, Vec<u8>), CustodyError> {
        let keys = self.vault.signing_keys(audit::SIGNING_KEY).await?;
        let key = keys
            .last()
            .ok_or_else(|| vault::VaultError::NoSecret(audit::SIGNING_KEY.to_owned()))?;
        let now = self.db.clock().now();
        let backups = now + TimeDelta::days(i64::from(self.erasure.backups_kept_days));
        let text = statement(tenant, done, now, backups, &audit::hex(&key.bytes));
        let signature = self
            .vault
            .sign(audit::SIGNING_KEY, key.version, text.as_bytes())
            .await?;
        Ok((text, signature))
    }
}

fn statement(
    tenant: TenantId,
    done: &ErasureRow,
    finished: DateTime<Utc>,
    backups: DateTime<Utc>,
    key: &str,
) -> String {
    let mut lines = vec![
        FORMAT.to_owned(),
        format!("tenant {tenant}"),
        format!("asked {}", time(done.asked_at)),
        format!(
            "asked-by {}",
            if done.by_operator {
                "operator"
            } else {
                "owner"
            }
        ),
        format!("begun {}", time(done.begun_at)),
        format!("finished {}", time(finished)),
    ];
    let counts = counts(&done.counts);
    lines.extend(
        counts
            .iter()
            .map(|(table, rows)| format!("erased {table} {rows}")),
    );
    lines.extend([
        format!("audit-rows-kept {}", done.audit_rows),
        "key-destroyed yes".to_owned(),
        format!("backups-until {}", time(backups)),
        format!("key {key}"),
    ]);
    lines.join("\n") + "\n"
}

fn counts(stored: &Value) -> BTreeMap<String, i64> {
    let counted = stored.as_object().into_iter().flatten();
    counted
        .filter_map(|(table, rows)| Some((table.clone(), rows.as_i64()?)))
        .collect()
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
