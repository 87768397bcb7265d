//! Every connection that the daemon opens (CX-20, LM-92, LR-36, LR-37).
//!
//! [`Egress`] is the one door out. A target is public, or it is a private endpoint that the
//! configuration names by its exact host and port; cloud metadata addresses are neither, ever.
//! A name is resolved here, each of its addresses is checked, and the connection goes to one of
//! those very addresses, so a name that changes its mind between the check and the connection gains
//! nothing. Redirects are answers, not journeys.
//!
//! An error says whether anything can have reached the other side
//! ([`EgressError::nothing_sent`]): callers that must not act twice live by that.

mod address;
mod config;
mod dial;
mod door;
mod endpoint;
mod error;
mod http;
mod policy;
mod refusals;
mod request;
mod resolve;
mod smtp;
mod tls;
mod trust;

pub use config::EgressConfig;
pub use door::Egress;
pub use endpoint::Endpoint;
pub use error::{EgressError, SmtpError};
pub use http::Http;
pub use policy::{Purpose, check_public_url};
pub use request::{Method, Request, Response};
pub use resolve::Resolver;
pub use smtp::{Login, Security, Smtp, SmtpServer};
pub use trust::Trust;
