//! `/_sim/`: what a test or a demonstration does to the simulated organisation from outside.

pub(crate) mod client;
mod generate;
mod names;
pub(crate) mod routes;
mod trickle;
