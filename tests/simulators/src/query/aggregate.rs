//! Aggregate functions and GROUP BY.

use std::collections::HashMap;

use soql::{
    Query,
    ast::{Argument, Call, Grouping, Operand, Path, Select, SelectExpression, SelectItem},
};

use super::{
    compare::{Key, compare, key, number},
    error,
    output::quoted,
    path::{Getter, Scope},
};
use crate::{
    model::value::Value,
    store::{Store, refusal::Refusal, table::Table},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Count,
    CountDistinct,
    Min,
    Max,
    Sum,
    Avg,
}

pub(crate) struct Aggregate {
    groups: Vec<Getter>,
    columns: Vec<Column>,
    limit: Option<usize>,
}

struct Column {
    key: Vec<u8>,
    function: Option<Function>,
    getter: Getter,
}

fn function(call: &Call) -> Option<Function> {
    let known = [
        ("COUNT", Function::Count),
        ("COUNT_DISTINCT", Function::CountDistinct),
        ("MIN", Function::Min),
        ("MAX", Function::Max),
        ("SUM", Function::Sum),
        ("AVG", Function::Avg),
    ];
    known
        .into_iter()
        .find(|(name, _)| call.function.is(name))
        .map(|(_, function)| function)
}

pub(super) fn is_aggregate(query: &Query) -> bool {
    let Select::Items(items) = &query.select else {
        return false;
    };
    query.group_by.is_some()
        || items.iter().any(|item| match &item.expression {
            SelectExpression::Call(call) => function(call).is_some(),
            _ => false,
        })
}

pub(super) fn compile(scope: &Scope<'_>, query: &Query) -> Result<Aggregate, Refusal> {
    let Select::Items(items) = &query.select else {
        return Err(Refusal::new(400, "MALFORMED_QUERY", "COUNT() stands alone"));
    };
    let mut grouped: Vec<&Path> = Vec::new();
    if let Some(group) = &query.group_by {
        if group.kind != Grouping::Plain {
            return Err(Refusal::new(
                400,
                "MALFORMED_QUERY",
                "only plain GROUP BY is evaluated",
            ));
        }
        for operand in &group.operands {
            match operand {
                Operand::Field(path) => grouped.push(path),
                Operand::Call(call) => {
                    let name = call.function.as_str();
                    return Err(error::unsupported(scope.text, call.origin, name));
                }
            }
        }
    }
    let groups = grouped
        .iter()
        .map(|path| Ok(scope.resolve(path)?.getter))
        .collect::<Result<Vec<_>, Refusal>>()?;
    let mut unnamed = 0_usize;
    let columns = items
        .iter()
        .map(|item| compile_column(scope, item, &grouped, &mut unnamed))
        .collect::<Result<Vec<_>, Refusal>>()?;
    let limit = query.limit.and_then(|limit| usize::try_from(limit).ok());
    Ok(Aggregate {
        groups,
        columns,
        limit,
    })
}

fn compile_column(
    scope: &Scope<'_>,
    item: &SelectItem,
    grouped: &[&Path],
    unnamed: &mut usize,
) -> Result<Column, Refusal> {
    let alias = item.alias.as_ref().map(|alias| alias.as_str().to_owned());
    match &item.expression {
        SelectExpression::Field(path) => {
            let found = scope.resolve(path)?;
            if !grouped.contains(&path) {
                let message = format!("Field must be grouped or aggregated: {}", found.field.name);
                return Err(scope.refuse(path, "MALFORMED_QUERY", &message));
            }
            let key = quoted(&alias.unwrap_or(found.field.name));
            Ok(Column {
                key,
                function: None,
                getter: found.getter,
            })
        }
        SelectExpression::Call(call) => {
            let (Some(function), [Argument::Field(path)]) =
                (function(call), call.arguments.as_slice())
            else {
                let name = call.function.as_str();
                return Err(error::unsupported(scope.text, call.origin, name));
            };
            let getter = scope.resolve(path)?.getter;
            let name = alias.unwrap_or_else(|| {
                let name = format!("expr{unnamed}");
                *unnamed = unnamed.saturating_add(1);
                name
            });
            Ok(Column {
                key: quoted(&name),
                function: Some(function),
                getter,
            })
        }
        SelectExpression::Children(_) | SelectExpression::TypeOf(_) => Err(Refusal::new(
            400,
            "MALFORMED_QUERY",
            "an aggregate query selects fields",
        )),
    }
}

