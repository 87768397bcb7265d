//! Reading the log as people do: a page at a time, one entry whole, and how far it is sealed (LM-79). Who
//! reads is in the log itself, before anything is read.
//!
//! In an organisation everything of an entry is opened. Across organisations (the operator's reading) what
//! is sealed stays sealed: an organisation's content is seen inside it alone (CX-33).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, LogOrder, LogPlace, LogQuery, LogRow};
use kernel::{Action, AuditId, Principal, TenantId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    entry::{Entry, place},
    filter::Filter,
    head::Head,
    keyring::Keyring,
    proof::{Proof, prove},
    reading::{
        Bar, Chart, Content, HeadShown, Integrity, Listed, ReadError, Scope, Whole, chart, line,
    },
    sealer::Sealer,
    tree::hex,
};

/// Entries that the chart counts at most, newest first.
const COUNTED: i64 = 50_000;
/// Of the newest entries, as many are looked at for a place in the tree.
const LOOKED_AT: i64 = 1_000;
/// How long before its id an entry's unit of work may have begun, and how far clocks differ.
const UNIT_LIFE: TimeDelta = TimeDelta::minutes(15);

/// The verbs. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    db: Db,
    keyring: Arc<Keyring>,
    sealer: Sealer,
}

impl Reader {
    pub const fn new(db: Db, keyring: Arc<Keyring>, sealer: Sealer) -> Self {
        Self {
            db,
            keyring,
            sealer,
        }
    }

    /// A page, newest first; the first one with the chart.
    pub async fn entry_list(
        &self,
        who: &Principal,
        scope: Scope,
        filter: &Filter,
        after: Option<(DateTime<Utc>, AuditId)>,
        limit: i64,
    ) -> Result<Listed, ReadError> {
        self.record(
            who,
            scope,
            Action::AuditRead,
            json!({ "for": "list", "filter": filter }),
        )
        .await?;
        let now = self.clock_now();
        let Some(query) = filter.query(now) else {
            return Ok(Listed {
                lines: Vec::new(),
                chart: after.is_none().then(|| chart(filter, now).1),
            });
        };
        let place = after.map(|(at, id)| LogPlace {
            at,
            audit_id: id.uuid(),
        });
        let most = limit.saturating_add(1);
        let rows = self
            .page(who, scope, &query, place, LogOrder::NewestFirst, most)
            .await?;
        let chart = match after {
            Some(_) => None,
            None => Some(self.chart(who, scope, filter, query, now).await?),
        };
        Ok(Listed {
            lines: rows.iter().map(line).collect(),
            chart,
        })
    }

    /// One entry whole.
    pub async fn entry_show(
        &self,
        who: &Principal,
        scope: Scope,
        id: AuditId,
    ) -> Result<Whole, ReadError> {
        self.record(
            who,
            scope,
            Action::AuditRead,
            json!({ "for": "entry", "entry": id }),
        )
        .await?;
        let row = self.find(who, scope, id).await?;
        let head = match row.position {
            None => None,
            Some(position) => {
                self.db
                    .auditor(move |auditor| auditor.covering_head(position))
                    .await?
            }
        };
        Ok(Whole {
            content: self.content(scope, &row).await,
            line: line(&row),
            head: head.map(|head| (head.number, head.at)),
        })
    }

    /// The proof that an entry stands in the sealed log, under its newest head.
    pub async fn entry_prove(
        &self,
        who: &Principal,
        scope: Scope,
        id: AuditId,
    ) -> Result<Proof, ReadError> {
        self.record(
            who,
            scope,
            Action::AuditRead,
            json!({ "for": "proof", "entry": id }),
        )
        .await?;
        self.find(who, scope, id).await?;
        self.db
            .auditor(move |auditor| prove(auditor, id).map_err(ReadError::from))
            .await
    }

    /// How far the log is sealed. Tells of no entry, so it is not on record.
    pub async fn integrity(&self, who: &Principal, scope: Scope) -> Result<Integrity, ReadError> {
        let (head, waiting, waiting_since) = match scope {
            Scope::Whole(_) => {
                let standing = self.sealer.standing().await?;
                let waiting = i64::try_from(standing.waiting).unwrap_or(i64::MAX);
                (standing.head, waiting, standing.waiting_since)
            }
            Scope::Own => {
                let head = self
                    .db
                    .auditor(|auditor| auditor.last_head())
                    .await?
                    .as_ref()
                    .and_then(Head::stored);
                let unplaced = self
                    .db
                    .run_unsealed(who, |tx| db::log_unplaced(tx, LOOKED_AT))
                    .await?;
                (head, unplaced.waiting, unplaced.since)
            }
        };
        let keys = self.sealer.keys().await.ok();
        Ok(Integrity {
            head: head.map(|head| HeadShown {
                number: head.statement.number,
                size: head.statement.size,
                at: head.statement.at,
                root: hex(&head.statement.root),
                key: hex(&head.statement.key),
                signature_holds: head.signature_holds(),
            }),
            waiting,
            waiting_since,
            keys: keys.map(|keys| keys.iter().map(|key| hex(&key.bytes)).collect()),
        })
    }

    pub(crate) fn clock_now(&self) -> DateTime<Utc> {
        self.db.clock().now()
    }

    /// Puts on record that somebody reads. What could be sealed is left out while the secrets backend is
    /// sealed; the reading is on record all the same.
    pub(crate) async fn record(
        &self,
        who: &Principal,
        scope: Scope,
        action: Action,
        told: Value,
    ) -> Result<(), ReadError> {
        let mut reader = who.clone();
        if let Scope::Whole(_) = scope {
            reader.tenant = TenantId::PLATFORM;
        }
        self.db
            .run(&reader, move |tx| {
                Entry::new(action, "audit_log", "log")
                    .after(told)
                    .even_sealed()
                    .write(tx)
            })
            .await?;
        Ok(())
    }

