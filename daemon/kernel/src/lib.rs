//! What every crate of the house may name: typed ids, who is acting, the clock, secrets,
//! how an error is classed, and the catalogue of events.
//!
//! No I/O, no database, no web framework: a type that needs one of these lives higher up.

pub mod action;
pub mod clock;
pub mod error;
pub mod event;
pub mod id;
pub mod personal;
pub mod port;
pub mod principal;
pub mod secret;

pub use action::Action;
pub use clock::{Clock, ManualClock, SharedClock, SystemClock};
pub use error::{Classified, ErrorKind};
pub use event::Event;
pub use id::*;
pub use personal::Personal;
pub use principal::{Actor, Principal, Reach, Role, Roles};
pub use secret::Secret;
