//! Decisions made again out of what was kept of them: one when somebody asks, a sample each night.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use jobs::{Handler, Job, JobError};
use kernel::uuid_at;
use schema::{assignments, routers};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::{
        book::RuleBook,
        reasons::tail,
        recompute::recompute,
        rules::{RuleSet, Target},
        words::moment,
    },
    service::{
        explain::{Erased, Input, inputs_kept},
        log::Assignment,
        routers::router_list,
    },
    store::versions::version_of,
};

pub(crate) const KIND: &str = "routing.recompute";
/// Decisions of a router that are made again in a night.
const SAMPLE: u8 = 200;

/// What came of deciding once more.
#[derive(Clone, Debug, PartialEq)]
pub enum Recomputed {
    /// The same rule, target and rep.
    Same,
    /// Something else: what was recorded is not what decided.
    Differs,
    /// The decision is older than versions are kept.
    NotKept,
    /// What it read of this field is erased.
    Erased { field: String, erased: Erased },
}

impl Recomputed {
    /// In one word.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::NotKept | Self::Erased { .. } => "not_recomputable",
        }
    }

    pub fn words(&self) -> String {
        match self {
            Self::Same => String::from("Decided again out of this record, it comes to the same."),
            Self::Differs => String::from(
                "Decided again out of this record, it comes to something else: the record was changed, or this is a fault of Revkeep.",
            ),
            Self::NotKept => String::from(
                "It cannot be decided again: it is older than versions of the rules are kept.",
            ),
            Self::Erased {
                field,
                erased: Erased::Field(at),
            } => format!(
                "It cannot be decided again: the field {field} left the data layer on {}, and what was read of it with it.",
                moment(*at)
            ),
            Self::Erased {
                erased: Erased::Record,
                ..
            } => String::from("It cannot be decided again: what was read of the record is erased."),
        }
    }
}

/// The rules as they are kept, once read and ready to decide for every decision of theirs.
pub(crate) struct Kept {
    book: RuleBook,
    rules: RuleSet,
}

impl Kept {
    pub(crate) fn new(book: RuleBook) -> Result<Self, RoutingError> {
        let rules = book
            .compile(&book.field_types())
            .map_err(|broken| RoutingError::BrokenRule { rule: broken.rule })?;
        Ok(Self { book, rules })
    }

    pub(crate) const fn book(&self) -> &RuleBook {
        &self.book
    }
}

/// Decides again about a recorded assignment.
pub(crate) fn recomputed(
    tx: &mut TenantTx<'_>,
    assignment: &Assignment,
    kept: Option<&Kept>,
    inputs: &[Input],
) -> Result<Recomputed, RoutingError> {
    let Some(Kept { rules, .. }) = kept else {
        return Ok(Recomputed::NotKept);
    };
    let mut record = Map::new();
    for input in inputs {
        if let Some(erased) = input.erased {
            return Ok(Recomputed::Erased {
                field: input.field.clone(),
                erased,
            });
        }
        record.insert(input.field.clone(), input.value.clone());
    }
    let again = recompute(rules, &rules.read(&record), &assignment.reasons_kept()?);
    let same = again.is_some_and(|again| {
        let rule = again.rule.and_then(|at| rules.rules().get(at));
        let target = Target::from_parts(&assignment.target_kind, assignment.target_id);
        rule.map(|rule| rule.id.uuid()) == assignment.rule_id
            && Some(again.target) == target
            && again.rep == assignment.rep_id.map(tail)
    });
    Ok(if same && owner_is(tx, assignment)? {
        Recomputed::Same
    } else {
        Recomputed::Differs
    })
}

/// Whether the new owner is whom the rep or queue is at Salesforce.
fn owner_is(tx: &mut TenantTx<'_>, assignment: &Assignment) -> Result<bool, RoutingError> {
    let tenant = tx.tenant().uuid();
    let known: Vec<String> = match assignment.rep_id {
        Some(rep) => schema::reps::table
            .filter(schema::reps::tenant_id.eq(tenant))
            .filter(schema::reps::rep_id.eq(rep))
            .select(schema::reps::external_id)
            .load(tx.conn())?,
        None => schema::queues::table
            .filter(schema::queues::tenant_id.eq(tenant))
            .filter(schema::queues::queue_id.eq(assignment.target_id))
            .select(schema::queues::external_id)
            .load(tx.conn())?,
    };
    // Who is no longer known cannot be compared.
    Ok(known
        .first()
        .is_none_or(|owner| *owner == assignment.new_owner))
}

