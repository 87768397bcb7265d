//! The one library that starts servers: for tests, the demo and the benchmarks.

pub mod accounts;
pub mod database;
pub mod openbao;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod scratch;
pub mod tls;
