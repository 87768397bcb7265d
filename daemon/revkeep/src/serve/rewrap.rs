//! Moves everything that is sealed to a new version of the keys (OB-07). `revkeep keys rewrap` queues one
//! job for each tenant and one for the platform; a job goes through its values a page at a time, writes
//! down how far it is, and begins anew after a crash: a value that was moved already is left alone.

use std::sync::Arc;

use async_trait::async_trait;
use db::Db;
use jobs::{Handler, Job, JobError, JobsError, NewJob};
use kernel::{Action, Actor, Classified, Principal, Roles, TenantId};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;
use vault::{RewrapPage, Vault};

use connections::Connections;
use delivery::{Siem, Webhooks};
use identity::Identity;

const JOB: &str = "keys.rewrap";

/// Everything that is rewrapped. `tests/golden/sealed-columns.txt` lists every sealed column of the
/// database, and a test compares the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sealed {
    Connections,
    EndingGrants,
    Invitations,
    AuditKeys,
    SigningKeys,
    People,
    ProviderSecrets,
    ScimProfiles,
    SiemSecrets,
    WebhookSecrets,
}

impl Sealed {
    /// Under the key of each tenant. The platform is a tenant here as well: it has an audit log.
    const OF_TENANT: [Self; 8] = [
        Self::AuditKeys,
        Self::Connections,
        Self::EndingGrants,
        Self::Invitations,
        Self::ProviderSecrets,
        Self::ScimProfiles,
        Self::SiemSecrets,
        Self::WebhookSecrets,
    ];
    /// Under the platform's key.
    const OF_PLATFORM: [Self; 5] = [
        Self::AuditKeys,
        Self::SigningKeys,
        Self::People,
        Self::ProviderSecrets,
        Self::SiemSecrets,
    ];

    #[cfg(test)]
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Connections => &[
                "connections.access_sealed",
                "connections.consumer_secret_sealed",
                "connections.refresh_sealed",
            ],
            Self::EndingGrants => &["grants_ending.token_sealed"],
            Self::Invitations => &["invitations.email_sealed"],
            Self::AuditKeys => &["audit_keys.wrapped"],
            Self::SigningKeys => &["signing_keys.private_sealed"],
            Self::People => &[
                "sessions.device_sealed",
                "totp_factors.secret_sealed",
                "users.email_sealed",
            ],
            Self::ProviderSecrets => &["sso_providers.client_secret_sealed"],
            Self::ScimProfiles => &["scim_users.profile_sealed"],
            Self::SiemSecrets => &[
                "siem_targets.client_key_sealed",
                "siem_targets.token_sealed",
            ],
            Self::WebhookSecrets => &["webhooks.previous_sealed", "webhooks.secret_sealed"],
        }
    }
}

/// Queues the work in every tenant and on the platform; answers the run's id and how many jobs it has.
/// A tenant whose job still waits from before is left with that one.
pub(super) async fn begin(
    db: &Db,
    asker: &Actor,
    rotate: bool,
) -> Result<(Uuid, usize), JobsError> {
    let run = kernel::id::uuid_at(db.clock().as_ref());
    let mut tenants = db.system(|tx| tx.tenants_all()).await?;
    tenants.push(TenantId::PLATFORM);
    let mut queued = 0;
    for tenant in tenants {
        let who = Principal {
            tenant,
            actor: asker.clone(),
            roles: Roles::default(),
            request: None,
            origin: None,
        };
        let added = db
            .run(&who, move |tx| {
                let payload = json!({ "run": run, "rotate": rotate });
                let job = NewJob::new(JOB, payload).attempts(100).dedupe("keys");
                let added = jobs::enqueue(tx, job)?;
                audit::Entry::new(Action::KeyRewrap, "key", tenant)
                    .after(json!({ "step": "begun", "rotate": rotate }))
                    .write(tx)?;
                Ok::<_, JobsError>(added)
            })
            .await?;
        queued += usize::from(added.is_some());
    }
    Ok((run, queued))
}

/// How far a run is, as the command shows it.
pub(super) async fn progress(db: &Db, run: Uuid) -> Result<Value, db::DbError> {
    let counts = db.system(move |tx| tx.rewraps_census(run)).await?;
    let of = |state: &str| {
        counts
            .iter()
            .find(|count| count.state == state)
            .map_or(0, |count| count.tenants)
    };
    let waits_for = counts
        .iter()
        .filter(|count| count.state != "done")
        .find_map(|count| count.error_code.as_deref());
    Ok(json!({
        "run": run,
        "jobs": counts.iter().map(|count| count.tenants).sum::<i64>(),
        "done": of("done"),
        "dead": of("dead"),
        "seen": counts.iter().map(|count| count.seen).sum::<i64>(),
        "moved": counts.iter().map(|count| count.moved).sum::<i64>(),
        "error": waits_for,
    }))
}

/// The job of one tenant, or of the platform.
pub(super) struct Rewrap {
    pub(super) db: Db,
    pub(super) vault: Vault,
    pub(super) identity: Identity,
    pub(super) connections: Connections,
    pub(super) siem: Siem,
    pub(super) webhooks: Webhooks,
}

/// What the job was asked for, and what it remembers of itself.
#[derive(Deserialize)]
struct Payload {
    rotate: bool,
    /// The version that the rotation makes: noted before it, so that a crash after it is seen.
    #[serde(default)]
    target: Option<u32>,
    #[serde(default)]
    rotated: bool,
}

