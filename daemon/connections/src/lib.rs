//! OAuth connections to outside systems (LR-17 to LR-25, OB-33, CX-06, CX-07).
//!
//! A connection is a row: who may be asked (hosts, application), the sealed tokens, and whether it
//! works. People configure, authorise and disconnect it ([`Connections`]); connectors ask for an
//! access token ([`AccessTokens`]), which refreshes it once for all who need it, across threads and
//! daemons, and never presents a refresh token twice. What the outside system speaks is behind the
//! port [`Provider`]; nothing here opens a socket.

mod endings;
mod error;
mod model;
mod patience;
mod provider;
mod seal;
mod service;
mod source;
mod store;
mod tokens;

pub use error::ConnectionError;
pub use model::{Broken, BrokenCode, Connection, Environment, Kind, Limits, State};
pub use provider::{App, CALL_TIMEOUT, Grant, Provider, ProviderError};
pub use service::{Configure, Connections, Returned};
pub use source::{AvailableField, EnrollmentCounts, RoutingSource, SourceError};
pub use store::{connection_for_routing, limits_record};
pub use tokens::{AccessToken, AccessTokens};
