//! What each key asks: its hundred requests a minute, which all daemons count together (LR-33), and the record
//! of them (LR-34).
//!
//! A request costs no round trip of its own for either. Permits are leased in blocks, which this daemon spends from
//! memory; requests are put on record by the half second. What cannot be kept, because the database was away
//! for long or the machine died, is lost: the one is counted and told, the other is half a second of lines.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use db::{Db, RateBlock};
use kernel::{
    ApiKeyId, Classified, ErrorKind, Principal, TenantId,
    port::{KeyLedger, KeyLeft, KeyRequest, KeySpent},
};
use layer::LayerError;
use prometheus::{IntCounter, Registry};
use tokio::sync::watch;

const QUOTA: u32 = 100;
const WINDOW: Duration = Duration::from_secs(60);
/// A request is on record within a second.
const EVERY: Duration = Duration::from_millis(500);
/// Requests that wait to be on record: what a minute of 300 busy keys is.
const MOST_WAITING: usize = 30_000;
/// Rows of one statement: PostgreSQL takes 65,535 values.
const AT_ONCE: usize = 2_000;
/// More keys than this at once only lease more often.
const MOST_LEASES: usize = 10_000;

/// Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    leases: Mutex<HashMap<ApiKeyId, Lease>>,
    waiting: Mutex<VecDeque<KeyRequest>>,
    lost: IntCounter,
}

/// What this daemon holds of a key's minute.
struct Lease {
    left: u32,
    /// Of all daemons, as far as it is known here.
    beyond: u32,
    ends_at: DateTime<Utc>,
    /// One asks for a block while the others wait for it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Lease {
    fn told(&self, now: DateTime<Utc>) -> KeyLeft {
        KeyLeft {
            quota: QUOTA,
            window: WINDOW,
            remaining: self.left.saturating_add(self.beyond),
            resets_in: (self.ends_at - now).to_std().unwrap_or_default(),
        }
    }

    /// Spends one permit. `None`: another block is to be asked for.
    fn spend(&mut self, now: DateTime<Utc>) -> Option<Result<KeyLeft, KeySpent>> {
        if self.ends_at <= now {
            return None;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Some(Ok(self.told(now)))
            }
            None if self.beyond == 0 => Some(Err(KeySpent::Spent(self.told(now)))),
            None => None,
        }
    }

    fn take_in(&mut self, block: RateBlock) {
        let granted = u32::try_from(block.granted).unwrap_or_default();
        self.left = if self.ends_at == block.ends_at {
            self.left.saturating_add(granted)
        } else {
            granted
        };
        self.beyond = u32::try_from(block.remaining).unwrap_or_default();
        self.ends_at = block.ends_at;
    }
}

impl Ledger {
    pub fn new(db: Db, registry: &Registry) -> Result<Self, prometheus::Error> {
        let lost = IntCounter::new(
            "revkeep_api_requests_unrecorded_total",
            "Requests of interface keys that could not be put on record",
        )?;
        registry.register(Box::new(lost.clone()))?;
        Ok(Self {
            inner: Arc::new(Inner {
                db,
                leases: Mutex::default(),
                waiting: Mutex::default(),
                lost,
            }),
        })
    }

