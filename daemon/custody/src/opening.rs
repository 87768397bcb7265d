//! What stands sealed in a tenant's rows and is theirs to read, opened on its way out: addresses of members
//! and invited people, what their identity provider said of them, and what the audit log holds.

use audit::{Opening, Part};
use db::Db;
use kernel::{AuditId, CaseId, InvitationId, Principal, SessionId, TenantId, UserId};
use serde_json::{Map, Value};
use uuid::Uuid;
use vault::{Vault, VaultError};

use crate::{error::CustodyError, person::term, reader::Row, registry::Table};

pub(crate) struct Opener {
    vault: Vault,
    tenant: TenantId,
    audit: Opening,
}

impl Opener {
    pub(crate) fn new(db: &Db, vault: &Vault, who: &Principal) -> Self {
        Self {
            vault: vault.clone(),
            tenant: who.tenant,
            audit: Opening::new(db, vault, who),
        }
    }

    /// A row as JSON, with what was sealed in it opened.
    pub(crate) async fn line(&mut self, table: &Table, row: Row) -> Result<String, CustodyError> {
        if table.sealed.is_empty() {
            return Ok(row.line);
        }
        let mut map: Map<String, Value> =
            serde_json::from_str(&row.line).map_err(|_| CustodyError::Unreadable)?;
        for (column, sealed) in table.sealed.iter().zip(&row.sealed) {
            let value = match sealed {
                Some(sealed) => self.open((&table.name, column), &map, sealed).await?,
                None => Value::Null,
            };
            map.insert(opened_name(column).to_owned(), value);
        }
        Ok(Value::Object(map).to_string())
    }

    /// The clear value of one sealed column of `row`; `null` when its key was destroyed.
    async fn open(
        &mut self,
        (table, column): (&str, &str),
        row: &Map<String, Value>,
        sealed: &[u8],
    ) -> Result<Value, CustodyError> {
        let opened = match (table, column) {
            ("audit_log", _) => {
                let entry = AuditId::from_uuid(id(row, "audit_id")?);
                let part = match column {
                    "detail_sealed" => Part::Detail,
                    _ => Part::Origin(actor(row)),
                };
                match self.audit.open(entry, part, sealed).await {
                    Ok(opened) => opened,
                    Err(audit::KeyError::Db(error)) => return Err(error.into()),
                    Err(audit::KeyError::Vault(error)) => return Err(error.into()),
                }
            }
            ("people" | "users", _) => {
                let user = UserId::from_uuid(id(row, "user_id")?);
                let address = identity::people_address(&self.vault, user, sealed).await;
                destroyed(address.map(|address| address.expose().clone().into_bytes()))?
            }
            ("sessions", _) => {
                let session = SessionId::from_uuid(id(row, "session_id")?);
                let origin = identity::session_origin(&self.vault, session, sealed).await;
                destroyed(origin.map(|origin| origin.expose().clone()))?
            }
            ("person_cases", _) => {
                let case = CaseId::from_uuid(id(row, "case_id")?);
                let term = term(&self.vault, self.tenant, case, sealed).await?;
                Some(term.into_bytes())
            }
            ("invitations", _) => {
                let invitation = InvitationId::from_uuid(id(row, "invitation_id")?);
                let address =
                    identity::invitation_address(&self.vault, self.tenant, invitation, sealed);
                destroyed(address.await.map(|address| address.expose().clone()))?
            }
            ("scim_users", _) => {
                let user = UserId::from_uuid(id(row, "user_id")?);
                let profile = identity::provisioned_profile(&self.vault, self.tenant, user, sealed);
                destroyed(profile.await.map(|profile| profile.expose().clone()))?
            }
            _ => return Err(CustodyError::Unclassed(format!("{table}.{column}"))),
        };
        Ok(opened.map_or(Value::Null, |bytes| as_json(&bytes)))
    }
}

/// `email_sealed` goes out as `email`.
fn opened_name(column: &str) -> &str {
    column.strip_suffix("_sealed").unwrap_or(column)
}

/// A key that is gone leaves nothing to read; anything else that fails is a failure.
fn destroyed(
    opened: Result<Vec<u8>, identity::IdentityError>,
) -> Result<Option<Vec<u8>>, CustodyError> {
    match opened {
        Ok(clear) => Ok(Some(clear)),
        Err(identity::IdentityError::Vault(VaultError::NoKey(_) | VaultError::Refused)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn as_json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

fn id(row: &Map<String, Value>, column: &str) -> Result<Uuid, CustodyError> {
    row.get(column)
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .ok_or(CustodyError::Unreadable)
}

/// The person who acted, if it was one.
fn actor(row: &Map<String, Value>) -> Option<UserId> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    if text("actor_kind") != Some("human") {
        return None;
    }
    text("actor_id")?.parse().ok()
}
