//! Which rows a filter can hold for, as far as an index tells: by Id, or by SystemModstamp.

use soql::ast::Operator;

use super::{filter::Test, path::Getter};
use crate::{
    model::{object::column, value::Value},
    store::table::Table,
};

pub(super) enum Candidates {
    /// In no order.
    Slots(Vec<usize>),
    /// Stamps, both ends included.
    Stamps(i64, i64),
    All,
}

pub(super) fn narrow(table: &Table, filter: Option<&Test>) -> Candidates {
    let conjuncts = match filter {
        Some(Test::And(tests)) => tests.as_slice(),
        Some(test) => std::slice::from_ref(test),
        None => &[],
    };
    if let Some(slots) = conjuncts.iter().find_map(|test| by_id(table, test)) {
        return Candidates::Slots(slots);
    }
    let whole = (i64::MIN, i64::MAX.saturating_sub(1));
    let (from, to) = conjuncts.iter().fold(whole, |(from, to), test| {
        let (low, high) = by_stamp(test).unwrap_or(whole);
        (from.max(low), to.min(high))
    });
    if (from, to) == whole {
        Candidates::All
    } else {
        Candidates::Stamps(from, to)
    }
}

fn by_id(table: &Table, test: &Test) -> Option<Vec<usize>> {
    match test {
        Test::Compare {
            getter: Getter::Own(column::ID),
            operator: Operator::Equal,
            value: Value::Id(id),
        } => Some(table.slot(*id).into_iter().collect()),
        Test::In {
            getter: Getter::Own(column::ID),
            negated: false,
            ids,
            ..
        } => {
            let mut slots: Vec<usize> = ids.iter().filter_map(|id| table.slot(*id)).collect();
            slots.sort_unstable();
            slots.dedup();
            Some(slots)
        }
        _ => None,
    }
}

fn by_stamp(test: &Test) -> Option<(i64, i64)> {
    let Test::Compare {
        getter: Getter::Own(column::STAMP),
        operator,
        value: Value::Time(time),
    } = test
    else {
        return None;
    };
    let last = i64::MAX.saturating_sub(1);
    match operator {
        Operator::Equal => Some((*time, *time)),
        Operator::Greater => Some((time.saturating_add(1), last)),
        Operator::GreaterOrEqual => Some((*time, last)),
        Operator::Less => Some((i64::MIN, time.saturating_sub(1))),
        Operator::LessOrEqual => Some((i64::MIN, *time)),
        Operator::NotEqual | Operator::Like => None,
    }
}
