//! A statement that was checked against the objects and can be run.

use soql::{
    Query,
    ast::{Argument, Call, Path, Select, SelectExpression, With},
};

use super::{
    aggregate::{self, Aggregate},
    candidates::{Candidates, narrow},
    error,
    filter::{self, Test},
    order::{self, Sort},
    output::{self, Output},
    path::Scope,
};
use crate::{
    model::value::Value,
    store::{
        Store,
        refusal::Refusal,
        table::{Row, Table},
    },
};

/// The largest OFFSET.
const MAX_OFFSET: u32 = 2_000;

pub(crate) struct Plan {
    pub(crate) object: &'static str,
    pub(crate) shape: Shape,
    filter: Option<Test>,
    order: Vec<Sort>,
    limit: Option<usize>,
    offset: usize,
}

pub(crate) enum Shape {
    /// `SELECT COUNT()`
    Count,
    Rows(Vec<Output>),
    Groups(Aggregate),
}

/// Parses and checks `text`.
///
/// # Errors
/// MALFORMED_QUERY, INVALID_TYPE, INVALID_FIELD and their kin.
pub(crate) fn compile(store: &Store, text: &str, now: i64) -> Result<Plan, Refusal> {
    let query = soql::parse(text).map_err(|error| error::malformed(text, &error))?;
    let object = query.object().map(soql::Name::as_str).unwrap_or_default();
    let table = store
        .table(object)
        .ok_or_else(|| Refusal::unknown_object(object))?;
    build(store, table, &query, text, now)
}

/// The values of a semi-join's one column.
pub(super) fn column_of(outer: &Scope<'_>, query: &Query) -> Result<Vec<Value>, Refusal> {
    let object = query.object().map(soql::Name::as_str).unwrap_or_default();
    let table = outer
        .store
        .table(object)
        .ok_or_else(|| Refusal::unknown_object(object))?;
    let plan = build(outer.store, table, query, outer.text, outer.now)?;
    let Shape::Rows(outputs) = &plan.shape else {
        return Ok(Vec::new());
    };
    let Some(Output::Column(_, column)) = outputs.first() else {
        let message = "a semi-join selects one field of its own object";
        return Err(Refusal::new(400, "MALFORMED_QUERY", message));
    };
    let slots = plan.matching(outer.store, false);
    Ok(slots
        .into_iter()
        .filter_map(|slot| table.row(slot))
        .map(|row| row.get(*column).clone())
        .collect())
}

fn build(
    store: &Store,
    table: &Table,
    query: &Query,
    text: &str,
    now: i64,
) -> Result<Plan, Refusal> {
    let alias = query.from.first().and_then(|source| source.alias.as_ref());
    let scope = Scope {
        store,
        table,
        text,
        alias,
        now,
    };
    check_clauses(query)?;
    let shape = match &query.select {
        Select::Count => Shape::Count,
        Select::Items(_) if aggregate::is_aggregate(query) => {
            Shape::Groups(aggregate::compile(&scope, query)?)
        }
        Select::Items(items) => {
            let aliased = items.iter().find(|item| item.alias.is_some());
            if aliased.is_some() {
                let message = "only aggregate expressions use field aliasing";
                return Err(Refusal::new(400, "MALFORMED_QUERY", message));
            }
            Shape::Rows(select_list(&scope, query)?)
        }
    };
    let filter = query
        .filter
        .as_ref()
        .map(|part| filter::compile(&scope, part))
        .transpose()?;
    let order = match shape {
        Shape::Groups(_) => Vec::new(),
        _ => order::compile(&scope, &query.order_by)?,
    };
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(Plan {
        object: table.object.name,
        shape,
        filter,
        order,
        limit: query.limit.map(count),
        offset: query.offset.map_or(0, count),
    })
}

