//! Clauses that an enrollment query may not have, each with what to do instead.

use crate::{
    ast::{Operand, Query, Select, SelectExpression},
    error::{Code, Origin, SoqlError},
};

/// Refuses every clause but SELECT, FROM, WHERE and ORDER BY.
pub(super) fn only_filter(query: &Query) -> Result<(), SoqlError> {
    let refused = [
        (
            query.scope.is_some(),
            "USING SCOPE",
            "Say in WHERE which records are meant.",
        ),
        (
            !query.with.is_empty(),
            "WITH",
            "Take it out; Salesforce's own permissions always hold.",
        ),
        (
            query.group_by.is_some(),
            "GROUP BY",
            "Enrollment picks single records; take it out.",
        ),
        (
            query.having.is_some(),
            "HAVING",
            "Enrollment picks single records; take it out.",
        ),
        (
            query.limit.is_some(),
            "LIMIT",
            "Take it out; Revkeep fetches in pages by itself.",
        ),
        (
            query.offset.is_some(),
            "OFFSET",
            "Take it out; Revkeep fetches in pages by itself.",
        ),
        (
            query.view.is_some(),
            "FOR",
            "It writes to the records that it reads; take it out.",
        ),
        (
            !query.update.is_empty(),
            "UPDATE",
            "It writes statistics; take it out.",
        ),
    ];
    match refused.iter().find(|(found, ..)| *found) {
        None => Ok(()),
        Some((_, clause, advice)) => Err(SoqlError {
            code: Code::ClauseForbidden,
            span: None,
            message: format!("{clause} cannot stand in an enrollment query. {advice}"),
        }),
    }
}

/// The fields and functions of the select list; subqueries and TYPEOF are refused.
pub(super) fn selected(select: &Select) -> Result<Vec<Operand>, SoqlError> {
    let Select::Items(items) = select else {
        return Ok(Vec::new());
    };
    let operand = |expression: &SelectExpression| match expression {
        SelectExpression::Field(path) => Ok(Operand::Field(path.clone())),
        SelectExpression::Call(call) => Ok(Operand::Call(call.clone())),
        SelectExpression::Children(query) => Err(SoqlError::of(
            Code::SubqueryForbidden,
            query
                .from
                .first()
                .map_or(Origin::default(), |source| source.path.origin),
            "A subquery in the select list reads other objects. Take it out.",
        )),
        SelectExpression::TypeOf(type_of) => Err(SoqlError::of(
            Code::TypeOfForbidden,
            type_of.subject.origin,
            "TYPEOF reads other objects. Name Owner.Name or Owner.Type instead.",
        )),
    };
    items.iter().map(|item| operand(&item.expression)).collect()
}