    pub(crate) async fn page(
        &self,
        who: &Principal,
        scope: Scope,
        query: &LogQuery,
        after: Option<LogPlace>,
        order: LogOrder,
        most: i64,
    ) -> Result<Vec<LogRow>, ReadError> {
        let query = query.clone();
        let found = match scope {
            Scope::Own => {
                self.db
                    .run_unsealed(who, move |tx| db::log_page(tx, &query, after, order, most))
                    .await
            }
            Scope::Whole(tenant) => {
                self.db
                    .auditor(move |auditor| {
                        let tenants = tenants(auditor, tenant)?;
                        auditor.log_page(&tenants, &query, after, order, most)
                    })
                    .await
            }
        };
        Ok(found?)
    }

    async fn chart(
        &self,
        who: &Principal,
        scope: Scope,
        filter: &Filter,
        mut query: LogQuery,
        now: DateTime<Utc>,
    ) -> Result<Chart, ReadError> {
        let (step, mut chart) = chart(filter, now);
        (query.from, query.to) = (chart.from, chart.to);
        let counts = match scope {
            Scope::Own => {
                self.db
                    .run_unsealed(who, move |tx| db::log_counts(tx, &query, step, COUNTED))
                    .await
            }
            Scope::Whole(tenant) => {
                self.db
                    .auditor(move |auditor| {
                        let tenants = tenants(auditor, tenant)?;
                        auditor.log_counts(&tenants, &query, step, COUNTED)
                    })
                    .await
            }
        }?;
        let all: i64 = counts
            .iter()
            .map(|count| count.done + count.refused + count.failed)
            .sum();
        chart.counted_from = counts
            .first()
            .filter(|_| all >= COUNTED)
            .map(|count| count.first);
        chart.bars = counts
            .into_iter()
            .map(|count| Bar {
                at: count.at,
                done: count.done,
                refused: count.refused,
                failed: count.failed,
            })
            .collect();
        Ok(chart)
    }

    /// The entry by its id: by its leaf, or while it has none by the time in its id.
    async fn find(&self, who: &Principal, scope: Scope, id: AuditId) -> Result<LogRow, ReadError> {
        let uuid = id.uuid();
        let leaf = match scope {
            Scope::Own => {
                self.db
                    .run_unsealed(who, move |tx| db::log_leaf(tx, uuid))
                    .await
            }
            Scope::Whole(_) => self.db.auditor(move |auditor| auditor.log_leaf(uuid)).await,
        }?;
        let (scope, from, to) = match (leaf, made_at(uuid)) {
            (Some(leaf), _) => {
                let scope = match scope {
                    Scope::Own => Scope::Own,
                    Scope::Whole(_) => Scope::Whole(Some(TenantId::from_uuid(leaf.tenant_id))),
                };
                (scope, leaf.at, leaf.at)
            }
            (None, Some(made)) => (scope, made - UNIT_LIFE, made + UNIT_LIFE),
            (None, None) => return Err(ReadError::NoEntry),
        };
        let query = LogQuery {
            actor: None,
            actions: None,
            object: None,
            outcome: None,
            entry: Some(uuid),
            from,
            to,
        };
        let found = self
            .page(who, scope, &query, None, LogOrder::NewestFirst, 1)
            .await?;
        found.into_iter().next().ok_or(ReadError::NoEntry)
    }

    /// Opens what is sealed of an entry, where the reader may see it.
    pub(crate) async fn content(&self, scope: Scope, row: &LogRow) -> Content {
        let tenant = TenantId::from_uuid(row.tenant_id);
        let sealed = row.detail_sealed.is_some() || row.origin_sealed.is_some();
        if matches!(scope, Scope::Whole(_)) && tenant != TenantId::PLATFORM {
            return Content {
                closed: sealed,
                ..Content::default()
            };
        }
        let id = AuditId::from_uuid(row.audit_id);
        let mut content = Content::default();
        if let Some(sealed) = &row.detail_sealed {
            match self.opened(tenant, None, id, "detail", sealed).await {
                Some(told) => {
                    content.before = part(&told, "before");
                    content.after = part(&told, "after");
                }
                None => content.closed = true,
            }
        }
        if let Some(sealed) = &row.origin_sealed {
            let person = line(row).person();
            let text = |told: &Value, name: &str| {
                part(told, name).and_then(|value| value.as_str().map(str::to_owned))
            };
            match self.opened(tenant, person, id, "origin", sealed).await {
                Some(told) => {
                    content.address = text(&told, "address");
                    content.user_agent = text(&told, "user_agent");
                }
                None => content.closed = true,
            }
        }
        content
    }

    async fn opened(
        &self,
        tenant: TenantId,
        person: Option<UserId>,
        id: AuditId,
        column: &str,
        sealed: &[u8],
    ) -> Option<Value> {
        let place = place(tenant, id, column);
        let clear = self.keyring.open(tenant, person, &place, sealed).await?;
        serde_json::from_slice(&clear).ok()
    }
}

fn tenants(auditor: &mut db::Auditor, one: Option<TenantId>) -> Result<Vec<Uuid>, DbError> {
    match one {
        Some(tenant) => Ok(vec![tenant.uuid()]),
        None => auditor.log_tenants(),
    }
}

/// The time in a UUIDv7.
fn made_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

fn part(told: &Value, name: &str) -> Option<Value> {
    told.get(name).filter(|value| !value.is_null()).cloned()
}
