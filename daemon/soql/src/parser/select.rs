//! The select list, functions and TYPEOF.

use super::{Parsed, Parser, plain_name};
use crate::{
    ast::{
        Argument, Call, Operand, Query, Select, SelectExpression, SelectItem, TypeBranch, TypeOf,
    },
    error::Origin,
    lexer::Kind,
    name::Name,
    value::Value,
};

impl Parser<'_> {
    pub(super) fn select(&mut self) -> Parsed<Select> {
        self.expect_word("SELECT", "at the beginning")?;
        let count = self.is_word(0, "COUNT")
            && self.ahead(1).kind == Kind::Open
            && self.ahead(2).kind == Kind::Close;
        if count {
            self.position += 3;
            return Ok(Select::Count);
        }
        self.list(Self::select_item).map(Select::Items)
    }

    fn select_item(&mut self) -> Parsed<SelectItem> {
        let expression = if self.peek().kind == Kind::Open {
            SelectExpression::Children(Box::new(self.children()?))
        } else if self.begins_type_of() {
            SelectExpression::TypeOf(self.type_of()?)
        } else {
            match self.operand()? {
                Operand::Field(path) => SelectExpression::Field(path),
                Operand::Call(call) => SelectExpression::Call(call),
            }
        };
        let alias = plain_name(self.peek());
        if alias.is_some() {
            self.advance();
        }
        Ok(SelectItem { expression, alias })
    }

    fn children(&mut self) -> Parsed<Query> {
        self.expect(Kind::Open, "an opening parenthesis")?;
        let query = self.deeper(Self::query)?;
        self.expect(Kind::Close, "a closing parenthesis after the subquery")?;
        Ok(query)
    }

    /// TYPEOF is a name too; only `TYPEOF path WHEN` begins the clause.
    fn begins_type_of(&self) -> bool {
        self.is_word(0, "TYPEOF") && self.ahead(1).kind == Kind::Word && self.is_word(2, "WHEN")
    }

    fn type_of(&mut self) -> Parsed<TypeOf> {
        self.advance();
        let subject = self.path("a relationship")?;
        let mut branches = Vec::new();
        while self.take_word("WHEN") {
            let object = self.name("the name of an object")?;
            self.expect_word("THEN", "after the object")?;
            let fields = self.list(|parser| parser.path("a field"))?;
            branches.push(TypeBranch { object, fields });
        }
        let otherwise = if self.take_word("ELSE") {
            self.list(|parser| parser.path("a field"))?
        } else {
            Vec::new()
        };
        self.expect_word("END", "after the last field of TYPEOF")?;
        Ok(TypeOf {
            subject,
            branches,
            otherwise,
        })
    }

    /// A field or a function.
    pub(super) fn operand(&mut self) -> Parsed<Operand> {
        if self.ahead(1).kind != Kind::Open {
            return self.path("a field").map(Operand::Field);
        }
        let start = self.peek().span;
        let function = self.name("a field or a function")?;
        let arguments = self.arguments(&function)?;
        let origin = start.to(self.before()).into();
        Ok(Operand::Call(Call {
            function,
            arguments,
            origin,
        }))
    }

    fn arguments(&mut self, function: &Name) -> Parsed<Vec<Argument>> {
        self.expect(Kind::Open, "an opening parenthesis")?;
        let first = self.argument()?;
        let mut arguments = vec![first];
        if function.is("DISTANCE") && self.take(Kind::Comma) {
            arguments.push(Argument::Call(self.geolocation()?));
            self.expect(Kind::Comma, "a comma and the unit, 'mi' or 'km'")?;
            match self.peek().kind {
                Kind::Text => arguments.push(Argument::Literal(self.value(false)?)),
                _ => return Err(self.unexpected("the unit, 'mi' or 'km'")),
            }
        }
        self.expect(
            Kind::Close,
            "a closing parenthesis; functions take one field here",
        )?;
        Ok(arguments)
    }

    /// A field, or one function around a field: SOQL nests no deeper.
    fn argument(&mut self) -> Parsed<Argument> {
        if self.ahead(1).kind != Kind::Open {
            return self.path("a field").map(Argument::Field);
        }
        let start = self.peek().span;
        let function = self.name("a field or a function")?;
        self.expect(Kind::Open, "an opening parenthesis")?;
        let inner = self.path("a field; functions nest only twice")?;
        self.expect(
            Kind::Close,
            "a closing parenthesis; functions nest only twice",
        )?;
        let origin = start.to(self.before()).into();
        Ok(Argument::Call(Call {
            function,
            arguments: vec![Argument::Field(inner)],
            origin,
        }))
    }

    fn geolocation(&mut self) -> Parsed<Call> {
        let origin: Origin = self.peek().span.into();
        let function = self.name("GEOLOCATION(latitude, longitude)")?;
        if !function.is("GEOLOCATION") {
            self.position -= 1;
            return Err(self.unexpected("GEOLOCATION(latitude, longitude)"));
        }
        self.expect(Kind::Open, "an opening parenthesis")?;
        let latitude = self.coordinate()?;
        self.expect(Kind::Comma, "a comma and the longitude")?;
        let longitude = self.coordinate()?;
        self.expect(Kind::Close, "a closing parenthesis")?;
        Ok(Call {
            function,
            arguments: vec![latitude, longitude],
            origin,
        })
    }

    fn coordinate(&mut self) -> Parsed<Argument> {
        match self.peek().kind {
            Kind::Number | Kind::Plus | Kind::Minus => self
                .number()
                .map(|number| Argument::Literal(Value::Number(number))),
            _ => Err(self.unexpected("a number")),
        }
    }

    /// The one column of a semi-join.
    pub(super) fn column(&mut self) -> Parsed<SelectItem> {
        let expression = match self.operand()? {
            Operand::Field(path) => SelectExpression::Field(path),
            Operand::Call(call) => SelectExpression::Call(call),
        };
        Ok(SelectItem {
            expression,
            alias: None,
        })
    }

    /// The span of the token last taken.
    pub(super) fn before(&self) -> crate::error::Span {
        let last = self
            .position
            .checked_sub(1)
            .and_then(|index| self.tokens.get(index));
        last.map(|token| token.span).unwrap_or_default()
    }
}
