//! What is sealed in entries, opened for the tenant that they belong to. A key that was destroyed leaves
//! its part closed for good, and nothing here makes a new one.

use std::{collections::HashMap, sync::Arc};

use db::{Db, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};
use kernel::{AuditId, Principal, UserId};
use schema::audit_keys;
use uuid::Uuid;
use vault::{DataKey, Vault, VaultError, Wrapped};

use crate::{
    entry::{place, subject},
    keyring::{KeyError, binding},
};

/// A part of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Before and after, under the tenant's key.
    Detail,
    /// Address and user agent: of a person under theirs, of anybody else under the tenant's.
    Origin(Option<UserId>),
}

impl Part {
    const fn column(self) -> &'static str {
        match self {
            Self::Detail => "detail",
            Self::Origin(_) => "origin",
        }
    }
}

/// Opens parts of one tenant's entries, and keeps their keys as long as it lives.
pub struct Opening {
    db: Db,
    vault: Vault,
    who: Principal,
    keys: HashMap<Uuid, Option<Arc<DataKey>>>,
}

impl Opening {
    pub fn new(db: &Db, vault: &Vault, who: &Principal) -> Self {
        Self {
            db: db.clone(),
            vault: vault.clone(),
            who: who.clone(),
            keys: HashMap::new(),
        }
    }

    /// The JSON that was sealed; `None` when its key was destroyed.
    pub async fn open(
        &mut self,
        entry: AuditId,
        part: Part,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, KeyError> {
        let of = match part {
            Part::Detail => None,
            Part::Origin(person) => person,
        };
        let Some(key) = self.key(subject(of)).await? else {
            return Ok(None);
        };
        let place = place(self.who.tenant, entry, part.column());
        match key.open_with(&place, sealed) {
            Ok(clear) => Ok(Some(clear.expose().clone())),
            // Sealed under a key that was destroyed before this one was made.
            Err(VaultError::Refused) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn key(&mut self, subject: Uuid) -> Result<Option<Arc<DataKey>>, KeyError> {
        if let Some(key) = self.keys.get(&subject) {
            return Ok(key.clone());
        }
        let key = self.fetch(subject).await?;
        self.keys.insert(subject, key.clone());
        Ok(key)
    }

    async fn fetch(&self, subject: Uuid) -> Result<Option<Arc<DataKey>>, KeyError> {
        let tenant = self.who.tenant;
        let stored: Option<Vec<u8>> = self
            .db
            .run_unsealed(&self.who, move |tx| {
                Ok::<_, db::DbError>(
                    audit_keys::table
                        .filter(audit_keys::tenant_id.eq(tenant.uuid()))
                        .filter(audit_keys::subject.eq(subject))
                        .select(audit_keys::wrapped)
                        .first(tx.conn())
                        .optional()?,
                )
            })
            .await?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let owner = subject.to_string();
        let opened = self
            .vault
            .data_key(tenant, &binding(&owner), &Wrapped::parse(&stored)?)
            .await;
        match opened {
            Ok(key) => Ok(Some(key)),
            Err(VaultError::NoKey(_) | VaultError::Refused) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
