//! The clauses of a query, in the order in which SOQL wants them.

use super::{Parsed, Parser, plain_name};
use crate::{
    ast::{
        CategoryFilter, CategorySelector, Condition, Direction, GroupBy, Grouping, Nulls, OrderBy,
        Query, Source, Tracking, View, With,
    },
    error::{Code, SoqlError},
    lexer::Kind,
    name::Name,
    value::Value,
};

const CLAUSES: [&str; 11] = [
    "USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "UPDATE",
    "FROM",
];

impl Parser<'_> {
    /// After the whole statement nothing may follow.
    pub(super) fn end(&self) -> Parsed<()> {
        let token = self.peek();
        if token.kind == Kind::End {
            return Ok(());
        }
        if CLAUSES.iter().any(|clause| self.is_word(0, clause)) {
            return Err(SoqlError::at(
                Code::ClauseOrder,
                token.span,
                format!(
                    "{} stands twice, too late, or without the clause it needs. The order is \
                     SELECT, FROM, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT, OFFSET.",
                    token.text.to_ascii_uppercase()
                ),
            ));
        }
        Err(self.unexpected("the end of the query"))
    }

    pub(super) fn query(&mut self) -> Parsed<Query> {
        let select = self.select()?;
        let from = self.sources()?;
        let scope = self.scope()?;
        let filter = self.filter()?;
        let mut with = Vec::new();
        while self.take_word("WITH") {
            with.push(self.with()?);
        }
        let group_by = self.group_by()?;
        let having = match group_by {
            Some(_) if self.take_word("HAVING") => Some(self.condition()?),
            _ => None,
        };
        let order_by = self.order_by()?;
        let limit = self.count_after("LIMIT")?;
        let offset = self.count_after("OFFSET")?;
        let view = self.view()?;
        let update = self.update()?;
        Ok(Query {
            select,
            from,
            scope,
            filter,
            with,
            group_by,
            having,
            order_by,
            limit,
            offset,
            view,
            update,
        })
    }

    pub(super) fn sources(&mut self) -> Parsed<Vec<Source>> {
        self.expect_word("FROM", "and the object")?;
        self.list(Self::source)
    }

    fn source(&mut self) -> Parsed<Source> {
        let path = self.path("the name of an object")?;
        let alias = if self.take_word("AS") {
            Some(self.name("an alias")?)
        } else if self.begins_clause() {
            None
        } else {
            let alias = plain_name(self.peek());
            if alias.is_some() {
                self.advance();
            }
            alias
        };
        Ok(Source { path, alias })
    }

    /// GROUP, ORDER and OFFSET are names too; what follows tells.
    fn begins_clause(&self) -> bool {
        let counts = |kind| matches!(kind, Kind::Number | Kind::Plus | Kind::Minus);
        ((self.is_word(0, "GROUP") || self.is_word(0, "ORDER")) && self.is_word(1, "BY"))
            || (self.is_word(0, "OFFSET") && counts(self.ahead(1).kind))
    }

    pub(super) fn scope(&mut self) -> Parsed<Option<Name>> {
        if !self.take_word("USING") {
            return Ok(None);
        }
        self.expect_word("SCOPE", "after USING")?;
        self.name("the name of a scope").map(Some)
    }

    pub(super) fn filter(&mut self) -> Parsed<Option<Condition>> {
        if self.take_word("WHERE") {
            self.condition().map(Some)
        } else {
            Ok(None)
        }
    }

    fn with(&mut self) -> Parsed<With> {
        if self.is_word(0, "DATA") && self.is_word(1, "CATEGORY") {
            self.position += 2;
            return self.categories().map(With::DataCategory);
        }
        let name = self.name("SECURITY_ENFORCED, USER_MODE, DATA CATEGORY or a setting")?;
        if self.take(Kind::Equal) {
            return match self.peek().kind {
                Kind::Text => Ok(With::Setting(name, self.value(false)?)),
                _ => Err(self.unexpected("a string")),
            };
        }
        if !self.take(Kind::Open) {
            return Ok(With::Mode(name));
        }
        let settings = self.list(Self::setting)?;
        self.expect(Kind::Close, "a comma or a closing parenthesis")?;
        Ok(With::Context(name, settings))
    }

    fn setting(&mut self) -> Parsed<(Name, Value)> {
        let key = self.name("the name of a setting")?;
        self.expect(Kind::Equal, "=")?;
        let place = self.peek();
        match self.value(false)? {
            Value::Number(number) if !number.is_integer() => Err(SoqlError::at(
                Code::ValueUnknown,
                place.span,
                "This must be a whole number.",
            )),
            value @ (Value::Bool(_) | Value::Text(_) | Value::Number(_)) => Ok((key, value)),
            _ => Err(SoqlError::at(
                Code::ValueUnknown,
                place.span,
                "A setting takes TRUE, FALSE, a whole number or a string.",
            )),
        }
    }

    fn categories(&mut self) -> Parsed<Vec<CategoryFilter>> {
        let mut filters = vec![self.category()?];
        while self.take_word("AND") {
            filters.push(self.category()?);
        }
        Ok(filters)
    }

    fn category(&mut self) -> Parsed<CategoryFilter> {
        let group = self.name("a category group")?;
        let selectors = [
            ("AT", CategorySelector::At),
            ("ABOVE", CategorySelector::Above),
            ("BELOW", CategorySelector::Below),
            ("ABOVE_OR_BELOW", CategorySelector::AboveOrBelow),
        ];
        let found = selectors.iter().find(|(word, _)| self.take_word(word));
        let Some((_, selector)) = found else {
            return Err(self.unexpected("AT, ABOVE, BELOW or ABOVE_OR_BELOW"));
        };
        let categories = if self.take(Kind::Open) {
            let names = self.list(|parser| parser.name("a category"))?;
            self.expect(Kind::Close, "a comma or a closing parenthesis")?;
            names
        } else {
            vec![self.name("a category")?]
        };
        Ok(CategoryFilter {
            group,
            selector: *selector,
            categories,
        })
    }

    fn group_by(&mut self) -> Parsed<Option<GroupBy>> {
        if !(self.is_word(0, "GROUP") && self.is_word(1, "BY")) {
            return Ok(None);
        }
        self.position += 2;
        let kind = if self.take_word("ROLLUP") {
            Grouping::Rollup
        } else if self.take_word("CUBE") {
            Grouping::Cube
        } else {
            Grouping::Plain
        };
        if kind == Grouping::Plain {
            let operands = self.list(Self::operand)?;
            return Ok(Some(GroupBy { kind, operands }));
        }
        self.expect(Kind::Open, "an opening parenthesis")?;
        let operands = self.list(Self::operand)?;
        self.expect(Kind::Close, "a comma or a closing parenthesis")?;
        Ok(Some(GroupBy { kind, operands }))
    }

    fn order_by(&mut self) -> Parsed<Vec<OrderBy>> {
        if !(self.is_word(0, "ORDER") && self.is_word(1, "BY")) {
            return Ok(Vec::new());
        }
        self.position += 2;
        self.list(Self::order)
    }

    fn order(&mut self) -> Parsed<OrderBy> {
        let operand = self.operand()?;
        let direction = if self.take_word("ASC") {
            Some(Direction::Ascending)
        } else if self.take_word("DESC") {
            Some(Direction::Descending)
        } else {
            None
        };
        let nulls = if !self.take_word("NULLS") {
            None
        } else if self.take_word("FIRST") {
            Some(Nulls::First)
        } else if self.take_word("LAST") {
            Some(Nulls::Last)
        } else {
            return Err(self.unexpected("FIRST or LAST"));
        };
        Ok(OrderBy {
            operand,
            direction,
            nulls,
        })
    }

    fn count_after(&mut self, clause: &str) -> Parsed<Option<u32>> {
        if !self.take_word(clause) {
            return Ok(None);
        }
        let start = self.peek().span;
        let negative = self.take(Kind::Minus);
        if !negative {
            self.take(Kind::Plus);
        }
        let token = self.peek();
        if token.kind != Kind::Number || token.text.contains('.') {
            return Err(self.unexpected("a whole number"));
        }
        self.advance();
        let count = token.text.parse::<u32>().ok().filter(|_| !negative);
        count.map(Some).ok_or_else(|| {
            SoqlError::at(
                Code::CountOutOfRange,
                start.to(token.span),
                format!("{clause} takes a whole number from 0 to {}.", u32::MAX),
            )
        })
    }

    fn view(&mut self) -> Parsed<Option<View>> {
        if !self.take_word("FOR") {
            return Ok(None);
        }
        if self.take_word("VIEW") {
            Ok(Some(View::View))
        } else if self.take_word("REFERENCE") {
            Ok(Some(View::Reference))
        } else {
            Err(self.unexpected("VIEW or REFERENCE (FOR UPDATE exists in Apex only)"))
        }
    }

    fn update(&mut self) -> Parsed<Vec<Tracking>> {
        if !self.take_word("UPDATE") {
            return Ok(Vec::new());
        }
        self.list(|parser| {
            if parser.take_word("TRACKING") {
                Ok(Tracking::Tracking)
            } else if parser.take_word("VIEWSTAT") {
                Ok(Tracking::Viewstat)
            } else {
                Err(parser.unexpected("TRACKING or VIEWSTAT"))
            }
        })
    }
}
