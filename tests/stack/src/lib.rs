//! The one library that starts servers: for tests, the demo and the benchmarks.

pub mod account_for;
pub mod accounts;
pub mod authenticator;
pub mod cable;
pub mod ceph;
pub mod collector;
pub mod commits;
pub mod console;
pub mod daemon;
pub mod database;
pub mod directory;
pub mod mail;
pub mod names;
pub mod openbao;
pub mod ports;
pub mod postgres;
pub mod presence;
pub mod process;
pub mod range;
pub mod receiver;
pub mod scenario;
pub mod scratch;
pub mod simulator;
pub mod syslog;
pub mod tls;
pub mod world;
