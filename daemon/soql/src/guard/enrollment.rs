//! Enrollment: the saved query that says which records of an object are routed.

use std::fmt;

use chrono::{DateTime, Utc};

use super::{
    AllowList, Guarded, Object, bare,
    filter::Filter,
    own_field,
    resolve::Scope,
    resolved_order, resolved_select,
    restrict::{self, Verdict},
    select_of, shape, with_injected,
};
use crate::{
    ast::{Condition, OrderBy, Query, Select},
    error::{Code, SoqlError},
    parser::{MAX_STATEMENT_CHARS, parse},
};

/// Kept free for what the daemon adds: fields, ids, a moment, an order.
const SPARE_CHARS: usize = 10_000;

/// Accepted, but not what the person may have meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// No record can satisfy the condition.
    MatchesNothing,
    /// ORDER BY has no effect: records are fetched in the order in which they changed.
    OrderIgnored,
}

impl Warning {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MatchesNothing => "matches_nothing",
            Self::OrderIgnored => "order_ignored",
        }
    }

    pub const fn message(self) -> &'static str {
        match self {
            Self::MatchesNothing => {
                "No record can satisfy this condition, so nothing will be routed."
            }
            Self::OrderIgnored => {
                "ORDER BY has no effect here: records are fetched in the order in which they \
                 changed."
            }
        }
    }
}

/// A condition on one object that has passed the guard. `Display` is the canonical text, which
/// passes the guard again and stays the same.
#[derive(Clone, Debug)]
pub struct Enrollment {
    object: Object,
    condition: Condition,
    allow: AllowList,
    warnings: Vec<Warning>,
}

impl Enrollment {
    /// Judges what a person typed. The select list is checked but not kept; `now` is the day as of
    /// which relative dates are judged.
    pub fn guard(
        text: &str,
        object: Object,
        allow: &AllowList,
        now: DateTime<Utc>,
    ) -> Result<Self, SoqlError> {
        let query = parse(text)?;
        let scope = Scope::of(&query, allow)?;
        if scope.object != object {
            let from = query
                .from
                .first()
                .map(|source| source.path.origin)
                .unwrap_or_default();
            let message = format!("This query must read FROM {}.", object.name());
            return Err(SoqlError::of(Code::ObjectMismatch, from, message));
        }
        resolved_select(&query.select, &scope)?;
        shape::only_filter(&query)?;
        let written = query.filter.as_ref().ok_or_else(|| where_missing(object))?;
        let condition = Filter {
            scope: &scope,
            now,
            inside_semi_join: false,
        }
        .condition(written)?;
        let order = resolved_order(&query.order_by, &scope)?;
        let mut warnings = Vec::new();
        match restrict::judge(&condition, &scope, now)? {
            Verdict::Everything => return Err(tautology(object)),
            Verdict::Nothing => warnings.push(Warning::MatchesNothing),
            Verdict::Some => {}
        }
        if !order.is_empty() {
            warnings.push(Warning::OrderIgnored);
        }
        let condition = with_injected(object, condition);
        let guarded = Self {
            object,
            condition,
            allow: allow.clone(),
            warnings,
        };
        guarded.reads_back()?;
        Ok(guarded)
    }

    /// What was accepted must stay acceptable once it is written in full: ids grow to 18
    /// characters, and the injected term may need one more pair of parentheses.
    fn reads_back(&self) -> Result<(), SoqlError> {
        let printed = self.to_string();
        if printed
            .chars()
            .nth(MAX_STATEMENT_CHARS - SPARE_CHARS)
            .is_some()
        {
            return Err(SoqlError {
                code: Code::StatementTooLong,
                span: None,
                message: "The query is too long once it is written in full. Shorten its lists."
                    .to_owned(),
            });
        }
        // A place in the printed text would mislead whoever looks at what was typed.
        parse(&printed).map(drop).map_err(|error| SoqlError {
            span: None,
            ..error
        })
    }

    pub fn object(&self) -> Object {
        self.object
    }

    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// How many records there are.
    pub fn count(&self) -> Guarded {
        Guarded {
            object: self.object,
            query: self.query(Select::Count, Vec::new()),
        }
    }

    /// These fields (`Owner.Name` too) of the records, ordered by SystemModstamp and Id.
    pub fn select(&self, fields: &[&str]) -> Result<Guarded, SoqlError> {
        let select = select_of(self.object, fields, &self.allow)?;
        let order = |name| OrderBy {
            operand: own_field(name),
            direction: None,
            nulls: None,
        };
        let order_by = vec![order("SystemModstamp"), order("Id")];
        Ok(Guarded {
            object: self.object,
            query: self.query(select, order_by),
        })
    }

    fn query(&self, select: Select, order_by: Vec<OrderBy>) -> Query {
        Query {
            select,
            filter: Some(self.condition.clone()),
            order_by,
            ..bare(self.object)
        }
    }
}

impl fmt::Display for Enrollment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SELECT Id FROM {} WHERE {}",
            self.object.name(),
            self.condition
        )
    }
}

fn where_missing(object: Object) -> SoqlError {
    SoqlError {
        code: Code::WhereMissing,
        span: None,
        message: format!(
            "The query would enroll every {}. Add WHERE with a condition that picks some, for \
             instance WHERE CreatedDate = LAST_N_DAYS:30.",
            object.name()
        ),
    }
}

fn tautology(object: Object) -> SoqlError {
    SoqlError {
        code: Code::Tautology,
        span: None,
        message: format!(
            "This condition holds for every {} that routing could see, so it restricts nothing. \
             Say which records are meant, for instance WHERE LeadSource = 'Web'.",
            object.name()
        ),
    }
}
