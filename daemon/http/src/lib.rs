//! What faces share: the TLS server, the headers of every answer, request ids, the access log,
//! problem+json, routes whose signature states who may use them, JSON bodies, pages and rate classes.
//!
//! A face builds [`Routes`] from handlers and gives them to [`serve`] by a closure. A handler reads:
//!
//! ```text
//! async fn rule_create(
//!     who: Allowed<permit::RuleEdit>,
//!     console: web::Data<Console>,
//!     Body(input): Body<RuleInput>,
//! ) -> Result<web::Json<RuleView>, Problem> { ... }
//! ```

mod access;
mod body;
mod client;
mod config;
mod cookie;
mod edge;
mod error;
mod headers;
mod health;
mod knocks;
mod metrics;
mod page;
mod problem;
mod proxy;
mod rate;
mod request;
mod route;
mod server;
mod shared;
mod tls;

pub use access::{
    Access, Allowed, Client, Door, Granted, KeyScope, Keyed, Knock, Provisioning, Public,
    RateClass, SignedIn,
};
pub use body::{Body, MOST_BYTES, ScimBody};
pub use config::{Config, ForwardedHeader};
pub use cookie::{
    forget_refresh_cookie, forget_sign_in_cookie, forget_sso_cookie, read_refresh_cookie,
    read_sign_in_cookie, read_sso_cookie, refresh_cookie, sign_in_cookie, sso_cookie,
};
pub use error::HttpError;
pub use headers::CONTENT_SECURITY_POLICY;
pub use health::{Readiness, Reason};
pub use page::{Page, PageQuery, Path, Query};
pub use problem::{FieldError, Position, Problem};
pub use request::current as current_request;
pub use route::{Guarded, Route, Routes};
pub use server::{Running, serve};
pub use shared::Shared;
pub use tls::Certificate;
