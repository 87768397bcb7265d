//! Types and pure rules: conditions, turns, presence and caps, decisions and their reasons. No database here.

pub mod book;
pub mod caps;
pub mod compile;
pub mod condition;
pub mod decide;
pub mod failure;
pub mod hours;
pub mod limits;
pub mod open;
pub mod pool;
pub mod reasons;
pub mod recompute;
pub mod rules;
pub mod schedule;
pub mod term;
pub mod words;
