//! What must hold of turns and caps over the whole way, through rules, locks and rows: two daemons,
//! restarts before a commit, and reps who come and go.

use std::{collections::HashMap, ops::Range};

use db::Db;
use kernel::RepId;
use layer::{Object, import};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::bed::Bed;
use crate::{
    Assignment, AssignmentFilter, AvailabilityInput, Caps, Member, Pool, PoolInput, Reasons,
    RoutingError, assignment_list, pool_list, pool_update, propose, rep_availability_update,
    rep_list, rep_update,
};

const CASES: usize = 6;

#[derive(Clone, Debug)]
enum Act {
    /// One of the daemons decides about so many records.
    Decide(bool, u32),
    /// It is killed before it commits, and starts anew.
    Killed(bool, u32),
    /// Both decide at once: about the same records, and each about some of its own.
    Both(u32, u32, u32),
    /// A rep goes away, or comes back.
    Switch(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (any::<bool>(), 1_u32..9).prop_map(|(who, count)| Act::Decide(who, count)),
        2 => (any::<bool>(), 1_u32..9).prop_map(|(who, count)| Act::Killed(who, count)),
        3 => (1_u32..6, 1_u32..6, 0_u32..4).prop_map(|(a, b, same)| Act::Both(a, b, same)),
        1 => (0_usize..3).prop_map(Act::Switch),
    ]
}

/// The same cases at each run: what fails once fails again.
fn cases<T>(strategy: impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    let mut case = || strategy.new_tree(&mut runner).unwrap().current();
    (0..CASES).map(|_| case()).collect()
}

struct Two {
    bed: Bed,
    daemons: [Db; 2],
    next: u32,
    /// Records that were decided about and committed.
    decided: usize,
}

impl Two {
    async fn new(weights: &[u32]) -> Self {
        let bed = Bed::routing().await;
        let daemons = [bed.daemon(), bed.daemon()];
        let (pool, members) = (
            bed.pool,
            bed.reps.iter().copied().zip(weights.iter().copied()),
        );
        let input = PoolInput {
            name: String::from("DACH"),
            members: members.collect(),
            calendar: None,
            caps: Caps::default(),
        };
        bed.run(move |tx| pool_update(tx, pool, 1, &input))
            .await
            .unwrap();
        Self {
            bed,
            daemons,
            next: 1,
            decided: 0,
        }
    }

    async fn decide(&self, second: bool, leads: Range<u32>, killed: bool) -> usize {
        let rows: Vec<_> = leads.map(|n| self.bed.lead(n, "DE")).collect();
        let router = self.bed.router().await;
        let work = move |tx: &mut db::TenantTx<'_>| {
            import(tx, Object::Lead, &rows)?;
            let done = propose(tx, router.id(), router.epoch, &rows)?;
            if killed {
                return Err(RoutingError::NotRetryable);
            }
            Ok(done.proposed + done.failed + done.waiting)
        };
        let done = self.daemons[usize::from(second)]
            .run(&self.bed.who, work)
            .await;
        assert_eq!(done.is_err(), killed, "{done:?}");
        done.unwrap_or(0)
    }

    async fn act(&mut self, act: &Act) {
        let from = self.next;
        match act {
            Act::Decide(second, count) => {
                self.decided += self.decide(*second, from..from + count, false).await;
                self.next += count;
            }
            Act::Killed(second, count) => {
                self.decide(*second, from..from + count, true).await;
                // The records come again with what comes next, as they were never decided about.
            }
            Act::Both(a, b, same) => {
                let middle = from + a;
                let (one, other) = tokio::join!(
                    self.decide(false, from..middle + same, false),
                    self.decide(true, middle..middle + same + b, false),
                );
                self.decided += one + other;
                self.next = middle + same + b;
            }
            Act::Switch(at) => {
                let rep = self.bed.reps[*at];
                let away = self.away(rep).await;
                self.bed
                    .run(move |tx| rep_update(tx, rep, !away))
                    .await
                    .unwrap();
            }
        }
    }

    async fn away(&self, rep: RepId) -> bool {
        let all = self.bed.run(|tx| rep_list(tx, None)).await.unwrap();
        all.iter()
            .any(|entry| entry.rep.id() == rep && entry.rep.paused)
    }

    async fn log(&self) -> Vec<Assignment> {
        let all = AssignmentFilter::default();
        let page = self
            .bed
            .run(move |tx| assignment_list(tx, &all, None, 500))
            .await;
        page.unwrap().items
    }

    async fn given(&self) -> HashMap<RepId, u32> {
        let mut given = HashMap::new();
        for rep in self.log().await.iter().filter_map(|item| item.rep_id) {
            *given.entry(RepId::from_uuid(rep)).or_default() += 1;
        }
        given
    }

    /// Every record that was decided about is in one place, and in one alone.
    async fn assert_nothing_lost(&self) {
        let places = self.bed.accounting().await;
        let all = places.waiting + places.failed;
        assert_eq!(usize::try_from(all).unwrap(), self.decided, "{places:?}");
        let mut records: Vec<_> = self
            .log()
            .await
            .into_iter()
            .map(|item| item.record_id)
            .collect();
        let assignments = records.len();
        records.sort();
        records.dedup();
        assert_eq!(records.len(), assignments, "a record was assigned twice");
    }
}

