//! Types and pure rules: conditions, turns, decisions and their reasons. No database here.

pub mod compile;
pub mod condition;
pub mod decide;
pub mod failure;
pub mod pool;
pub mod reasons;
pub mod rules;
pub mod term;
