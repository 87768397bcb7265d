//! The integration tests: one binary, a module per capability, each test on a database of its own.
//! The servers come from `stack`; the outside world from `simulators`.

#![cfg(test)]

mod catalogue;
mod harness;
mod http;
mod identity;
mod isolation;
mod jobs;
