//! ORDER BY, compiled. Nulls stand first unless the statement says otherwise.

use std::cmp::Ordering;

use soql::ast::{Direction, Nulls, Operand, OrderBy};

use super::{
    compare::compare,
    error,
    path::{Getter, Scope},
};
use crate::{
    model::object::{Kind, column},
    store::{Store, refusal::Refusal, table::Table},
};

pub(crate) struct Sort {
    getter: Getter,
    descending: bool,
    nulls_last: bool,
}

/// # Errors
/// INVALID_FIELD for unknown names and for long text.
pub(super) fn compile(scope: &Scope<'_>, order: &[OrderBy]) -> Result<Vec<Sort>, Refusal> {
    order
        .iter()
        .map(|item| {
            let path = match &item.operand {
                Operand::Field(path) => path,
                Operand::Call(call) => {
                    let name = call.function.as_str();
                    return Err(error::unsupported(scope.text, call.origin, name));
                }
            };
            let found = scope.resolve(path)?;
            if found.field.kind == Kind::Textarea && found.field.length > 255 {
                let name = &found.field.name;
                let message = format!("field '{name}' can not be sorted in a query call");
                return Err(scope.refuse(path, "INVALID_FIELD", &message));
            }
            Ok(Sort {
                getter: found.getter,
                descending: item.direction == Some(Direction::Descending),
                nulls_last: item.nulls == Some(Nulls::Last),
            })
        })
        .collect()
}

/// The order in which the index on SystemModstamp gives rows.
pub(super) fn is_index_order(sorts: &[Sort]) -> bool {
    let plain = |sort: &Sort, wanted: usize| {
        !sort.descending && matches!(sort.getter, Getter::Own(column) if column == wanted)
    };
    match sorts {
        [stamp] => plain(stamp, column::STAMP),
        [stamp, id] => plain(stamp, column::STAMP) && plain(id, column::ID),
        _ => false,
    }
}

pub(super) fn sort(store: &Store, table: &Table, sorts: &[Sort], slots: &mut [usize]) {
    slots.sort_by(|left, right| {
        let (Some(left), Some(right)) = (table.row(*left), table.row(*right)) else {
            return Ordering::Equal;
        };
        sorts.iter().fold(Ordering::Equal, |order, sort| {
            order.then_with(|| {
                let (a, b) = (sort.getter.get(store, left), sort.getter.get(store, right));
                match (a.is_null(), b.is_null()) {
                    (true, true) => Ordering::Equal,
                    (true, false) => nulls(sort),
                    (false, true) => nulls(sort).reverse(),
                    (false, false) => {
                        let order = compare(a, b).unwrap_or(Ordering::Equal);
                        if sort.descending {
                            order.reverse()
                        } else {
                            order
                        }
                    }
                }
            })
        })
    });
}

fn nulls(sort: &Sort) -> Ordering {
    if sort.nulls_last {
        Ordering::Greater
    } else {
        Ordering::Less
    }
}
