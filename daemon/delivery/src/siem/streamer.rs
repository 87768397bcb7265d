//! Keeps a stream to each target that is enabled, while the daemon runs.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use db::{SiemTargetKey, TenantTx};
use jobs::Fence;
use kernel::{Classified, Principal, SiemTargetId, TenantId};
use tokio::{sync::watch, task::JoinHandle};

use super::{
    Siem,
    pace::Pace,
    store::{self, Place},
    target::Filter,
    transport::{Link, STEP},
    window::Window,
};
use crate::error::DeliveryError;

/// How often targets and their changes are looked for.
const LOOK: Duration = Duration::from_secs(2);
/// How often new entries are looked for.
const IDLE: Duration = Duration::from_secs(1);
/// More than twice [`STEP`], within which a page is sent or given up.
const LIFE: TimeDelta = TimeDelta::seconds(25);
const RENEW: TimeDelta = TimeDelta::seconds(8);
/// So long before the end of a certificate the journal begins to warn.
const CERTIFICATE_WARNING: TimeDelta = TimeDelta::days(14);

/// A stream that is kept.
struct Running {
    version: i64,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What the holder of a target's lease acts with.
#[derive(Clone)]
struct Held {
    siem: Siem,
    who: Principal,
    id: SiemTargetId,
    owner: String,
    fence: Fence,
}

/// Why a stream is not kept at this moment.
enum Pause {
    Stopped,
    /// Another daemon has it.
    Busy,
    Failed(DeliveryError),
}

impl Siem {
    /// Streams until it is told to stop. `owner` tells this daemon from others.
    pub async fn run(self, owner: String, mut stop: watch::Receiver<bool>) {
        let mut running: HashMap<(TenantId, SiemTargetId), Running> = HashMap::new();
        let mut tick = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                _ = tick.tick() => {}
            }
            if !self.db.is_unlocked() {
                continue;
            }
            match self.db.system(|tx| tx.siem_targets_enabled()).await {
                Ok(wanted) => self.keep_up(&mut running, &wanted, &owner),
                Err(error) => log::debug!("the targets cannot be looked at: {error}"),
            }
        }
        for stream in running.into_values() {
            let _ = stream.stop.send(true);
            let _ = stream.task.await;
        }
    }

    /// Starts what is new or has changed, and stops what is not wanted any more.
    fn keep_up(
        &self,
        running: &mut HashMap<(TenantId, SiemTargetId), Running>,
        wanted: &[SiemTargetKey],
        owner: &str,
    ) {
        let name = |target: &SiemTargetKey| {
            (
                TenantId::from_uuid(target.tenant_id),
                SiemTargetId::from_uuid(target.target_id),
            )
        };
        running.retain(|own, stream| {
            let as_it_is = wanted
                .iter()
                .any(|target| name(target) == *own && target.version == stream.version);
            let goes_on = as_it_is && !stream.task.is_finished();
            if !goes_on {
                let _ = stream.stop.send(true);
            }
            goes_on
        });
        for target in wanted {
            let (tenant, id) = name(target);
            running.entry((tenant, id)).or_insert_with(|| {
                let (stop, stopped) = watch::channel(false);
                let (siem, owner) = (self.clone(), owner.to_owned());
                let task = tokio::spawn(siem.keep(tenant, id, owner, stopped));
                Running {
                    version: target.version,
                    stop,
                    task,
                }
            });
        }
    }

    /// Streams to one target, and begins again after whatever ends it.
    async fn keep(
        self,
        tenant: TenantId,
        id: SiemTargetId,
        owner: String,
        mut stop: watch::Receiver<bool>,
    ) {
        let (mut pace, mut told) = (Pace::new(), "");
        loop {
            let paused = self.attempt(tenant, id, &owner, &mut pace, &mut stop);
            let wait = match paused.await {
                Pause::Stopped => return,
                Pause::Busy => LOOK,
                Pause::Failed(error) => {
                    let (worked, wait) = pace.broke();
                    if worked || told != error.code() {
                        log::warn!(REVKEEP_ACTION = "siem_stream"; "the stream to {id} of {tenant} waits: {}", chain(&error));
                    }
                    told = error.code();
                    wait
                }
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn attempt(
        &self,
        tenant: TenantId,
        id: SiemTargetId,
        owner: &str,
        pace: &mut Pace,
        stop: &mut watch::Receiver<bool>,
    ) -> Pause {
        let who = Principal::system(tenant, None);
        let (name, holder) = (lease(id), owner.to_owned());
        let taken = self
            .db
            .run_unsealed(&who, move |tx| {
                jobs::lease_acquire(tx, &name, &holder, LIFE)
            })
            .await;
        let fence = match taken {
            Ok(Some(fence)) => fence,
            Ok(None) => return Pause::Busy,
            Err(error) => return Pause::Failed(error.into()),
        };
        let held = Held {
            siem: self.clone(),
            who,
            id,
            owner: owner.to_owned(),
            fence,
        };
        let ended = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            ended = held.stream(pace) => ended.err(),
        };
        held.give_back(ended.as_ref()).await;
        match ended {
            None => Pause::Stopped,
            Some(DeliveryError::Superseded) => Pause::Busy,
            Some(error) => Pause::Failed(error),
        }
    }
}

impl Held {
    /// Sends page after page.
    async fn stream(&self, pace: &mut Pace) -> Result<Infallible, DeliveryError> {
        let id = self.id;
        let (row, cursor) = self
            .step(move |tx| store::target(tx, id)?.ok_or(DeliveryError::NoTarget))
            .await?;
        let route = self.siem.route(&row).await?;
        let filter = Filter {
            actions: row.actions,
            outcomes: row.outcomes,
        };
        let resends = route.transport.resends();
        let mut next = if resends {
            Place {
                position: cursor.again_position,
                head: cursor.again_head,
            }
        } else {
            Place {
                position: cursor.next_position,
                head: cursor.next_head,
            }
        };
        let mut link = tokio::time::timeout(STEP, Link::open(&self.siem.egress, &route))
            .await
            .unwrap_or(Err(DeliveryError::Slow))?;
        let mut ends_at = link.certificate_ends_at();
        self.connected(ends_at).await?;
        let clock = self.siem.db.clock();
        let connected = clock.now();
        let (mut window, mut stored) = (Window::new(next), connected);
        loop {
            let mut page = self.siem.page(&self.who, next, pace.page()).await?;
            let moved = page.next != next;
            page.events.retain(|event| filter.admits(event));
            let begun = clock.now();
            if let Err(error) = link.send(&route, &page.events).await {
                if matches!(error, DeliveryError::Slow) {
                    pace.slow();
                }
                return Err(error);
            }
            if link.certificate_ends_at() != ends_at {
                ends_at = link.certificate_ends_at();
                self.connected(ends_at).await?;
            }
            let (now, sent) = (clock.now(), page.events.len());
            next = page.next;
            if moved {
                window.sent(next, u64::try_from(sent).unwrap_or(u64::MAX), now);
            }
            if moved || now.signed_duration_since(stored) >= RENEW {
                let again = if resends { window.again(now) } else { next };
                let sent = i64::try_from(sent).unwrap_or(i64::MAX);
                self.step(move |tx| store::cursor_advance(tx, id, next, again, sent))
                    .await?;
                stored = now;
            }
            pace.taken(now.signed_duration_since(begun));
            pace.progress(sent > 0 && !resends, now.signed_duration_since(connected));
            if !moved {
                tokio::select! {
                    error = link.ended() => return Err(error),
                    () = tokio::time::sleep(IDLE) => {}
                }
            }
        }
    }

    async fn connected(&self, ends_at: Option<DateTime<Utc>>) -> Result<(), DeliveryError> {
        let (id, now) = (self.id, self.siem.db.clock().now());
        if let Some(ends_at) = ends_at
            && ends_at.signed_duration_since(now) < CERTIFICATE_WARNING
        {
            log::warn!(REVKEEP_ACTION = "siem_stream"; "a certificate of the stream to {id} of {} ends at {ends_at}", self.who.tenant);
        }
        self.step(move |tx| store::cursor_connected(tx, id, ends_at))
            .await
    }

    /// One transaction of the lease's holder, which keeps the lease; nothing happens when it has passed on.
    async fn step<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut TenantTx<'_>) -> Result<T, DeliveryError> + Send + 'static,
    ) -> Result<T, DeliveryError> {
        let (name, owner, fence) = (lease(self.id), self.owner.clone(), self.fence);
        self.siem
            .db
            .run_unsealed(&self.who, move |tx| {
                if !jobs::lease_renew(tx, &name, &owner, fence, LIFE)? {
                    return Err(DeliveryError::Superseded);
                }
                work(tx)
            })
            .await
    }

    /// Writes down why it ended, and lets the next one begin at once.
    async fn give_back(&self, error: Option<&DeliveryError>) {
        let (id, code) = (self.id, error.map(Classified::code));
        let (name, owner, fence) = (lease(id), self.owner.clone(), self.fence);
        let told = self
            .step(move |tx| {
                if let Some(code) = code {
                    store::cursor_fail(tx, id, code)?;
                }
                jobs::lease_release(tx, &name, &owner, fence)?;
                Ok(())
            })
            .await;
        if let Err(error) = told {
            log::debug!("the end of the stream to {id} is not stored: {error}");
        }
    }
}

fn lease(id: SiemTargetId) -> String {
    format!("siem.{id}")
}

/// With its causes.
fn chain(error: &DeliveryError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
