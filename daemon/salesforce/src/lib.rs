//! Salesforce, sealed: only `revkeep` names this crate.
//!
//! It speaks OAuth ([`SalesforceOAuth`], the provider behind `connections`), reads what routing
//! needs by [`soql::guard::Guarded`] queries, and writes the owner of leads and contacts and
//! nothing else: [`RoutingConnection`] has no other verb, and beneath it every request passes a
//! guard that looks at method, path and body, whoever made it (LR-26, LR-27, CX-05).
//!
//! The background work pulls records into the layer, has `routing` decide, and pushes owners out:
//! claim, write, record; what nobody knows is read back before anything is tried again.

mod client;
mod config;
mod fault;
mod guard;
mod host;
mod limits;
mod oauth;
mod owner;
mod rows;
mod source;
mod watermark;
mod wire;
mod work;

pub use client::{ApiError, Deadline, Locator, Page, Refusal, RoutingConnection, SalesforceClient};
pub use config::Config;
pub use fault::RequestFault;
pub use guard::Forbidden;
pub use host::Hosts;
pub use limits::Usage;
pub use oauth::SalesforceOAuth;
pub use owner::{MOST_OWNERS, OwnerPatch, OwnerRefused, WriteResult};
pub use source::SalesforceSource;
pub use wire::DescribedField;
pub use work::handlers;
