//! SOQL without Salesforce: lexer, grammar, abstract syntax tree and printer of the REST dialect,
//! and the guard that turns what a person typed into what Revkeep may send.
//!
//! Text becomes a [`Query`] by [`parse`]; a [`Query`] becomes text by its `Display`, canonically,
//! so that what is sent never contains a byte that the grammar did not understand. Pure: no I/O,
//! no clock, no panic on any input.

pub mod ast;
mod error;
#[cfg(test)]
mod golden;
pub mod guard;
mod id;
mod lexer;
mod name;
mod number;
mod parser;
mod print;
#[cfg(test)]
mod properties;
mod value;

pub use ast::Query;
pub use error::{Code, Origin, SoqlError, Span};
pub use id::SalesforceId;
pub use name::Name;
pub use number::Number;
pub use parser::{MAX_DEPTH, MAX_STATEMENT_CHARS, MAX_TEXT_CHARS, parse};
pub use value::{DateLiteral, LikePattern, PatternPiece, Period, Value};
