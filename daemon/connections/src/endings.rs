//! Grants that are at an end here and that the provider is still to be told of (LR-19, OB-33).
//!
//! A token that is taken out of use goes into `grants_ending` in that same transaction, sealed as it
//! stands, so that it can be taken out of use while the secrets backend is sealed. It is opened once,
//! to tell the provider: at once by whoever took it out of use, and when that does not work by the job
//! `connection.revoke`, until it does or three days have passed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, TenantTx, Unit};
use jobs::{Handler, Job, JobError, NewJob};
use kernel::{Action, Classified, ErrorKind, Principal, Secret};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;
use vault::Vault;

use crate::{
    error::ConnectionError,
    provider::{App, CALL_TIMEOUT, Provider, ProviderError},
    seal::{Seals, Token},
    store::{self, Ending, Row},
    tokens::lease,
};

const JOB: &str = "connection.revoke";
/// The job waits this long for whoever took the token out of use: longer than one call.
const HEAD_START: TimeDelta = TimeDelta::seconds(30);
/// After this many attempts, which the usual backoff spreads over about half an hour, hourly.
const SOON: i32 = 12;
const HOURLY: Duration = Duration::from_secs(3600);

/// Takes the refresh token of a connection out of use, in the transaction that deletes or replaces it,
/// and the lease from whoever is refreshing it. `row` was read under its lock. `None` when there is no
/// token.
pub(crate) fn ending_begin(
    tx: &mut TenantTx<'_>,
    row: &Row,
) -> Result<Option<Ending>, ConnectionError> {
    jobs::lease_end(tx, &lease(row.id()))?;
    match row.refresh_sealed.clone() {
        Some(sealed) => ending_keep(tx, row, sealed).map(Some),
        None => Ok(None),
    }
}

/// The same for a token that never came into use.
fn ending_keep(
    tx: &mut TenantTx<'_>,
    row: &Row,
    sealed: Vec<u8>,
) -> Result<Ending, ConnectionError> {
    let ending = store::ending_insert(tx, row, sealed)?;
    let at: DateTime<Utc> = tx.now() + HEAD_START;
    let job = NewJob::new(JOB, json!({ "ending": ending.ending_id }))
        .at(at)
        .attempts(100);
    jobs::enqueue(tx, job)?;
    Ok(ending)
}

/// Tells the provider. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Endings {
    pub(crate) db: Db,
    pub(crate) vault: Vault,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) redirect_uri: String,
}

impl Endings {
    /// The first try, by whoever took the token out of use. That it did not work is written down and
    /// left to the job. `in_hand` spares opening the token.
    pub(crate) async fn end_now(
        &self,
        who: &Principal,
        ending: &Ending,
        in_hand: Option<&Secret<String>>,
    ) {
        let Err(error) = self.end(who, ending, in_hand).await else {
            return;
        };
        let id = ending.connection();
        log::warn!(REVKEEP_TENANT = who.tenant.to_string().as_str(); "the grant of {id} is not revoked yet and is tried again: {error}");
        let detail = error.to_string();
        let noted = self
            .db
            .run(who, move |tx| {
                Ok::<_, ConnectionError>(
                    audit::Entry::new(Action::ConnectionRevoke, "connection", id)
                        .after(json!({ "detail": detail }))
                        .failed("revoke_failed")
                        .even_sealed()
                        .write(tx)?,
                )
            })
            .await;
        if let Err(error) = noted {
            log::warn!("that the grant of {id} is not revoked yet could not be audited: {error}");
        }
    }

    /// A grant that is not kept does not live on unseen. `sealed` is `token` as the refresh token of
    /// the connection `row`.
    pub(crate) async fn drop_grant(
        &self,
        who: &Principal,
        row: &Row,
        sealed: Vec<u8>,
        token: &Secret<String>,
    ) {
        let id = row.id();
        let row = row.clone();
        let kept = self
            .db
            .run(who, move |tx| ending_keep(tx, &row, sealed))
            .await;
        match kept {
            Ok(ending) => self.end_now(who, &ending, Some(token)).await,
            Err(error) => {
                log::warn!("a grant of {id} that is not kept could not be written down: {error}");
            }
        }
    }

    /// Tells the provider, then empties the place.
    async fn end(
        &self,
        who: &Principal,
        ending: &Ending,
        in_hand: Option<&Secret<String>>,
    ) -> Result<(), ConnectionError> {
        let opened;
        let token = match in_hand {
            Some(token) => token,
            None => {
                opened = self.open(who, ending).await?;
                &opened
            }
        };
        let app = App {
            login_host: ending.login_host.clone(),
            client_id: ending.consumer_key.clone(),
            client_secret: None,
            redirect_uri: self.redirect_uri.clone(),
        };
        tokio::time::timeout(CALL_TIMEOUT, self.provider.revoke(&app, token))
            .await
            .unwrap_or_else(|_| Err(ProviderError::InDoubt("no answer in time".to_owned())))
            .map_err(ConnectionError::Provider)?;
        self.close(who, ending, None).await
    }

    async fn open(
        &self,
        who: &Principal,
        ending: &Ending,
    ) -> Result<Secret<String>, ConnectionError> {
        let seals = Seals {
            vault: &self.vault,
            tenant: who.tenant,
            provider: self.provider.name(),
        };
        seals
            .open_token(ending.connection(), Token::Refresh, &ending.token_sealed)
            .await
    }

    /// Empties the place; `failed` says why the provider was never told.
    async fn close(
        &self,
        who: &Principal,
        ending: &Ending,
        failed: Option<&'static str>,
    ) -> Result<(), ConnectionError> {
        let (ending, id) = (ending.ending_id, ending.connection());
        self.db
            .run(who, move |tx| {
                if !store::ending_delete(tx, ending)? {
                    return Ok(());
                }
                let entry =
                    audit::Entry::new(Action::ConnectionRevoke, "connection", id).even_sealed();
                match failed {
                    None => entry.write(tx)?,
                    Some(code) => entry.failed(code).write(tx)?,
                }
                Ok(())
            })
            .await
    }
}

/// The job `connection.revoke`.
pub(crate) struct Revoke(pub(crate) Endings);

#[derive(Deserialize)]
struct Payload {
    ending: Uuid,
}

#[async_trait]
impl Handler for Revoke {
    fn kind(&self) -> &'static str {
        JOB
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let Payload { ending } = job.read()?;
        let who = job.principal();
        let found = self
            .0
            .db
            .run(&who, move |tx| {
                Ok::<_, ConnectionError>((store::ending_find(tx, ending)?, tx.now()))
            })
            .await
            .map_err(|error| again(&error, job))?;
        let (Some(ending), now) = found else {
            return Ok(());
        };
        let ended = if ending.gives_up_at <= now {
            self.0.close(&who, &ending, Some("revoke_given_up")).await
        } else {
            self.0.end(&who, &ending, None).await
        };
        ended.map_err(|error| again(&error, job))
    }
}

/// A sealed backend is waited for; a provider that does not answer is asked ever more rarely.
fn again(error: &ConnectionError, job: &Job) -> JobError {
    match error.kind() {
        ErrorKind::Sealed => JobError::from_classified(error),
        _ => JobError::Retry {
            code: error.code(),
            detail: error.to_string(),
            after: (job.attempts > SOON).then_some(HOURLY),
        },
    }
}
