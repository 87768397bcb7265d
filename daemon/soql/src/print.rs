//! The canonical text of a tree: upper-case keywords, one space between words, parentheses only
//! where the grammar wants them, every string escaped again from its meaning.

use std::fmt::{self, Display, Formatter, Write};

use crate::{
    ast::{
        Argument, Call, CategoryFilter, CategorySelector, Comparison, Condition, Direction,
        GroupBy, Grouping, Membership, MultiMatch, Nulls, Operand, Operator, OrderBy, Path, Query,
        Select, SelectExpression, SelectItem, Set, Source, Tracking, TypeOf, View, With,
    },
    value::{DateLiteral, LikePattern, PatternPiece, Period, Value},
};

fn list<T: Display>(f: &mut Formatter<'_>, items: &[T], between: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SELECT ")?;
        match &self.select {
            Select::Count => f.write_str("COUNT()")?,
            Select::Items(items) => list(f, items, ", ")?,
        }
        f.write_str(" FROM ")?;
        list(f, &self.from, ", ")?;
        if let Some(scope) = &self.scope {
            write!(f, " USING SCOPE {scope}")?;
        }
        if let Some(filter) = &self.filter {
            write!(f, " WHERE {filter}")?;
        }
        for with in &self.with {
            write!(f, " WITH {with}")?;
        }
        if let Some(group_by) = &self.group_by {
            write!(f, " GROUP BY {group_by}")?;
        }
        if let Some(having) = &self.having {
            write!(f, " HAVING {having}")?;
        }
        self.print_tail(f)
    }
}

impl Query {
    fn print_tail(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.order_by.is_empty() {
            f.write_str(" ORDER BY ")?;
            list(f, &self.order_by, ", ")?;
        }
        if let Some(limit) = self.limit {
            write!(f, " LIMIT {limit}")?;
        }
        if let Some(offset) = self.offset {
            write!(f, " OFFSET {offset}")?;
        }
        match self.view {
            Some(View::View) => f.write_str(" FOR VIEW")?,
            Some(View::Reference) => f.write_str(" FOR REFERENCE")?,
            None => {}
        }
        if !self.update.is_empty() {
            f.write_str(" UPDATE ")?;
            list(f, &self.update, ", ")?;
        }
        Ok(())
    }
}

impl Display for SelectItem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.expression {
            SelectExpression::Field(path) => path.fmt(f)?,
            SelectExpression::Call(call) => call.fmt(f)?,
            SelectExpression::Children(query) => write!(f, "({query})")?,
            SelectExpression::TypeOf(type_of) => type_of.fmt(f)?,
        }
        self.alias
            .iter()
            .try_for_each(|alias| write!(f, " {alias}"))
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        list(f, &self.names, ".")
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function)?;
        list(f, &self.arguments, ", ")?;
        f.write_char(')')
    }
}

impl Display for Argument {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(path) => path.fmt(f),
            Self::Call(call) => call.fmt(f),
            Self::Literal(value) => value.fmt(f),
        }
    }
}

impl Display for TypeOf {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "TYPEOF {}", self.subject)?;
        for branch in &self.branches {
            write!(f, " WHEN {} THEN ", branch.object)?;
            list(f, &branch.fields, ", ")?;
        }
        if !self.otherwise.is_empty() {
            f.write_str(" ELSE ")?;
            list(f, &self.otherwise, ", ")?;
        }
        f.write_str(" END")
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)?;
        self.alias
            .iter()
            .try_for_each(|alias| write!(f, " {alias}"))
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(terms) => chain(f, terms, " AND "),
            Self::Or(terms) => chain(f, terms, " OR "),
            Self::Not(term) => {
                f.write_str("NOT ")?;
                in_chain(f, term)
            }
            Self::Compare(comparison) => comparison.fmt(f),
            Self::In(membership) => membership.fmt(f),
            Self::Multi(multi) => multi.fmt(f),
        }
    }
}

fn chain(f: &mut Formatter<'_>, terms: &[Condition], between: &str) -> fmt::Result {
    for (index, term) in terms.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        in_chain(f, term)?;
    }
    Ok(())
}

/// Inside a chain or under NOT, everything but a single comparison needs its own parentheses.
fn in_chain(f: &mut Formatter<'_>, term: &Condition) -> fmt::Result {
    match term {
        Condition::And(_) | Condition::Or(_) | Condition::Not(_) => write!(f, "({term})"),
        Condition::Compare(_) | Condition::In(_) | Condition::Multi(_) => term.fmt(f),
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.operator, self.value)
    }
}

impl Display for Operator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Like => "LIKE",
        })
    }
}

impl Display for Membership {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}(",
            self.left,
            if self.negated { "NOT IN " } else { "IN " }
        )?;
        match &self.set {
            Set::Values(values) => list(f, values, ", ")?,
            Set::Query(query) => query.fmt(f)?,
        }
        f.write_char(')')
    }
}

