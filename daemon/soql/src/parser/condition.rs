//! Conditions. Salesforce gives AND and OR no precedence, so a chain holds one of them only, and
//! NOT stands alone at the beginning of a group.

use super::{Parsed, Parser};
use crate::{
    ast::{Comparison, Condition, Membership, MultiMatch, Operand, Operator, Query, Select, Set},
    error::{Code, SoqlError},
    lexer::Kind,
};

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Parsed<Condition> {
        if self.take_word("NOT") {
            let inner = self.term()?;
            if self.is_word(0, "AND") || self.is_word(0, "OR") {
                return Err(self.needs_parentheses("put the negation in them: (NOT a = 1) AND b"));
            }
            return Ok(Condition::Not(Box::new(inner)));
        }
        let first = self.term()?;
        if self.is_word(0, "AND") {
            return self.chain(first, "AND", "OR").map(Condition::And);
        }
        if self.is_word(0, "OR") {
            return self.chain(first, "OR", "AND").map(Condition::Or);
        }
        Ok(first)
    }

    fn chain(&mut self, first: Condition, word: &str, other: &str) -> Parsed<Vec<Condition>> {
        let mut terms = vec![first];
        while self.take_word(word) {
            terms.push(self.term()?);
        }
        if self.is_word(0, other) {
            return Err(self.needs_parentheses("say which belong together: (a OR b) AND c"));
        }
        Ok(terms)
    }

    fn needs_parentheses(&self, what: &str) -> SoqlError {
        SoqlError::at(
            Code::ParenthesesNeeded,
            self.peek().span,
            format!("Parentheses are needed here; {what}."),
        )
    }

    fn term(&mut self) -> Parsed<Condition> {
        if self.is_word(0, "NOT") {
            return Err(self.needs_parentheses("put the negation in them: a AND (NOT b = 1)"));
        }
        if self.peek().kind == Kind::Open {
            self.advance();
            let inner = self.deeper(Self::condition)?;
            self.expect(Kind::Close, "AND, OR or a closing parenthesis")?;
            return Ok(inner);
        }
        self.simple()
    }

    fn simple(&mut self) -> Parsed<Condition> {
        let start = self.peek().span;
        let left = self.operand()?;
        if self.take_word("IN") {
            return self.membership(left, false, start);
        }
        if self.is_word(0, "NOT") {
            self.advance();
            self.expect_word("IN", "after NOT (for LIKE write NOT before the field)")?;
            return self.membership(left, true, start);
        }
        for (word, negated) in [("INCLUDES", false), ("EXCLUDES", true)] {
            if self.take_word(word) {
                let values = self.values()?;
                let origin = start.to(self.before()).into();
                return Ok(Condition::Multi(MultiMatch {
                    left,
                    negated,
                    values,
                    origin,
                }));
            }
        }
        let operator = self.operator()?;
        let value = self.value(operator == Operator::Like)?;
        let origin = start.to(self.before()).into();
        Ok(Condition::Compare(Comparison {
            left,
            operator,
            value,
            origin,
        }))
    }

    fn operator(&mut self) -> Parsed<Operator> {
        if self.take_word("LIKE") {
            return Ok(Operator::Like);
        }
        let operator = match self.peek().kind {
            Kind::Equal => Operator::Equal,
            Kind::NotEqual => Operator::NotEqual,
            Kind::Less => Operator::Less,
            Kind::LessOrEqual => Operator::LessOrEqual,
            Kind::Greater => Operator::Greater,
            Kind::GreaterOrEqual => Operator::GreaterOrEqual,
            _ => return Err(self.unexpected("an operator: =, !=, <, <=, >, >=, LIKE or IN")),
        };
        self.advance();
        // Salesforce allows a space inside these two.
        Ok(match operator {
            Operator::Less if self.take(Kind::Equal) => Operator::LessOrEqual,
            Operator::Greater if self.take(Kind::Equal) => Operator::GreaterOrEqual,
            _ => operator,
        })
    }

    fn membership(
        &mut self,
        left: Operand,
        negated: bool,
        start: crate::error::Span,
    ) -> Parsed<Condition> {
        let set = if self.peek().kind == Kind::Open && self.is_word(1, "SELECT") {
            self.advance();
            let query = self.deeper(Self::semi_join)?;
            self.expect(Kind::Close, "WHERE or a closing parenthesis")?;
            Set::Query(Box::new(query))
        } else {
            Set::Values(self.values()?)
        };
        let origin = start.to(self.before()).into();
        Ok(Condition::In(Membership {
            left,
            negated,
            set,
            origin,
        }))
    }

    fn values(&mut self) -> Parsed<Vec<crate::value::Value>> {
        self.expect(Kind::Open, "a list in parentheses")?;
        let values = self.list(|parser| parser.value(false))?;
        self.expect(Kind::Close, "a comma or a closing parenthesis")?;
        Ok(values)
    }

    fn semi_join(&mut self) -> Parsed<Query> {
        self.expect_word("SELECT", "at the beginning")?;
        let column = self.column()?;
        let from = self.sources()?;
        let scope = self.scope()?;
        let filter = self.filter()?;
        Ok(Query {
            select: Select::Items(vec![column]),
            from,
            scope,
            filter,
            with: Vec::new(),
            group_by: None,
            having: None,
            order_by: Vec::new(),
            limit: None,
            offset: None,
            view: None,
            update: Vec::new(),
        })
    }
}