/// The rep whom the recorded candidates alone say is next.
fn recomputed(item: &Assignment) -> String {
    let reasons: Reasons = serde_json::from_value(item.reasons.clone()).unwrap();
    let reps = reasons.reps();
    let members = reps.iter().zip(0..).map(|(rep, at)| Member {
        rep: super::rep_id(at),
        weight: rep.weight,
        credit: rep.credit,
    });
    let mut pool = Pool {
        members: members.collect(),
    };
    let chosen = pool.turn(|at, _| reps[at].standing.is_available()).unwrap();
    reps[chosen].rep.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn shares_hold_whatever_two_daemons_do_and_whoever_comes_and_goes() {
    let weights = proptest::collection::vec(1_u32..5, 3);
    for (weights, acts) in cases((weights, proptest::collection::vec(act(), 14..22))) {
        let mut two = Two::new(&weights).await;
        let mut since = HashMap::new();
        for act in &acts {
            let mut there = Vec::new();
            for (rep, weight) in two.bed.reps.clone().into_iter().zip(&weights) {
                if !two.away(rep).await {
                    there.push((rep, *weight));
                }
            }
            two.act(act).await;
            let given = two.given().await;
            if matches!(act, Act::Switch(_)) {
                since = given;
                continue;
            }
            let got = |rep: RepId| given.get(&rep).unwrap_or(&0) - since.get(&rep).unwrap_or(&0);
            let round: u32 = there.iter().map(|(_, weight)| weight).sum();
            let taken: u32 = two.bed.reps.iter().map(|rep| got(*rep)).sum();
            for rep in &two.bed.reps {
                let Some((_, weight)) = there.iter().find(|(one, _)| one == rep) else {
                    assert_eq!(got(*rep), 0, "who was away got a record: {act:?}");
                    continue;
                };
                if taken.is_multiple_of(round) {
                    let ideal = taken / round * weight;
                    let off = got(*rep).abs_diff(ideal);
                    assert!(
                        off <= 1,
                        "{off} from {ideal} with {weights:?} after {acts:?}"
                    );
                }
            }
        }
        two.assert_nothing_lost().await;
        for item in two.log().await {
            let rep = item.rep_id.unwrap().as_simple().to_string();
            assert_eq!(recomputed(&item), rep[20..], "recomputed otherwise");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn caps_hold_whatever_two_daemons_do() {
    let caps = proptest::collection::vec(1_u32..12, 3);
    for (caps, acts) in cases((caps, proptest::collection::vec(act(), 14..22))) {
        let mut two = Two::new(&[1, 2, 3]).await;
        for (rep, cap) in two.bed.reps.clone().into_iter().zip(&caps) {
            let input = AvailabilityInput {
                time_zone: None,
                hours: None,
                calendar: None,
                caps: Caps {
                    day: Some(*cap),
                    ..Caps::default()
                },
            };
            let set = move |tx: &mut db::TenantTx<'_>| rep_availability_update(tx, rep, 1, &input);
            two.bed.run(set).await.unwrap();
        }
        for act in acts.iter().filter(|act| !matches!(act, Act::Switch(_))) {
            two.act(act).await;
        }
        let given = two.given().await;
        for (rep, cap) in two.bed.reps.iter().zip(&caps) {
            let got = given.get(rep).copied().unwrap_or(0);
            assert!(got <= *cap, "{got} of at most {cap}");
        }
        let (most, all): (u32, usize) = (caps.iter().sum(), two.decided);
        let taken = given.values().sum::<u32>();
        assert_eq!(
            usize::try_from(taken).unwrap(),
            all.min(usize::try_from(most).unwrap())
        );
        let pool = two.bed.run(pool_list).await.unwrap().remove(0);
        assert_eq!(pool.members.len(), 3);
        two.assert_nothing_lost().await;
    }
}
