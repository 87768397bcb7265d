//! WHERE: each comparison resolved, and its operator and values checked against the field's type.

use super::{
    allow::FieldType,
    resolve::{Column, Scope},
    restrict::{self, Verdict},
};
use crate::{
    ast::{
        Comparison, Condition, Membership, MultiMatch, Operand, Operator, Query, Select,
        SelectExpression, SelectItem, Set, Source,
    },
    error::{Code, Origin, SoqlError},
    id::SalesforceId,
    name::Name,
    value::Value,
};
use chrono::{DateTime, Utc};

/// What a WHERE clause is checked against.
pub(super) struct Filter<'a> {
    pub(super) scope: &'a Scope<'a>,
    /// When relative dates are judged.
    pub(super) now: DateTime<Utc>,
    pub(super) inside_semi_join: bool,
}

impl Filter<'_> {
    pub(super) fn condition(&self, condition: &Condition) -> Result<Condition, SoqlError> {
        let all = |terms: &[Condition]| -> Result<Vec<Condition>, SoqlError> {
            terms.iter().map(|term| self.condition(term)).collect()
        };
        Ok(match condition {
            Condition::And(terms) => Condition::And(all(terms)?),
            Condition::Or(terms) => Condition::Or(all(terms)?),
            Condition::Not(term) => Condition::Not(Box::new(self.condition(term)?)),
            Condition::Compare(comparison) => Condition::Compare(self.comparison(comparison)?),
            Condition::In(membership) => Condition::In(self.membership(membership)?),
            Condition::Multi(multi) => Condition::Multi(self.multi(multi)?),
        })
    }

    fn operand(&self, operand: &Operand) -> Result<(Operand, Column), SoqlError> {
        let (operand, column) = self.scope.operand(operand)?;
        if column.filterable {
            return Ok((operand, column));
        }
        Err(SoqlError::of(
            Code::FieldNotFilterable,
            operand.origin(),
            format!("Salesforce cannot filter by {operand}. Filter by another field."),
        ))
    }

    fn comparison(&self, comparison: &Comparison) -> Result<Comparison, SoqlError> {
        let Comparison {
            left,
            operator,
            value,
            origin,
        } = comparison;
        let (left, column) = self.operand(left)?;
        let works = match operator {
            Operator::Equal | Operator::NotEqual => true,
            Operator::Like => matches!(column.kind, FieldType::Text | FieldType::Picklist),
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => !matches!(
                column.kind,
                FieldType::Boolean | FieldType::MultiPicklist | FieldType::Reference
            ),
        };
        if !works {
            return Err(operator_type(&left, *origin, &operator.to_string()));
        }
        let null_allowed = matches!(operator, Operator::Equal | Operator::NotEqual);
        let value = match (operator, value) {
            (Operator::Like, Value::Pattern(pattern)) => Value::Pattern(pattern.clone()),
            (Operator::Like, _) => return Err(value_type(&left, *origin, "a string")),
            (_, value) => fitting(&column, value, null_allowed)
                .ok_or_else(|| value_type(&left, *origin, wanted(column.kind)))?,
        };
        Ok(Comparison {
            left,
            operator: *operator,
            value,
            origin: *origin,
        })
    }

    fn multi(&self, multi: &MultiMatch) -> Result<MultiMatch, SoqlError> {
        let (left, column) = self.operand(&multi.left)?;
        let origin = multi.origin;
        if column.kind != FieldType::MultiPicklist {
            return Err(operator_type(&left, origin, "INCLUDES"));
        }
        if !multi
            .values
            .iter()
            .all(|value| matches!(value, Value::Text(_)))
        {
            return Err(value_type(&left, origin, "strings"));
        }
        Ok(MultiMatch {
            left,
            negated: multi.negated,
            values: multi.values.clone(),
            origin,
        })
    }

    fn membership(&self, membership: &Membership) -> Result<Membership, SoqlError> {
        let (left, column) = self.operand(&membership.left)?;
        let Membership {
            negated, origin, ..
        } = *membership;
        let set = match &membership.set {
            Set::Query(query) => {
                if !matches!(column.kind, FieldType::Id | FieldType::Reference) {
                    return Err(operator_type(&left, origin, "IN (SELECT …)"));
                }
                Set::Query(Box::new(self.semi_join(query, origin)?))
            }
            Set::Values(_) if column.kind == FieldType::MultiPicklist => {
                return Err(operator_type(&left, origin, "IN"));
            }
            Set::Values(values) => {
                let fitted = values
                    .iter()
                    .map(|value| fitting(&column, value, true))
                    .collect();
                let fitted: Option<Vec<_>> = fitted;
                Set::Values(fitted.ok_or_else(|| value_type(&left, origin, wanted(column.kind)))?)
            }
        };
        Ok(Membership {
            left,
            negated,
            set,
            origin,
        })
    }

    /// A semi-join may ask about allowed fields of an allowed object only, and must itself pick
    /// some of its records, since otherwise it restricts nothing.
    fn semi_join(&self, query: &Query, origin: Origin) -> Result<Query, SoqlError> {
        if self.inside_semi_join {
            let message = "A query inside a query inside a query is too deep. Split the condition.";
            return Err(SoqlError::of(Code::SemiJoinNested, origin, message));
        }
        super::shape::only_filter(query)?;
        let scope = Scope::of(query, self.scope.allow)?;
        let select = id_column(query, &scope, origin)?;
        let unrestricted = || {
            SoqlError::of(
                Code::SemiJoinUnrestricted,
                origin,
                "The query in parentheses picks every record. Give it a WHERE that picks some.",
            )
        };
        let written = query.filter.as_ref().ok_or_else(unrestricted)?;
        let inner = Filter {
            scope: &scope,
            now: self.now,
            inside_semi_join: true,
        };
        let filter = inner.condition(written)?;
        match restrict::judge(&filter, &scope, self.now)? {
            Verdict::Everything => return Err(unrestricted()),
            Verdict::Some | Verdict::Nothing => {}
        }
        let name = Name::new(scope.object.name()).into_iter().collect();
        let from = vec![Source {
            path: crate::ast::Path::of(name),
            alias: None,
        }];
        let filter = Some(super::with_injected(scope.object, filter));
        Ok(Query {
            select,
            from,
            filter,
            ..query.clone()
        })
    }
}