fn check_clauses(query: &Query) -> Result<(), Refusal> {
    let malformed = |message: &str| Err(Refusal::new(400, "MALFORMED_QUERY", message));
    if query.offset.is_some_and(|offset| offset > MAX_OFFSET) {
        let message = "Maximum SOQL offset allowed is 2000";
        return Err(Refusal::new(400, "NUMBER_OUTSIDE_VALID_RANGE", message));
    }
    if query.from.len() > 1 {
        return malformed("a second source in FROM is not evaluated by this simulator");
    }
    if query
        .scope
        .as_ref()
        .is_some_and(|scope| !scope.is("everything"))
    {
        return malformed("USING SCOPE is not evaluated by this simulator");
    }
    if query.with.iter().any(|with| !matches!(with, With::Mode(_))) {
        return malformed("this WITH clause is not evaluated by this simulator");
    }
    if query.having.is_some() {
        return malformed("HAVING is not evaluated by this simulator");
    }
    Ok(())
}

fn select_list(scope: &Scope<'_>, query: &Query) -> Result<Vec<Output>, Refusal> {
    let Select::Items(items) = &query.select else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    let mut children = Vec::new();
    let mut every = Vec::new();
    for item in items {
        match &item.expression {
            SelectExpression::Field(path) => names.push(checked(scope, path)?),
            SelectExpression::Call(call) if call.function.is("FIELDS") => {
                every.extend(all_fields(scope, call, query.limit)?);
            }
            SelectExpression::Call(call) => names.push(checked(scope, wrapped(scope, call)?)?),
            SelectExpression::Children(query) => children.push(child_list(scope, query)?),
            SelectExpression::TypeOf(kind) => {
                return Err(error::unsupported(
                    scope.text,
                    kind.subject.origin,
                    "TYPEOF",
                ));
            }
        }
    }
    for (at, path) in names.iter().enumerate() {
        if names.iter().take(at).any(|earlier| earlier == path) {
            let name = path.last().map(soql::Name::as_str).unwrap_or_default();
            let message = format!("duplicate field selected: {name}");
            return Err(Refusal::new(400, "INVALID_FIELD", message));
        }
    }
    let mut outputs = every;
    outputs.extend(output::columns(scope.store, scope.table, &names));
    outputs.extend(children);
    Ok(outputs)
}

fn checked<'p>(scope: &Scope<'_>, path: &'p Path) -> Result<&'p [soql::Name], Refusal> {
    scope.resolve(path)?;
    Ok(scope.names(path))
}

/// `toLabel(x)` and `FORMAT(x)` give x: the organisation has one language.
fn wrapped<'p>(scope: &Scope<'_>, call: &'p Call) -> Result<&'p Path, Refusal> {
    let known = call.function.is("toLabel") || call.function.is("FORMAT");
    match call.arguments.as_slice() {
        [Argument::Field(path)] if known => Ok(path),
        _ => Err(error::unsupported(
            scope.text,
            call.origin,
            call.function.as_str(),
        )),
    }
}

fn all_fields(scope: &Scope<'_>, call: &Call, limit: Option<u32>) -> Result<Vec<Output>, Refusal> {
    let group = match call.arguments.as_slice() {
        [Argument::Field(path)] => path.field().map(|name| name.as_str().to_ascii_uppercase()),
        _ => None,
    };
    let wanted: fn(bool) -> bool = match group.as_deref() {
        Some("ALL") => |_| true,
        Some("STANDARD") => |custom| !custom,
        Some("CUSTOM") => |custom| custom,
        _ => return Err(error::unsupported(scope.text, call.origin, "FIELDS")),
    };
    if group.as_deref() != Some("STANDARD") && limit.is_none_or(|limit| limit > 200) {
        let message = "The SOQL FIELDS function must have a LIMIT of at most 200";
        return Err(error::at(
            scope.text,
            call.origin,
            "MALFORMED_QUERY",
            message,
        ));
    }
    let fields = scope.table.object.fields.iter().enumerate();
    Ok(fields
        .filter(|(_, field)| !field.hidden && wanted(field.is_custom()))
        .map(|(column, field)| Output::Column(output::quoted(&field.name), column))
        .collect())
}

