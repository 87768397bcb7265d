//! Tokens to tree, by recursive descent. The grammar is the REST dialect: no bind variables, no
//! FOR UPDATE, no ALL ROWS, AND and OR never mixed without parentheses.

mod condition;
mod literal;
mod query;
mod select;
#[cfg(test)]
mod tests;

use crate::{
    ast::{Path, Query},
    error::{Code, SoqlError, Span},
    lexer::{Kind, Token, tokens},
    name::Name,
};

/// Salesforce's own limit, in characters.
pub const MAX_STATEMENT_CHARS: usize = 100_000;
/// Parentheses and queries inside each other. Keeps every walk over a tree within a small stack.
pub const MAX_DEPTH: usize = 50;
/// Salesforce's own limit for one string, in characters.
pub const MAX_TEXT_CHARS: usize = 4_000;

/// Words that can be neither a name nor an alias (after a dot they can).
const RESERVED: [&str; 30] = [
    "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "LIKE", "IN", "INCLUDES", "EXCLUDES", "WITH",
    "LIMIT", "FOR", "UPDATE", "HAVING", "BY", "USING", "ELSE", "ASC", "DESC", "NULLS", "FIRST",
    "LAST", "AS", "TRUE", "FALSE", "NULL", "ROLLUP", "CUBE", "BIND",
];

/// Reads one statement.
pub fn parse(statement: &str) -> Result<Query, SoqlError> {
    if statement.chars().nth(MAX_STATEMENT_CHARS).is_some() {
        return Err(SoqlError {
            code: Code::StatementTooLong,
            span: None,
            message: format!(
                "The query is longer than {MAX_STATEMENT_CHARS} characters. Shorten it, for \
                 instance by a formula field in Salesforce."
            ),
        });
    }
    let mut parser = Parser {
        tokens: tokens(statement)?,
        position: 0,
        depth: 0,
    };
    let query = parser.query()?;
    parser.end()?;
    Ok(query)
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    position: usize,
    depth: usize,
}

type Parsed<T> = Result<T, SoqlError>;

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.ahead(0)
    }

    /// The token `by` places ahead; the end stays the end.
    fn ahead(&self, by: usize) -> Token<'a> {
        let end = Token {
            kind: Kind::End,
            text: "",
            span: Span::default(),
        };
        let last = || self.tokens.last().copied();
        self.tokens
            .get(self.position + by)
            .copied()
            .or_else(last)
            .unwrap_or(end)
    }

    fn advance(&mut self) -> Token<'a> {
        let token = self.peek();
        if token.kind != Kind::End {
            self.position += 1;
        }
        token
    }

    /// True when the word `by` places ahead is this keyword.
    fn is_word(&self, by: usize, keyword: &str) -> bool {
        let token = self.ahead(by);
        token.kind == Kind::Word && token.text.eq_ignore_ascii_case(keyword)
    }

    fn take_word(&mut self, keyword: &str) -> bool {
        let found = self.is_word(0, keyword);
        if found {
            self.position += 1;
        }
        found
    }

    fn take(&mut self, kind: Kind) -> bool {
        let found = self.peek().kind == kind;
        if found {
            self.advance();
        }
        found
    }

    fn expect_word(&mut self, keyword: &str, place: &str) -> Parsed<()> {
        if self.take_word(keyword) {
            return Ok(());
        }
        Err(self.unexpected(&format!("{keyword} {place}")))
    }

    fn expect(&mut self, kind: Kind, wanted: &str) -> Parsed<Span> {
        let token = self.peek();
        if self.take(kind) {
            return Ok(token.span);
        }
        Err(self.unexpected(wanted))
    }

    fn unexpected(&self, wanted: &str) -> SoqlError {
        let token = self.peek();
        let message = match token.kind {
            Kind::End => format!("The query ends where {wanted} should follow."),
            Kind::Colon => format!(
                "Here should stand {wanted}. A colon belongs to date literals such as \
                 LAST_N_DAYS:30; bind variables exist in Apex only."
            ),
            _ => format!("Here should stand {wanted}, not \"{}\".", shown(token.text)),
        };
        SoqlError::at(Code::Unexpected, token.span, message)
    }

    /// Runs `inside` one level deeper, or refuses.
    fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(SoqlError::at(
                Code::TooDeep,
                self.peek().span,
                format!("Parentheses nest deeper than {MAX_DEPTH}. Flatten the conditions."),
            ));
        }
        self.depth += 1;
        let outcome = inside(self);
        self.depth -= 1;
        outcome
    }

    /// A single name that is not a reserved word.
    fn name(&mut self, wanted: &str) -> Parsed<Name> {
        let token = self.peek();
        match plain_name(token) {
            Some(name) => {
                self.advance();
                Ok(name)
            }
            None => Err(self.unexpected(wanted)),
        }
    }

    /// A field, with the relationships that lead to it.
    fn path(&mut self, wanted: &str) -> Parsed<Path> {
        let token = self.peek();
        let dotted = token.kind == Kind::Word && token.text.contains('.');
        if !dotted {
            let name = self.name(wanted)?;
            return Ok(Path {
                names: vec![name],
                origin: token.span.into(),
            });
        }
        self.advance();
        let names = token.text.split('.').filter_map(Name::new).collect();
        Ok(Path {
            names,
            origin: token.span.into(),
        })
    }

    /// One or more, separated by commas.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.take(Kind::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }
}

/// The name that a token is, when it is one word and not reserved.
fn plain_name(token: Token<'_>) -> Option<Name> {
    let reserved = RESERVED
        .iter()
        .any(|word| word.eq_ignore_ascii_case(token.text));
    if token.kind == Kind::Word && !reserved {
        Name::new(token.text)
    } else {
        None
    }
}

/// At most forty characters of what was typed, for a message.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