impl Display for MultiMatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} (",
            self.left,
            if self.negated { "EXCLUDES" } else { "INCLUDES" }
        )?;
        list(f, &self.values, ", ")?;
        f.write_char(')')
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(path) => path.fmt(f),
            Self::Call(call) => call.fmt(f),
        }
    }
}

impl Display for With {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(name) => name.fmt(f),
            Self::DataCategory(filters) => {
                f.write_str("DATA CATEGORY ")?;
                list(f, filters, " AND ")
            }
            Self::Setting(name, value) => write!(f, "{name} = {value}"),
            Self::Context(name, settings) => {
                write!(f, "{name} (")?;
                for (index, (key, value)) in settings.iter().enumerate() {
                    write!(f, "{}{key} = {value}", if index > 0 { ", " } else { "" })?;
                }
                f.write_char(')')
            }
        }
    }
}

impl Display for CategoryFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let selector = match self.selector {
            CategorySelector::At => "AT",
            CategorySelector::Above => "ABOVE",
            CategorySelector::Below => "BELOW",
            CategorySelector::AboveOrBelow => "ABOVE_OR_BELOW",
        };
        write!(f, "{} {selector} (", self.group)?;
        list(f, &self.categories, ", ")?;
        f.write_char(')')
    }
}

impl Display for GroupBy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.kind {
            Grouping::Plain => return list(f, &self.operands, ", "),
            Grouping::Rollup => f.write_str("ROLLUP(")?,
            Grouping::Cube => f.write_str("CUBE(")?,
        }
        list(f, &self.operands, ", ")?;
        f.write_char(')')
    }
}

impl Display for OrderBy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.operand.fmt(f)?;
        match self.direction {
            Some(Direction::Ascending) => f.write_str(" ASC")?,
            Some(Direction::Descending) => f.write_str(" DESC")?,
            None => {}
        }
        match self.nulls {
            Some(Nulls::First) => f.write_str(" NULLS FIRST"),
            Some(Nulls::Last) => f.write_str(" NULLS LAST"),
            None => Ok(()),
        }
    }
}

impl Display for Tracking {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tracking => "TRACKING",
            Self::Viewstat => "VIEWSTAT",
        })
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Bool(true) => f.write_str("TRUE"),
            Self::Bool(false) => f.write_str("FALSE"),
            Self::Text(text) => {
                f.write_char('\'')?;
                text.chars()
                    .try_for_each(|character| escaped(f, character))?;
                f.write_char('\'')
            }
            Self::Pattern(pattern) => pattern.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Currency(code, amount) => write!(f, "{code}{amount}"),
            Self::Date(date) => write!(f, "{}", date.format("%Y-%m-%d")),
            Self::DateTime(instant) => write!(f, "{}", instant.format("%Y-%m-%dT%H:%M:%S%.fZ")),
            Self::Time(time) => write!(f, "{}", time.format("%H:%M:%S%.fZ")),
            Self::Relative(literal) => literal.fmt(f),
        }
    }
}

impl Display for LikePattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        for piece in &self.0 {
            match piece {
                PatternPiece::AnyOne => f.write_char('_')?,
                PatternPiece::AnyRun => f.write_char('%')?,
                PatternPiece::Literal(text) => {
                    for character in text.chars() {
                        match character {
                            '_' | '%' => write!(f, "\\{character}")?,
                            _ => escaped(f, character)?,
                        }
                    }
                }
            }
        }
        f.write_char('\'')
    }
}

fn escaped(f: &mut Formatter<'_>, character: char) -> fmt::Result {
    match character {
        '\'' | '\\' => write!(f, "\\{character}"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\u{8}' => f.write_str("\\b"),
        // U+2028 and U+2029 end a line for some readers; all of these are in the basic plane.
        _ if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') => {
            write!(f, "\\u{:04X}", u32::from(character))
        }
        _ => f.write_char(character),
    }
}

impl Display for DateLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = |period: &Period| period.singular();
        match self {
            Self::Yesterday => f.write_str("YESTERDAY"),
            Self::Today => f.write_str("TODAY"),
            Self::Tomorrow => f.write_str("TOMORROW"),
            Self::Last90Days => f.write_str("LAST_90_DAYS"),
            Self::Next90Days => f.write_str("NEXT_90_DAYS"),
            Self::Last(period) => write!(f, "LAST_{}", name(period)),
            Self::This(period) => write!(f, "THIS_{}", name(period)),
            Self::Next(period) => write!(f, "NEXT_{}", name(period)),
            Self::LastN(period, count) => write!(f, "LAST_N_{}S:{count}", name(period)),
            Self::NextN(period, count) => write!(f, "NEXT_N_{}S:{count}", name(period)),
            Self::Ago(period, count) => write!(f, "N_{}S_AGO:{count}", name(period)),
        }
    }
}
