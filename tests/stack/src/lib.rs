//! The one library that starts servers: for tests, the demo and the benchmarks.

pub mod openbao;
pub mod ports;
pub mod tls;
