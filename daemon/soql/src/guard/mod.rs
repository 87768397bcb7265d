//! The guard: the only maker of [`Guarded`], which is all that may be sent to Salesforce.
//!
//! Text is parsed, every name in it is looked up in the [`AllowList`], the condition is shown to
//! leave some record out, and what is sent is printed from the tree. Nothing that a person typed
//! reaches Salesforce as typed.

mod allow;
mod calendar;
mod domain;
mod enrollment;
mod filter;
mod function;
mod identifier;
mod resolve;
mod restrict;
mod shape;
mod standard;
mod text;

#[cfg(test)]
mod tests;

use std::fmt;

use chrono::{DateTime, Utc};

pub use allow::{AllowList, Field, FieldType, Object};
pub use enrollment::{Enrollment, Warning};

use crate::{
    ast::{
        Comparison, Condition, Membership, Operand, Operator, OrderBy, Path, Query, Select,
        SelectExpression, SelectItem, Set, Source,
    },
    error::{Code, Origin, SoqlError},
    id::SalesforceId,
    name::Name,
    parser::parse,
    value::Value,
};
use filter::Filter;
use resolve::Scope;

/// The ids that one query may name; as many as one composite request may write.
pub const MAX_IDS: usize = 200;

/// A query that names only what the allow-list has. Cannot be made outside this module:
///
/// ```compile_fail,E0451
/// let query = soql::parse("SELECT Password FROM User").unwrap();
/// let sent = soql::guard::Guarded { object: soql::guard::Object::User, query };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarded {
    object: Object,
    query: Query,
}

impl Guarded {
    /// A query that stands in the program's own text. It is checked like any other, but may do
    /// without WHERE, and on Lead `IsConverted = FALSE` is added.
    pub fn fixed(statement: &'static str, allow: &AllowList) -> Result<Self, SoqlError> {
        let query = parse(statement)?;
        shape::only_filter(&query)?;
        let scope = Scope::of(&query, allow)?;
        let select = resolved_select(&query.select, &scope)?;
        // No date literal stands in a fixed query that is judged, so the moment does not matter.
        let now = DateTime::UNIX_EPOCH;
        let filter = Filter {
            scope: &scope,
            now,
            inside_semi_join: false,
        };
        let filter = query
            .filter
            .as_ref()
            .map(|written| filter.condition(written))
            .transpose()?;
        let order_by = resolved_order(&query.order_by, &scope)?;
        let object = scope.object;
        let filter = injected(object, filter);
        Ok(Self {
            object,
            query: Query {
                select,
                filter,
                order_by,
                ..bare(object)
            },
        })
    }

    /// Reads records again after a write: id, owner, stamp and whether they are gone. Names
    /// records by id alone, and so leaves converted leads in.
    pub fn readback(
        object: Object,
        ids: &[SalesforceId],
        allow: &AllowList,
    ) -> Result<Self, SoqlError> {
        let mut fields = vec!["Id", "OwnerId", "SystemModstamp", "IsDeleted"];
        if object == Object::Lead {
            fields.push("IsConverted");
        }
        let select = select_of(object, &fields, allow)?;
        Self {
            object,
            query: Query {
                select,
                ..bare(object)
            },
        }
        .and_ids(ids)
    }

    /// Only records that Salesforce has touched at or after this moment.
    #[must_use]
    pub fn and_since(mut self, system_modstamp: DateTime<Utc>) -> Self {
        self.and(Condition::Compare(Comparison {
            left: own_field("SystemModstamp"),
            operator: Operator::GreaterOrEqual,
            value: Value::DateTime(system_modstamp),
            origin: Origin::default(),
        }));
        self
    }

    /// Only these records; from 1 to [`MAX_IDS`] of them.
    pub fn and_ids(mut self, ids: &[SalesforceId]) -> Result<Self, SoqlError> {
        if ids.is_empty() || ids.len() > MAX_IDS {
            return Err(SoqlError {
                code: Code::IdsOutOfRange,
                span: None,
                message: format!("A query names from 1 to {MAX_IDS} ids, not {}.", ids.len()),
            });
        }
        let values = ids.iter().map(|id| Value::Text(id.to_string())).collect();
        self.and(Condition::In(Membership {
            left: own_field("Id"),
            negated: false,
            set: Set::Values(values),
            origin: Origin::default(),
        }));
        Ok(self)
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, rows: u32) -> Self {
        self.query.limit = Some(rows);
        self
    }