    /// Puts requests on record until it is told to stop.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            let over = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            self.flush().await;
            if over {
                return;
            }
        }
    }

    /// Puts on record what waits: a transaction for each tenant, since no role writes for two.
    pub async fn flush(&self) {
        let waiting = std::mem::take(&mut *self.waiting());
        let mut tenants: BTreeMap<TenantId, Vec<KeyRequest>> = BTreeMap::new();
        for request in waiting {
            tenants.entry(request.tenant).or_default().push(request);
        }
        for (tenant, requests) in tenants {
            for rows in requests.chunks(AT_ONCE) {
                self.record(tenant, rows.to_vec()).await;
            }
        }
    }

    async fn record(&self, tenant: TenantId, rows: Vec<KeyRequest>) {
        let kept = rows.clone();
        let noted = self
            .inner
            .db
            .machine(&Principal::system(tenant, None), move |tx| {
                layer::requests_note(tx, &rows)
            })
            .await;
        let Err(error) = noted else {
            return;
        };
        if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Sealed) {
            for request in kept {
                self.keep(request);
            }
        } else {
            self.lose(kept.len(), &error);
        }
    }

    fn lose(&self, count: usize, error: &LayerError) {
        log::error!("{count} requests of interface keys could not be put on record: {error}");
        self.inner
            .lost
            .inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    fn keep(&self, request: KeyRequest) {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST_WAITING {
            if self.inner.lost.get() == 0 {
                log::error!("requests of interface keys are not put on record: too many wait");
            }
            self.inner.lost.inc();
            return;
        }
        waiting.push_back(request);
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<KeyRequest>> {
        self.inner
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> std::sync::MutexGuard<'_, HashMap<ApiKeyId, Lease>> {
        self.inner
            .leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn spend(&self, key: ApiKeyId, now: DateTime<Utc>) -> Option<Result<KeyLeft, KeySpent>> {
        self.leases().get_mut(&key)?.spend(now)
    }

    /// The key's turn at asking for a block.
    fn turn(&self, key: ApiKeyId, now: DateTime<Utc>) -> Arc<tokio::sync::Mutex<()>> {
        let mut leases = self.leases();
        if leases.len() >= MOST_LEASES {
            leases.retain(|_, lease| lease.ends_at > now);
        }
        let new = || Lease {
            left: 0,
            beyond: 0,
            ends_at: DateTime::UNIX_EPOCH,
            turn: Arc::default(),
        };
        Arc::clone(&leases.entry(key).or_insert_with(new).turn)
    }
}

#[async_trait]
impl KeyLedger for Ledger {
    async fn take(&self, tenant: TenantId, key: ApiKeyId) -> Result<KeyLeft, KeySpent> {
        let now = self.inner.db.clock().now();
        if let Some(spent) = self.spend(key, now) {
            return spent;
        }
        let turn = self.turn(key, now);
        let _turn = turn.lock().await;
        if let Some(spent) = self.spend(key, now) {
            return spent;
        }
        let leased = self
            .inner
            .db
            .machine(&Principal::system(tenant, None), move |tx| {
                tx.rate_lease(key)
            })
            .await;
        let block = match leased {
            Ok(Some(block)) => block,
            Ok(None) => return Err(KeySpent::Unavailable),
            Err(error) => {
                log::debug!("a key's requests could not be counted: {error}");
                return Err(KeySpent::Unavailable);
            }
        };
        let mut leases = self.leases();
        let Some(lease) = leases.get_mut(&key) else {
            return Err(KeySpent::Unavailable);
        };
        lease.take_in(block);
        lease.spend(now).unwrap_or(Err(KeySpent::Unavailable))
    }

    fn note(&self, request: KeyRequest) {
        self.keep(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease() -> Lease {
        Lease {
            left: 0,
            beyond: 0,
            ends_at: DateTime::UNIX_EPOCH,
            turn: Arc::default(),
        }
    }

    fn block(granted: i32, remaining: i32, ends: i64) -> RateBlock {
        RateBlock {
            granted,
            remaining,
            ends_at: DateTime::from_timestamp(ends, 0).unwrap(),
        }
    }

    #[test]
    fn a_block_is_spent_and_then_another_is_asked_for() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let mut lease = lease();
        assert!(lease.spend(now).is_none(), "nothing is held yet");
        lease.take_in(block(2, 98, 1_060));
        assert_eq!(lease.spend(now).unwrap().unwrap().remaining, 99);
        assert_eq!(lease.spend(now).unwrap().unwrap().remaining, 98);
        assert!(lease.spend(now).is_none());
        lease.take_in(block(1, 0, 1_060));
        assert_eq!(lease.spend(now).unwrap().unwrap().remaining, 0);
        let Some(Err(KeySpent::Spent(left))) = lease.spend(now) else {
            panic!("nothing is left of the minute, and nobody is asked");
        };
        assert_eq!(left.resets_in, Duration::from_secs(60));
        let over = DateTime::from_timestamp(1_060, 0).unwrap();
        assert!(lease.spend(over).is_none(), "another minute");
    }

    #[test]
    fn what_was_not_spent_in_a_minute_is_not_carried_into_the_next() {
        let mut lease = lease();
        lease.take_in(block(10, 90, 1_060));
        lease.take_in(block(10, 90, 1_120));
        assert_eq!(lease.left, 10);
    }
}