fn id_column(query: &Query, scope: &Scope<'_>, origin: Origin) -> Result<Select, SoqlError> {
    let wrong = || {
        let message = "The query in parentheses selects one id field, such as Id or OwnerId.";
        SoqlError::of(Code::SemiJoinColumn, origin, message)
    };
    let Select::Items(items) = &query.select else {
        return Err(wrong());
    };
    let [
        SelectItem {
            expression: SelectExpression::Field(path),
            ..
        },
    ] = items.as_slice()
    else {
        return Err(wrong());
    };
    let (path, column) = scope.path(path)?;
    if !matches!(column.kind, FieldType::Id | FieldType::Reference) {
        return Err(wrong());
    }
    let expression = SelectExpression::Field(path);
    Ok(Select::Items(vec![SelectItem {
        expression,
        alias: None,
    }]))
}

/// The value in canonical form, when fields of this type can be compared with it.
fn fitting(column: &Column, value: &Value, null_allowed: bool) -> Option<Value> {
    use FieldType as Type;
    let fits = match (column.kind, value) {
        (Type::Boolean, Value::Bool(_)) => true,
        (Type::Boolean, _) => false,
        (_, Value::Null) => null_allowed,
        (Type::Id | Type::Reference, Value::Text(text)) => {
            let id: SalesforceId = text.parse().ok()?;
            return Some(Value::Text(id.to_string()));
        }
        (Type::Text | Type::Picklist | Type::MultiPicklist, Value::Text(_)) => true,
        (Type::Integer, Value::Number(number)) => number.is_integer() && number.is_ordinary(),
        (Type::Decimal | Type::Currency, Value::Number(number)) => number.is_ordinary(),
        (Type::Currency, Value::Currency(_, amount)) => amount.is_ordinary(),
        (Type::Date | Type::DateTime, Value::Relative(_)) => true,
        (Type::Date, Value::Date(_)) => true,
        (Type::DateTime, Value::DateTime(_)) => true,
        (Type::Time, Value::Time(_)) => true,
        _ => false,
    };
    fits.then(|| value.clone())
}

fn wanted(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Id | FieldType::Reference => "a Salesforce id between single quotes",
        FieldType::Boolean => "TRUE or FALSE",
        FieldType::Text | FieldType::LongText | FieldType::Picklist | FieldType::MultiPicklist => {
            "text between single quotes"
        }
        FieldType::Integer => "a whole number of at most 18 digits, without quotes",
        FieldType::Decimal | FieldType::Currency => "a number of at most 18 digits, without quotes",
        FieldType::Date => "a date such as 2024-01-31 or LAST_N_DAYS:30, without quotes",
        FieldType::DateTime => {
            "a moment such as 2024-01-31T00:00:00Z or LAST_N_DAYS:30, without quotes"
        }
        FieldType::Time => "a time such as 08:30:00Z, without quotes",
    }
}

fn operator_type(left: &Operand, origin: Origin, operator: &str) -> SoqlError {
    SoqlError::of(
        Code::OperatorType,
        origin,
        format!("{operator} does not work on {left}, because of the type of that field."),
    )
}

fn value_type(left: &Operand, origin: Origin, wanted: &str) -> SoqlError {
    SoqlError::of(
        Code::ValueType,
        origin,
        format!("{left} is compared with {wanted}."),
    )
}