#[async_trait]
impl Handler for Rewrap {
    fn kind(&self) -> &'static str {
        JOB
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let payload: Payload = job.read()?;
        let who = job.principal();
        self.vault
            .ensure_tenant_key(who.tenant)
            .await
            .map_err(reason)?;
        if payload.rotate && !payload.rotated {
            self.rotate(job, &who, payload.target).await?;
        }
        let newest = self
            .vault
            .newest_version(who.tenant)
            .await
            .map_err(reason)?;
        let groups: &[Sealed] = if who.tenant == TenantId::PLATFORM {
            &Sealed::OF_PLATFORM
        } else {
            &Sealed::OF_TENANT
        };
        let mut total = RewrapPage::default();
        for group in groups.iter().copied() {
            let mut last = None;
            loop {
                let page = self.page(group, &who, last, newest).await?;
                total.seen = total.seen.saturating_add(page.seen);
                total.moved = total.moved.saturating_add(page.moved);
                self.remember(job, json!({ "seen": total.seen, "moved": total.moved }))
                    .await?;
                fail::fail_point!("rewrap_page");
                last = page.next;
                if last.is_none() {
                    break;
                }
            }
        }
        let tenant = who.tenant;
        self.db
            .run(&who, move |tx| {
                audit::Entry::new(Action::KeyRewrap, "key", tenant)
                    .after(json!({ "step": "done", "version": newest, "seen": total.seen, "moved": total.moved }))
                    .write(tx)
            })
            .await
            .map_err(JobError::from)
    }
}

impl Rewrap {
    /// Adds one version to the key, however often this is begun.
    async fn rotate(
        &self,
        job: &Job,
        who: &Principal,
        target: Option<u32>,
    ) -> Result<(), JobError> {
        let newest = self
            .vault
            .newest_version(who.tenant)
            .await
            .map_err(reason)?;
        let target = match target {
            Some(target) => target,
            None => {
                let target = newest.saturating_add(1);
                self.remember(job, json!({ "target": target })).await?;
                target
            }
        };
        if newest < target {
            self.vault
                .rotate_tenant_key(who.tenant)
                .await
                .map_err(reason)?;
            fail::fail_point!("key_rotated");
        }
        let (id, tenant) = (job.id, who.tenant);
        self.db
            .run(who, move |tx| {
                jobs::remember(tx, id, &json!({ "rotated": true }))?;
                audit::Entry::new(Action::KeyRotate, "key", tenant)
                    .after(json!({ "version": target }))
                    .write(tx)?;
                Ok::<_, JobsError>(())
            })
            .await?;
        Ok(())
    }

    async fn page(
        &self,
        group: Sealed,
        who: &Principal,
        last: Option<Uuid>,
        newest: u32,
    ) -> Result<RewrapPage, JobError> {
        match group {
            Sealed::Connections => self
                .connections
                .connection_rewrap(who, last, newest)
                .await
                .map_err(reason),
            Sealed::EndingGrants => self
                .connections
                .ending_rewrap(who, last, newest)
                .await
                .map_err(reason),
            Sealed::Invitations => self
                .identity
                .invitations_rewrap(who, last, newest)
                .await
                .map_err(reason),
            Sealed::AuditKeys => audit::audit_keys_rewrap(&self.db, &self.vault, who, last, newest)
                .await
                .map_err(reason),
            Sealed::SigningKeys => self
                .identity
                .signing_keys_rewrap(newest)
                .await
                .map_err(reason),
            Sealed::People => self
                .identity
                .people_rewrap(last, newest)
                .await
                .map_err(reason),
            Sealed::ProviderSecrets => self
                .identity
                .provider_secrets_rewrap(who.tenant, newest)
                .await
                .map_err(reason),
            Sealed::ScimProfiles => self
                .identity
                .scim_profiles_rewrap(who, last, newest)
                .await
                .map_err(reason),
            Sealed::SiemSecrets => self.siem.secrets_rewrap(who, newest).await.map_err(reason),
            Sealed::WebhookSecrets => self
                .webhooks
                .secrets_rewrap(who, newest)
                .await
                .map_err(reason),
        }
    }

    async fn remember(&self, job: &Job, notes: Value) -> Result<(), JobError> {
        let id = job.id;
        self.db
            .run_unsealed(&job.principal(), move |tx| jobs::remember(tx, id, &notes))
            .await?;
        Ok(())
    }
}

/// What is not there is waited for; what does not open is for a person, who finds it in the log.
fn reason<E: Classified>(error: E) -> JobError {
    JobError::from_classified(&error)
}

/// The handler, with everything that it reaches.
pub(super) fn handler(
    db: &Db,
    vault: &Vault,
    identity: &Identity,
    connections: &Connections,
    (siem, webhooks): (&Siem, &Webhooks),
) -> Arc<dyn Handler> {
    Arc::new(Rewrap {
        db: db.clone(),
        vault: vault.clone(),
        identity: identity.clone(),
        connections: connections.clone(),
        siem: siem.clone(),
        webhooks: webhooks.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The golden list is compared with the database by the integration tests, so nothing that is
    /// sealed can be left behind by a rotation.
    #[test]
    fn every_sealed_column_that_is_to_be_rewrapped_is() {
        let golden = include_str!("../../../../tests/golden/sealed-columns.txt");
        let mut listed: Vec<&str> = golden
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(" rewrapped ").map(|(column, _)| column))
            .collect();
        let mut ours: Vec<&str> = Sealed::OF_TENANT
            .iter()
            .chain(&Sealed::OF_PLATFORM)
            .flat_map(|group| group.columns())
            .copied()
            .collect();
        listed.sort_unstable();
        ours.sort_unstable();
        ours.dedup();
        assert_eq!(ours, listed);
    }
}