fn child_list(scope: &Scope<'_>, query: &Query) -> Result<Output, Refusal> {
    let name = query.object().map(soql::Name::as_str).unwrap_or_default();
    let children = scope.table.object.children.iter();
    let found = children
        .filter(|child| child.relationship.eq_ignore_ascii_case(name))
        .find_map(|child| Some((child, scope.store.table(child.object)?)));
    let Some((child, table)) = found else {
        let message =
            format!("Didn't understand relationship '{name}' in FROM part of query call.");
        return Err(Refusal::new(400, "INVALID_TYPE", message));
    };
    let plan = build(scope.store, table, query, scope.text, scope.now)?;
    if !matches!(plan.shape, Shape::Rows(_)) {
        return Err(Refusal::new(
            400,
            "MALFORMED_QUERY",
            "a child list selects fields",
        ));
    }
    let foreign = table.object.column(child.field).unwrap_or_default();
    let key = output::quoted(child.relationship);
    Ok(Output::Children {
        key,
        foreign,
        plan: Box::new(plan),
    })
}

impl Plan {
    /// The rows that the statement answers, in its order, cut by OFFSET and LIMIT.
    pub(crate) fn run(&self, store: &Store, include_deleted: bool) -> Vec<usize> {
        let mut slots = self.matching(store, include_deleted);
        if !matches!(self.shape, Shape::Groups(_)) {
            slots.drain(..self.offset.min(slots.len()));
            slots.truncate(self.limit.unwrap_or(usize::MAX));
        }
        slots
    }

    /// The part of a child list that its own OFFSET and LIMIT leave.
    pub(super) fn cut<'a>(&self, slots: &'a [usize]) -> &'a [usize] {
        let rest = slots.get(self.offset..).unwrap_or_default();
        rest.get(..self.limit.unwrap_or(usize::MAX).min(rest.len()))
            .unwrap_or_default()
    }

    pub(super) fn outputs(&self) -> &[Output] {
        match &self.shape {
            Shape::Rows(outputs) => outputs,
            _ => &[],
        }
    }

    /// Every row that the filter holds for, in the statement's order.
    pub(super) fn matching(&self, store: &Store, include_deleted: bool) -> Vec<usize> {
        let Some(table) = store.table(self.object) else {
            return Vec::new();
        };
        let keeps = |slot: &usize| {
            table
                .row(*slot)
                .is_some_and(|row| self.keeps(store, row, include_deleted))
        };
        let in_index_order = order::is_index_order(&self.order);
        let candidates = match narrow(table, self.filter.as_ref()) {
            Candidates::All if in_index_order => {
                Candidates::Stamps(i64::MIN, i64::MAX.saturating_sub(1))
            }
            other => other,
        };
        let indexed = in_index_order && matches!(candidates, Candidates::Stamps(..));
        let wanted = self
            .limit
            .filter(|_| indexed)
            .map(|limit| limit.saturating_add(self.offset));
        let wanted = wanted.unwrap_or(usize::MAX);
        let mut slots: Vec<usize> = match candidates {
            Candidates::Slots(slots) => slots.into_iter().filter(keeps).collect(),
            Candidates::Stamps(from, to) => table
                .by_stamp(from, to)
                .filter(keeps)
                .take(wanted)
                .collect(),
            Candidates::All => (0..table.rows().len()).filter(keeps).collect(),
        };
        if !indexed && !self.order.is_empty() {
            order::sort(store, table, &self.order, &mut slots);
        }
        slots
    }

    fn keeps(&self, store: &Store, row: &Row, include_deleted: bool) -> bool {
        (include_deleted || !row.is_deleted())
            && self
                .filter
                .as_ref()
                .is_none_or(|test| test.holds(store, row))
    }
}