/// What a night's sample came to; stored with the router and shown as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    pub at: DateTime<Utc>,
    pub sampled: u32,
    pub same: u32,
    pub differ: u32,
    pub not_recomputable: u32,
    /// One that differs.
    pub differing: Option<Uuid>,
}

/// Decides again about assignments of a router, spread over the time since `since`, and notes what came
/// of it.
pub fn recompute_sample(
    tx: &mut TenantTx<'_>,
    router: Uuid,
    since: DateTime<Utc>,
) -> Result<Sampled, RoutingError> {
    let mut sampled = Sampled {
        at: tx.now(),
        sampled: 0,
        same: 0,
        differ: 0,
        not_recomputable: 0,
        differing: None,
    };
    let mut versions: HashMap<i64, Option<Kept>> = HashMap::new();
    for assignment in sample(tx, router, since)? {
        let number = assignment.rules_version;
        if let std::collections::hash_map::Entry::Vacant(slot) = versions.entry(number) {
            let version = version_of(tx, router, number)?;
            let book = version.map(|version| version.book(tx)).transpose()?;
            slot.insert(book.map(Kept::new).transpose()?);
        }
        let kept = versions.get(&number).and_then(Option::as_ref);
        let inputs = match kept {
            Some(kept) => inputs_kept(tx, &assignment, kept.book())?,
            None => Vec::new(),
        };
        let count = match recomputed(tx, &assignment, kept, &inputs)? {
            Recomputed::Same => &mut sampled.same,
            Recomputed::Differs => {
                sampled.differing.get_or_insert(assignment.assignment_id);
                &mut sampled.differ
            }
            Recomputed::NotKept | Recomputed::Erased { .. } => &mut sampled.not_recomputable,
        };
        *count = count.saturating_add(1);
        sampled.sampled = sampled.sampled.saturating_add(1);
    }
    let stored =
        serde_json::to_value(&sampled).map_err(|_| RoutingError::Stored { what: "sample" })?;
    diesel::update(routers::table)
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(router))
        .set(routers::recomputed.eq(stored))
        .execute(tx.conn())?;
    Ok(sampled)
}

/// At most one of each of [`SAMPLE`] equal stretches, from a place in the stretch that differs each night.
fn sample(
    tx: &mut TenantTx<'_>,
    router: Uuid,
    since: DateTime<Utc>,
) -> Result<Vec<Assignment>, RoutingError> {
    let span = (tx.now() - since).num_seconds().max(0).saturating_add(1);
    let stretch = span.div_euclid(i64::from(SAMPLE)).max(1);
    let random = uuid_at(tx.clock().as_ref()).as_u128() & u128::from(u32::MAX);
    let offset = i64::try_from(random).unwrap_or(0).rem_euclid(stretch);
    let mut found: Vec<Assignment> = Vec::new();
    for at in 0..i64::from(SAMPLE) {
        let begin = since + TimeDelta::seconds(stretch.saturating_mul(at));
        let next: Vec<Assignment> = assignments::table
            .filter(assignments::tenant_id.eq(tx.tenant().uuid()))
            .filter(assignments::router_id.eq(router))
            .filter(assignments::decided_at.ge(begin + TimeDelta::seconds(offset)))
            .order((assignments::decided_at, assignments::assignment_id))
            .limit(1)
            .select(Assignment::as_select())
            .load(tx.conn())?;
        let Some(next) = next.into_iter().next() else {
            break;
        };
        if found.last().map(|last| last.assignment_id) != Some(next.assignment_id) {
            found.push(next);
        }
    }
    Ok(found)
}

/// How far back a night's sample reaches.
const REACH: TimeDelta = TimeDelta::days(730);

/// The handlers of this crate's jobs.
pub fn handlers(db: &Db) -> Vec<Arc<dyn Handler>> {
    vec![Arc::new(Nightly { db: db.clone() })]
}

/// Makes a sample of each router's decisions again. A difference is in the router's own row, on the
/// Rules page and in the log.
struct Nightly {
    db: Db,
}

#[async_trait]
impl Handler for Nightly {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let who = job.principal();
        let sampling = self.db.run(&who, |tx| {
            let since = tx.now() - REACH;
            let mut all = Vec::new();
            for router in router_list(tx)? {
                all.push((
                    router.object,
                    recompute_sample(tx, router.router_id, since)?,
                ));
            }
            Ok::<_, RoutingError>(all)
        });
        let sampled = sampling
            .await
            .map_err(|error| JobError::from_classified(&error))?;
        for (object, sampled) in sampled {
            if sampled.differ > 0 {
                log::error!(
                    "{} of {} sampled decisions of the {object} router come to something else when they are made again",
                    sampled.differ,
                    sampled.sampled
                );
            }
        }
        Ok(())
    }
}