#[derive(Clone, Default)]
struct Tally {
    count: i64,
    distinct: std::collections::HashSet<Key>,
    sum: f64,
    least: Option<Value>,
    most: Option<Value>,
    first: Option<Value>,
}

impl Tally {
    fn add(&mut self, function: Option<Function>, value: &Value) {
        if self.first.is_none() {
            self.first = Some(value.clone());
        }
        if value.is_null() {
            return;
        }
        self.count = self.count.saturating_add(1);
        match function {
            Some(Function::CountDistinct) => {
                self.distinct.insert(key(value));
            }
            Some(Function::Sum | Function::Avg) => self.sum += number(value),
            Some(Function::Min) => {
                if self
                    .least
                    .as_ref()
                    .is_none_or(|old| compare(value, old).is_some_and(|o| o.is_lt()))
                {
                    self.least = Some(value.clone());
                }
            }
            Some(Function::Max) => {
                if self
                    .most
                    .as_ref()
                    .is_none_or(|old| compare(value, old).is_some_and(|o| o.is_gt()))
                {
                    self.most = Some(value.clone());
                }
            }
            Some(Function::Count) | None => {}
        }
    }

    fn result(self, function: Option<Function>) -> Value {
        let distinct = || i64::try_from(self.distinct.len()).unwrap_or(i64::MAX);
        match function {
            None => self.first.unwrap_or(Value::Null),
            Some(Function::Count) => Value::Int(self.count),
            Some(Function::CountDistinct) => Value::Int(distinct()),
            Some(Function::Min) => self.least.unwrap_or(Value::Null),
            Some(Function::Max) => self.most.unwrap_or(Value::Null),
            Some(_) if self.count == 0 => Value::Null,
            Some(Function::Sum) => Value::Double(self.sum),
            Some(Function::Avg) => Value::Double(self.sum / number(&Value::Int(self.count))),
        }
    }
}

impl Aggregate {
    /// The answer's rows as JSON, in the order in which their groups were first met.
    pub(crate) fn rows(&self, store: &Store, table: &Table, slots: &[usize]) -> Vec<Vec<u8>> {
        let mut places: HashMap<Vec<Key>, usize> = HashMap::new();
        let empty = vec![Tally::default(); self.columns.len()];
        // Without GROUP BY there is one row, even over nothing.
        let mut tallies: Vec<Vec<Tally>> = Vec::new();
        if self.groups.is_empty() {
            places.insert(Vec::new(), 0);
            tallies.push(empty.clone());
        }
        for row in slots.iter().filter_map(|slot| table.row(*slot)) {
            let keys = self
                .groups
                .iter()
                .map(|getter| key(getter.get(store, row)))
                .collect();
            let place = *places.entry(keys).or_insert_with(|| {
                tallies.push(empty.clone());
                tallies.len().saturating_sub(1)
            });
            let Some(group) = tallies.get_mut(place) else {
                continue;
            };
            for (tally, column) in group.iter_mut().zip(&self.columns) {
                tally.add(column.function, column.getter.get(store, row));
            }
        }
        tallies.truncate(self.limit.unwrap_or(usize::MAX));
        tallies.into_iter().map(|group| self.row(group)).collect()
    }

    fn row(&self, group: Vec<Tally>) -> Vec<u8> {
        let mut out = b"{\"attributes\":{\"type\":\"AggregateResult\"}".to_vec();
        for (tally, column) in group.into_iter().zip(&self.columns) {
            out.push(b',');
            out.extend_from_slice(&column.key);
            tally.result(column.function).write(&mut out);
        }
        out.push(b'}');
        out
    }
}
