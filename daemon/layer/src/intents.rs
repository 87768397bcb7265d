//! What programs ask for and a person decides (OB-23, OB-24). A program's transaction writes a line here and nothing
//! else; what follows from an approval is done by whoever owns what it is about, in the person's transaction.

use audit::Entry;
use chrono::{DateTime, NaiveDate, Utc};
use db::{DbError, MachineTx, TenantTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, dsl::count_star, insert_into, update,
};
use kernel::{Action, GrantId, IntentId, Principal, RepId, UserId};
use schema::intents;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{error::LayerError, model::Object};

/// What a program would have done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Wish {
    /// A record that could not be routed is tried again.
    RecordRetry { object: Object, record_id: String },
    /// A rep is away on these days, the last one included.
    TimeOff {
        rep: RepId,
        first_day: NaiveDate,
        last_day: NaiveDate,
    },
}

impl Wish {
    const fn kind(&self) -> &'static str {
        match self {
            Self::RecordRetry { .. } => "record_retry",
            Self::TimeOff { .. } => "time_off",
        }
    }

    /// Two wishes with the same subject are one.
    fn subject(&self) -> String {
        match self {
            Self::RecordRetry { object, record_id } => format!("{} {record_id}", object.name()),
            Self::TimeOff {
                rep,
                first_day,
                last_day,
            } => format!("{rep} {first_day} {last_day}"),
        }
    }
}

/// A line of the list.
#[derive(Clone, Debug)]
pub struct Intent {
    pub id: IntentId,
    pub wish: Wish,
    pub reason: String,
    pub grant: GrantId,
    pub asked_at: DateTime<Utc>,
    /// `waiting`, `approved`, `declined` or `expired`.
    pub state: String,
    pub decided_by: Option<UserId>,
    pub decided_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Approve,
    Decline,
}

impl Decision {
    const fn state(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Decline => "declined",
        }
    }
}

const MOST_WORDS: usize = 500;

/// Puts a wish before the people of the tenant. `None`: the same waits already.
///
/// # Errors
/// `Reason` when the program does not say why, or too much; `IntentsFull` when as many of the grant wait as people are
/// asked to read.
pub fn intent_propose(
    tx: &mut MachineTx<'_>,
    who: &Principal,
    grant: GrantId,
    wish: &Wish,
    reason: &str,
) -> Result<Option<IntentId>, LayerError> {
    let reason = reason.trim();
    if !(1..=MOST_WORDS).contains(&reason.chars().count()) {
        return Err(LayerError::Reason);
    }
    if !tx.intent_room(grant)? {
        return Err(LayerError::IntentsFull);
    }
    let id = IntentId::generate(tx.clock().as_ref());
    let written = insert_into(intents::table)
        .values((
            intents::tenant_id.eq(tx.tenant().uuid()),
            intents::intent_id.eq(id.uuid()),
            intents::kind.eq(wish.kind()),
            intents::subject.eq(wish.subject()),
            intents::wish.eq(serde_json::to_value(wish).map_err(|_| DbError::NotFound)?),
            intents::reason.eq(reason),
            intents::grant_id.eq(grant.uuid()),
            intents::asked_at.eq(tx.now()),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    if written == 0 {
        return Ok(None);
    }
    Entry::new(Action::IntentPropose, "intent", id).write_machine(tx, who)?;
    db::hint(tx, "intents")?;
    Ok(Some(id))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = intents)]
struct Row {
    intent_id: Uuid,
    wish: Json,
    reason: String,
    grant_id: Uuid,
    asked_at: DateTime<Utc>,
    state: String,
    decided_by: Option<Uuid>,
    decided_at: Option<DateTime<Utc>>,
}

impl Row {
    fn read(self) -> Result<Intent, LayerError> {
        Ok(Intent {
            id: IntentId::from_uuid(self.intent_id),
            wish: serde_json::from_value(self.wish).map_err(|_| DbError::NotFound)?,
            reason: self.reason,
            grant: GrantId::from_uuid(self.grant_id),
            asked_at: self.asked_at,
            state: self.state,
            decided_by: self.decided_by.map(UserId::from_uuid),
            decided_at: self.decided_at,
        })
    }
}

/// The newest first: one more than `limit`, where there are more.
pub fn intent_list(
    tx: &mut TenantTx<'_>,
    waiting: bool,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Intent>, LayerError> {
    let mut query = intents::table
        .filter(intents::tenant_id.eq(tx.tenant().uuid()))
        .into_boxed();
    query = if waiting {
        query.filter(intents::state.eq("waiting"))
    } else {
        query.filter(intents::state.ne("waiting"))
    };
    if let Some((at, id)) = after {
        let later = intents::asked_at.eq(at).and(intents::intent_id.lt(id));
        query = query.filter(intents::asked_at.lt(at).or(later));
    }
    let rows: Vec<Row> = query
        .order((intents::asked_at.desc(), intents::intent_id.desc()))
        .limit(limit.saturating_add(1))
        .select(Row::as_select())
        .load(tx.conn())?;
    rows.into_iter().map(Row::read).collect()
}

/// How many wait for a person.
pub fn intents_waiting(tx: &mut TenantTx<'_>) -> Result<i64, LayerError> {
    Ok(intents::table
        .filter(intents::tenant_id.eq(tx.tenant().uuid()))
        .filter(intents::state.eq("waiting"))
        .select(count_star())
        .first(tx.conn())?)
}

/// Writes down what a person decided, once. What an approval brings about is the caller's, in the same transaction.
///
/// # Errors
/// `IntentDecided` when somebody did before.
pub fn intent_decide(
    tx: &mut TenantTx<'_>,
    id: IntentId,
    decision: Decision,
) -> Result<Intent, LayerError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let user = tx.principal().user().map(UserId::uuid);
    let row: Row = intents::table
        .find((tenant, id.uuid()))
        .for_update()
        .select(Row::as_select())
        .first(tx.conn())
        .optional()?
        .ok_or(DbError::NotFound)?;
    if row.state != "waiting" {
        return Err(LayerError::IntentDecided);
    }
    update(intents::table.find((tenant, id.uuid())))
        .set((
            intents::state.eq(decision.state()),
            intents::decided_by.eq(user),
            intents::decided_at.eq(now),
        ))
        .execute(tx.conn())?;
    let action = match decision {
        Decision::Approve => Action::IntentApprove,
        Decision::Decline => Action::IntentDecline,
    };
    Entry::new(action, "intent", id)
        .after(row.wish.clone())
        .write(tx)?;
    db::hint(tx, "intents")?;
    row.read()
}

/// Ends up to `most` that nobody decided and that were asked before `before`, each on record; how many ended.
pub fn intents_expire(
    tx: &mut TenantTx<'_>,
    before: DateTime<Utc>,
    most: i64,
) -> Result<usize, LayerError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let late: Vec<(Uuid, Json)> = intents::table
        .filter(intents::tenant_id.eq(tenant))
        .filter(intents::state.eq("waiting"))
        .filter(intents::asked_at.lt(before))
        .order((intents::asked_at, intents::intent_id))
        .limit(most)
        .for_update()
        .skip_locked()
        .select((intents::intent_id, intents::wish))
        .load(tx.conn())?;
    for (id, wish) in &late {
        update(intents::table.find((tenant, id)))
            .set((intents::state.eq("expired"), intents::decided_at.eq(now)))
            .execute(tx.conn())?;
        Entry::new(Action::IntentExpire, "intent", IntentId::from_uuid(*id))
            .after(wish.clone())
            .write(tx)?;
    }
    if !late.is_empty() {
        db::hint(tx, "intents")?;
    }
    Ok(late.len())
}
