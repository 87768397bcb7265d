//! SOQL over the records in memory: a statement is checked and compiled to columns once, run over
//! the candidates that an index gives, and written page by page.

mod aggregate;
mod candidates;
mod compare;
pub(crate) mod cursor;
mod dates;
mod error;
mod filter;
mod order;
mod output;
#[cfg(test)]
mod page_tests;
mod path;
mod plan;
#[cfg(test)]
mod tests;

pub(crate) use plan::{Plan, Shape, compile};

/// How rows are written, for endpoints that choose their columns themselves.
pub(crate) mod page {
    pub(crate) use super::output::{Output, Page, quoted};
}
