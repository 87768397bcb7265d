//! Reading, making and rotating the signing keys (LM-67, LM-96). Of several daemons that do it at
//! once, one does.

use std::sync::Arc;

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, DbError};
use kernel::{Action, Actor, RequestId, SigningKeyId, principal::Origin};

use crate::{
    config::{ROTATE_EVERY, SigningAlgorithm},
    error::IdentityError,
    identity::{Identity, Inner},
    keys::{self, KeySet, NewKey, Published, SigningKeyItem, SigningKeys},
    store::{self, SigningKeyRow},
};

/// As many as an operator looks back on.
const SHOWN: i64 = 20;

impl Identity {
    pub async fn signing_key_list(&self) -> Result<SigningKeys, IdentityError> {
        let inner = &self.inner;
        let rows = inner
            .db
            .auth(AuthScope::default(), |tx| {
                store::signing_keys_all(tx, SHOWN)
            })
            .await?;
        let now = inner.clock.now();
        let mut items: Vec<SigningKeyItem> = rows.into_iter().map(|row| item(row, now)).collect();
        items.sort_by_key(|item| standing(&item.state));
        let due = items.iter().any(|item| {
            item.state == "current"
                && item
                    .current_since
                    .is_some_and(|since| now - since >= ROTATE_EVERY)
        });
        Ok(SigningKeys {
            algorithm: inner.config.signing_algorithm.name(),
            rotate_every_days: ROTATE_EVERY.num_days(),
            due,
            items,
        })
    }

    /// Makes the next key current and a new one next; the current one stays published as the
    /// previous, so that its tokens live until they end.
    pub async fn signing_key_rotate(
        &self,
        by: &Actor,
        origin: Option<&Origin>,
        request: Option<RequestId>,
    ) -> Result<SigningKeys, IdentityError> {
        let inner = &self.inner;
        let current = inner.keys()?.current_kid().to_owned();
        let row = inner.new_key_row("next").await?;
        let scope = AuthScope {
            tenant: None,
            user: match by {
                Actor::Human { user, .. } => Some(*user),
                _ => None,
            },
        };
        let (by, origin) = (by.clone(), origin.cloned());
        inner
            .db
            .auth(scope, move |tx| {
                let locked = store::signing_key_lock(tx, "current")?;
                let unchanged =
                    locked.is_some_and(|id| SigningKeyId::from_uuid(id).to_string() == current);
                if unchanged {
                    store::signing_key_move(tx, "previous", "retired")?;
                    store::signing_key_move(tx, "current", "previous")?;
                    store::signing_key_begin(tx)?;
                    store::signing_key_insert(tx, &row)?;
                    Entry::new(
                        Action::SigningKeyRotate,
                        "signing_key",
                        SigningKeyId::from_uuid(row.key_id),
                    )
                    .write_auth(tx, &by, origin.as_ref(), request)?;
                }
                Ok::<_, IdentityError>(())
            })
            .await?;
        self.unlock().await?;
        self.signing_key_list().await
    }
}

impl Inner {
    /// Reads the keys into memory, and makes what is missing: the first two, or a next one for the
    /// algorithm that the configuration asks for.
    pub(crate) async fn load_keys(&self) -> Result<(), IdentityError> {
        let mut rows = self.key_rows().await?;
        if !rows.iter().any(|row| row.state == "current") {
            self.make_first_keys().await?;
            rows = self.key_rows().await?;
        }
        let wanted = self.config.signing_algorithm.name();
        if rows
            .iter()
            .any(|row| row.state == "next" && row.algorithm != wanted)
        {
            self.replace_next(wanted).await?;
            rows = self.key_rows().await?;
        }
        let mut opened = None;
        if let Some(row) = rows.iter().find(|row| row.state == "current") {
            let id = SigningKeyId::from_uuid(row.key_id);
            opened = Some((id, keys::open(&self.vault, id, &row.private_sealed).await?));
        }
        let mut published = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = SigningKeyId::from_uuid(row.key_id);
            let private = opened.as_ref().filter(|(current, _)| *current == id);
            published.push(Published {
                id,
                algorithm: SigningAlgorithm::from_name(&row.algorithm)
                    .ok_or(IdentityError::Crypto("a stored signing key is unusable"))?,
                public_pem: &row.public_pem,
                private_pem: private.map(|(_, pem)| pem),
            });
        }
        self.keys.store(Some(Arc::new(KeySet::build(&published)?)));
        Ok(())
    }

    async fn key_rows(&self) -> Result<Vec<SigningKeyRow>, IdentityError> {
        self.db
            .auth(AuthScope::default(), store::signing_keys)
            .await
    }

    /// Another daemon may be doing the same: the unique index lets one of them win.
    async fn make_first_keys(&self) -> Result<(), IdentityError> {
        let (mut current, next) = (
            self.new_key_row("current").await?,
            self.new_key_row("next").await?,
        );
        current.current_since = Some(current.created_at);
        let stored = self
            .db
            .auth(AuthScope::default(), move |tx| {
                store::signing_key_insert(tx, &current)?;
                store::signing_key_insert(tx, &next)
            })
            .await;
        match stored {
            Ok(()) | Err(IdentityError::Db(DbError::Duplicate(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The configuration asks for another algorithm: a next key that never signed gives way.
    async fn replace_next(&self, wanted: &'static str) -> Result<(), IdentityError> {
        let row = self.new_key_row("next").await?;
        self.db
            .auth(AuthScope::default(), move |tx| {
                store::signing_key_lock(tx, "next")?;
                let outdated = store::signing_keys(tx)?
                    .iter()
                    .any(|key| key.state == "next" && key.algorithm != wanted);
                if outdated {
                    store::signing_key_move(tx, "next", "retired")?;
                    store::signing_key_insert(tx, &row)?;
                }
                Ok(())
            })
            .await
    }

    async fn new_key_row(&self, state: &str) -> Result<SigningKeyRow, IdentityError> {
        let clock = Arc::clone(&self.clock);
        let algorithm = self.config.signing_algorithm;
        let key = tokio::task::spawn_blocking(move || NewKey::generate(clock.as_ref(), algorithm))
            .await
            .map_err(|_| IdentityError::Crypto("making a signing key"))??;
        Ok(SigningKeyRow {
            key_id: key.id.uuid(),
            algorithm: key.algorithm.name().to_owned(),
            state: state.to_owned(),
            private_sealed: key.seal(&self.vault).await?,
            public_pem: key.public_pem.clone(),
            created_at: key.created_at,
            current_since: None,
        })
    }
}

fn item(row: SigningKeyRow, now: DateTime<Utc>) -> SigningKeyItem {
    let since = row.current_since.unwrap_or(row.created_at);
    SigningKeyItem {
        id: SigningKeyId::from_uuid(row.key_id),
        state: row.state,
        algorithm: row.algorithm,
        created_at: row.created_at,
        current_since: row.current_since,
        age_days: (now - since).num_days(),
    }
}

fn standing(state: &str) -> usize {
    ["next", "current", "previous", "retired"]
        .iter()
        .position(|known| *known == state)
        .unwrap_or(usize::MAX)
}
