//! Lead routing: rules over the layer's fields, targets with fair turns, and the decision with
//! every reason.
//!
//! The decision is pure: the same rules, state and record give the same answer, so it can be
//! replayed, benchmarked and explained without a database. Writing an owner at the CRM is not
//! here: this crate records an assignment as proposed, and the connector claims and executes it.

pub mod compile;
pub mod condition;
pub mod decide;
pub mod failure;
pub mod pool;
pub mod reasons;
pub mod rules;

pub use compile::{Compiled, Fields, Record};
pub use condition::{Condition, Flaw, Op, Operand, Scalar, Term};
pub use decide::{Candidate, Decision, Loss, Outcome, Standing, decide};
pub use failure::FailureCode;
pub use pool::{Member, Pool};
pub use reasons::Reasons;
pub use rules::{Rep, RoutingState, RuleDefinition, RuleSet, Target};

#[cfg(test)]
mod tests;