    pub fn object(&self) -> Object {
        self.object
    }

    /// The tree, for whoever wants to look; it cannot be changed here.
    pub fn query(&self) -> &Query {
        &self.query
    }

    fn and(&mut self, term: Condition) {
        self.query.filter = Some(match self.query.filter.take() {
            None => term,
            Some(Condition::And(mut terms)) => {
                terms.push(term);
                Condition::And(terms)
            }
            Some(other) => Condition::And(vec![other, term]),
        });
    }
}

/// The text to send.
impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(f)
    }
}

/// A query of an object with everything else empty.
fn bare(object: Object) -> Query {
    let path = Path::of(Name::new(object.name()).into_iter().collect());
    Query {
        select: Select::Count,
        from: vec![Source { path, alias: None }],
        scope: None,
        filter: None,
        with: Vec::new(),
        group_by: None,
        having: None,
        order_by: Vec::new(),
        limit: None,
        offset: None,
        view: None,
        update: Vec::new(),
    }
}

fn own_field(name: &str) -> Operand {
    Operand::Field(Path::of(Name::new(name).into_iter().collect()))
}

/// `IsConverted = FALSE`
fn not_converted() -> Condition {
    Condition::Compare(Comparison {
        left: own_field("IsConverted"),
        operator: Operator::Equal,
        value: Value::Bool(false),
        origin: Origin::default(),
    })
}

/// A condition on Lead leaves converted leads out, once, at the end of the outermost AND
/// (control LR-29).
fn with_injected(object: Object, condition: Condition) -> Condition {
    if object != Object::Lead {
        return condition;
    }
    let injected = not_converted();
    let mut terms = match condition {
        Condition::And(terms) => terms,
        other => vec![other],
    };
    terms.retain(|term| *term != injected);
    terms.push(injected);
    match <[Condition; 1]>::try_from(terms) {
        Ok([only]) => only,
        Err(terms) => Condition::And(terms),
    }
}

fn injected(object: Object, filter: Option<Condition>) -> Option<Condition> {
    match filter {
        Some(condition) => Some(with_injected(object, condition)),
        None => (object == Object::Lead).then(not_converted),
    }
}

fn select_of(object: Object, fields: &[&str], allow: &AllowList) -> Result<Select, SoqlError> {
    let query = bare(object);
    let scope = Scope::of(&query, allow)?;
    let item = |field: &&str| {
        let names: Option<Vec<Name>> = field.split('.').map(Name::new).collect();
        let path = Path::of(names.unwrap_or_default());
        let (path, _) = scope.path(&path)?;
        Ok(SelectItem {
            expression: SelectExpression::Field(path),
            alias: None,
        })
    };
    let items: Vec<SelectItem> = fields.iter().map(item).collect::<Result<_, SoqlError>>()?;
    if items.is_empty() {
        return Err(SoqlError {
            code: Code::FieldForbidden,
            span: None,
            message: "The query names no field.".to_owned(),
        });
    }
    Ok(Select::Items(items))
}

fn resolved_select(select: &Select, scope: &Scope<'_>) -> Result<Select, SoqlError> {
    let operands = shape::selected(select)?;
    if operands.is_empty() {
        return Ok(Select::Count);
    }
    let item = |operand: &Operand| {
        let expression = match scope.operand(operand)?.0 {
            Operand::Field(path) => SelectExpression::Field(path),
            Operand::Call(call) => SelectExpression::Call(call),
        };
        Ok(SelectItem {
            expression,
            alias: None,
        })
    };
    operands
        .iter()
        .map(item)
        .collect::<Result<_, SoqlError>>()
        .map(Select::Items)
}

fn resolved_order(order_by: &[OrderBy], scope: &Scope<'_>) -> Result<Vec<OrderBy>, SoqlError> {
    let resolved = |order: &OrderBy| {
        let (operand, column) = scope.operand(&order.operand)?;
        if !column.sortable {
            return Err(SoqlError::of(
                Code::FieldNotSortable,
                operand.origin(),
                format!("Salesforce cannot sort by {operand}. Sort by another field."),
            ));
        }
        Ok(OrderBy {
            operand,
            ..order.clone()
        })
    };
    order_by.iter().map(resolved).collect()
}
