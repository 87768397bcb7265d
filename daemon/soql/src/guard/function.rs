//! The functions that a query may call, what they take and what they give.

use super::{
    allow::{Domain, FieldType},
    resolve::Column,
};
use crate::{
    ast::Call,
    error::{Code, SoqlError},
};

/// A function of one date that gives a number: name, whether it wants a time too, and its bounds.
const DATE_PARTS: [(&str, bool, i64, i64); 12] = [
    ("CALENDAR_YEAR", false, 1700, 4000),
    ("CALENDAR_QUARTER", false, 1, 4),
    ("CALENDAR_MONTH", false, 1, 12),
    ("FISCAL_YEAR", false, 1700, 4001),
    ("FISCAL_QUARTER", false, 1, 4),
    ("FISCAL_MONTH", false, 1, 12),
    ("DAY_IN_YEAR", false, 1, 366),
    ("DAY_IN_MONTH", false, 1, 31),
    ("DAY_IN_WEEK", false, 1, 7),
    ("WEEK_IN_YEAR", false, 1, 53),
    ("WEEK_IN_MONTH", false, 1, 5),
    ("HOUR_IN_DAY", true, 0, 23),
];

const AGGREGATES: [&str; 7] = [
    "AVG",
    "COUNT",
    "COUNT_DISTINCT",
    "MIN",
    "MAX",
    "SUM",
    "GROUPING",
];

/// The years of a moment that Salesforce's clock has set.
const STAMP_YEARS: (i64, i64) = (1999, 2100);

/// The column that a call gives, or why it may not be called.
pub(super) fn result(call: &Call, inner: &Column) -> Result<Column, SoqlError> {
    let name = &call.function;
    if AGGREGATES.iter().any(|aggregate| name.is(aggregate)) {
        return Err(SoqlError::of(
            Code::AggregateForbidden,
            call.origin,
            format!("Enrollment picks single records; {name}() cannot stand here. Take it out."),
        ));
    }
    if let Some(part) = DATE_PARTS.iter().find(|(part, ..)| name.is(part)) {
        return date_part(*part, call, inner);
    }
    if name.is("DAY_ONLY") {
        wants(call, inner, &[FieldType::DateTime])?;
        return Ok(Column {
            kind: FieldType::Date,
            ..inner.clone()
        });
    }
    if name.is("convertTimezone") {
        wants(call, inner, &[FieldType::DateTime])?;
        return Ok(inner.clone());
    }
    if name.is("toLabel") {
        wants(
            call,
            inner,
            &[FieldType::Picklist, FieldType::MultiPicklist],
        )?;
        // A translation: nothing is known of its values.
        return Ok(Column {
            kind: FieldType::Text,
            domain: Domain::Typed,
            sortable: false,
            ..inner.clone()
        });
    }
    Err(SoqlError::of(
        Code::FunctionForbidden,
        call.origin,
        format!(
            "{name}() is not allowed here. Allowed are toLabel, DAY_ONLY and the date functions \
             such as CALENDAR_MONTH and HOUR_IN_DAY; name every field by itself."
        ),
    ))
}

fn date_part(
    (_, needs_time, low, high): (&str, bool, i64, i64),
    call: &Call,
    inner: &Column,
) -> Result<Column, SoqlError> {
    let dates: &[FieldType] = if needs_time {
        &[FieldType::DateTime]
    } else {
        &[FieldType::DateTime, FieldType::Date]
    };
    wants(call, inner, dates)?;
    let stamped_year = inner.domain == Domain::Stamp && low == 1700;
    let (low, high) = if stamped_year {
        STAMP_YEARS
    } else {
        (low, high)
    };
    Ok(Column {
        kind: FieldType::Integer,
        domain: Domain::Between(low, high),
        sortable: false,
        ..inner.clone()
    })
}

fn wants(call: &Call, inner: &Column, kinds: &[FieldType]) -> Result<(), SoqlError> {
    if kinds.contains(&inner.kind) {
        return Ok(());
    }
    Err(SoqlError::of(
        Code::ValueType,
        call.origin,
        format!("{}() does not take a field of this type.", call.function),
    ))
}
