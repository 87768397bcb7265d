//! What administrators do with targets. The platform's principal has the appliance's, a tenant's has that
//! tenant's; a test is audited as everything is.

use audit::Entry;
use db::{LogEnd, TenantTx, Unit};
use kernel::{Action, Classified, Principal, SiemTargetId, TenantId};
use serde_json::json;

use super::{
    Siem,
    event::Event,
    secrets::{kinds, secrets_whole},
    store::{self, CursorRow, TargetChange, TargetRow},
    target::{Standing, Target, TargetInput, Transport},
    transport::{Link, STEP},
};
use crate::error::DeliveryError;

/// What a test found.
#[derive(Clone, Debug)]
pub struct Tested {
    /// `None` when the event was sent; else why not, as a code and for people.
    pub fault: Option<(&'static str, String)>,
    /// Whether the target said that it has the event.
    pub acknowledged: bool,
    pub certificate_ends_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl Siem {
    pub async fn target_list(&self, who: &Principal) -> Result<Vec<Target>, DeliveryError> {
        let (found, waiting) = self
            .db
            .run(who, |tx| {
                let found = store::targets(tx)?;
                let waiting = if tx.tenant() == TenantId::PLATFORM {
                    Vec::new()
                } else {
                    found
                        .iter()
                        .map(|(_, cursor)| waiting(tx, cursor))
                        .collect::<Result<_, _>>()?
                };
                Ok::<_, DeliveryError>((found, waiting))
            })
            .await?;
        let waiting = if who.tenant == TenantId::PLATFORM {
            self.all_waiting(&found).await?
        } else {
            waiting
        };
        found
            .into_iter()
            .zip(waiting)
            .map(|((row, cursor), waiting)| read(row, cursor, waiting))
            .collect()
    }

    /// With `from_start` the target gets the log from its first entry that is kept, else from now on.
    pub async fn target_create(
        &self,
        who: &Principal,
        input: TargetInput,
        from_start: bool,
    ) -> Result<Target, DeliveryError> {
        let input = input.checked(who.tenant)?;
        self.admitted(&input)?;
        secrets_whole(&input, None)?;
        let id = SiemTargetId::generate(self.db.clock().as_ref());
        let (key, token) = self.sealed(who.tenant, id, &input).await?;
        let from = if from_start {
            LogEnd {
                next_position: 0,
                next_head: 1,
            }
        } else {
            self.db.system(|tx| tx.siem_log_end()).await?
        };
        let now = self.db.clock().now();
        let row = TargetRow {
            tenant_id: who.tenant.uuid(),
            target_id: id.uuid(),
            name: input.name,
            transport: input.transport.name().to_owned(),
            format: input.format.name().to_owned(),
            address: input.address,
            authorities: input.authorities,
            client_certificate: input.client_certificate,
            client_key_sealed: key,
            token_sealed: token,
            actions: input.actions,
            outcomes: input.outcomes,
            enabled: input.enabled,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.db
            .run(who, move |tx| {
                store::target_insert(tx, &row, from)?;
                Entry::new(Action::SiemTargetCreate, "siem_target", id)
                    .after(shown(&row))
                    .write(tx)?;
                Ok::<_, DeliveryError>(())
            })
            .await?;
        self.target_one(who, id).await
    }

    /// Everything but the transport. Pausing is a change of `enabled`; the stream goes on where it was.
    pub async fn target_update(
        &self,
        who: &Principal,
        id: SiemTargetId,
        version: i64,
        input: TargetInput,
    ) -> Result<Target, DeliveryError> {
        let before = self.row(who, id).await?;
        let input = input.checked(who.tenant)?;
        self.admitted(&input)?;
        if before.transport != input.transport.name() {
            return Err(DeliveryError::input("transport", "transport_fixed"));
        }
        secrets_whole(&input, Some(&before))?;
        let (key, token) = self.sealed(who.tenant, id, &input).await?;
        let kept = input.client_certificate.is_some();
        let change = TargetChange {
            name: input.name,
            format: input.format.name().to_owned(),
            address: input.address,
            authorities: input.authorities,
            client_certificate: input.client_certificate,
            client_key_sealed: key.or_else(|| before.client_key_sealed.clone().filter(|_| kept)),
            token_sealed: token.or_else(|| before.token_sealed.clone()),
            actions: input.actions,
            outcomes: input.outcomes,
            enabled: input.enabled,
            version: version.saturating_add(1),
            updated_at: self.db.clock().now(),
        };
        self.db
            .run(who, move |tx| {
                if !store::target_update(tx, id, version, &change)? {
                    return Err(DeliveryError::Stale);
                }
                let (after, _) = store::target(tx, id)?.ok_or(DeliveryError::NoTarget)?;
                Entry::new(Action::SiemTargetUpdate, "siem_target", id)
                    .before(shown(&before))
                    .after(shown(&after))
                    .write(tx)?;
                Ok(())
            })
            .await?;
        self.target_one(who, id).await
    }

    pub async fn target_delete(
        &self,
        who: &Principal,
        id: SiemTargetId,
    ) -> Result<(), DeliveryError> {
        self.db
            .run(who, move |tx| {
                let (row, _) = store::target(tx, id)?.ok_or(DeliveryError::NoTarget)?;
                store::target_delete(tx, id)?;
                Entry::new(Action::SiemTargetDelete, "siem_target", id)
                    .before(shown(&row))
                    .write(tx)?;
                Ok(())
            })
            .await
    }

    /// Sends one event over a connection of its own.
    pub async fn target_test(
        &self,
        who: &Principal,
        id: SiemTargetId,
    ) -> Result<Tested, DeliveryError> {
        let row = self.row(who, id).await?;
        let route = self.route(&row).await?;
        let clock = self.db.clock();
        let event_id = kernel::id::uuid_at(clock.as_ref());
        let event = Event::test(id.to_string(), event_id, clock.now(), row.tenant_id);
        let sent = tokio::time::timeout(STEP * 2, async {
            let mut link = Link::open(&self.egress, &route).await?;
            link.send(&route, &[event]).await?;
            let ends_at = link.certificate_ends_at();
            link.close().await?;
            Ok::<_, DeliveryError>(ends_at)
        })
        .await
        .unwrap_or(Err(DeliveryError::Slow));
        let (fault, ends_at) = match sent {
            Ok(ends_at) => (None, ends_at),
            Err(error) => (Some((error.code(), error.message())), None),
        };
        let code = fault.as_ref().map(|(code, _)| *code);
        self.db
            .run(who, move |tx| {
                let entry = Entry::new(Action::SiemTargetTest, "siem_target", id);
                match code {
                    Some(code) => entry.failed(code).write(tx),
                    None => entry.write(tx),
                }
            })
            .await?;
        Ok(Tested {
            acknowledged: fault.is_none() && route.transport.acknowledges(),
            fault,
            certificate_ends_at: ends_at,
        })
    }

    async fn target_one(&self, who: &Principal, id: SiemTargetId) -> Result<Target, DeliveryError> {
        let all = self.target_list(who).await?;
        all.into_iter()
            .find(|target| target.id == id)
            .ok_or(DeliveryError::NoTarget)
    }

    async fn row(&self, who: &Principal, id: SiemTargetId) -> Result<TargetRow, DeliveryError> {
        let found = self
            .db
            .run(who, move |tx| store::target(tx, id))
            .await?
            .ok_or(DeliveryError::NoTarget)?;
        Ok(found.0)
    }

    async fn all_waiting(
        &self,
        found: &[(TargetRow, CursorRow)],
    ) -> Result<Vec<Waiting>, DeliveryError> {
        let nexts: Vec<i64> = found.iter().map(|(_, c)| c.next_position).collect();
        Ok(self
            .db
            .system(move |tx| {
                let end = tx.siem_log_end()?.next_position;
                nexts
                    .into_iter()
                    .map(|next| {
                        let oldest = tx.siem_entries(next, 1)?;
                        let count = end.saturating_sub(next).clamp(0, Standing::MOST_WAITING);
                        Ok((count, oldest.first().map(|entry| entry.at)))
                    })
                    .collect::<Result<_, db::DbError>>()
            })
            .await?)
    }

    fn admitted(&self, input: &TargetInput) -> Result<(), DeliveryError> {
        match input.transport {
            Transport::File | Transport::Journal => {}
            Transport::Https => self
                .egress
                .admits_url(egress::Purpose::Siem, &input.address)?,
            _ => {
                let endpoint = input.address.parse()?;
                self.egress.admits(egress::Purpose::Siem, &endpoint)?;
            }
        }
        Ok(())
    }
}

/// How many entries wait, and since when the oldest does.
type Waiting = (i64, Option<chrono::DateTime<chrono::Utc>>);

fn waiting(tx: &mut TenantTx<'_>, cursor: &CursorRow) -> Result<Waiting, DeliveryError> {
    let most = Standing::MOST_WAITING;
    let entries = audit::entries_waiting(tx, cursor.next_position, most)?;
    let oldest = audit::entries_from(tx, cursor.next_position, 1)?;
    Ok((entries, oldest.first().map(|entry| entry.at)))
}

fn read(row: TargetRow, cursor: CursorRow, waiting: Waiting) -> Result<Target, DeliveryError> {
    let (transport, format) = kinds(&row)?;
    Ok(Target {
        id: SiemTargetId::from_uuid(row.target_id),
        name: row.name,
        transport,
        format,
        address: row.address,
        authorities: row.authorities,
        client_certificate: row.client_certificate,
        has_client_key: row.client_key_sealed.is_some(),
        has_token: row.token_sealed.is_some(),
        actions: row.actions,
        outcomes: row.outcomes,
        enabled: row.enabled,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        standing: Standing {
            sent: cursor.sent,
            errors: cursor.errors,
            waiting: waiting.0,
            waiting_since: waiting.1,
            last_sent_at: cursor.last_sent_at,
            failing: cursor.failing,
            last_error: cursor.last_error,
            last_error_at: cursor.last_error_at,
            certificate_ends_at: cursor.certificate_ends_at,
        },
    })
}

/// For the audit log: what was set, without secrets.
fn shown(row: &TargetRow) -> serde_json::Value {
    json!({
        "name": row.name,
        "transport": row.transport,
        "format": row.format,
        "address": row.address,
        "authorities": row.authorities,
        "client_certificate": row.client_certificate,
        "actions": row.actions,
        "outcomes": row.outcomes,
        "enabled": row.enabled,
    })
}
