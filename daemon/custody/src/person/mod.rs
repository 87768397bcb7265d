//! One person's data (OB-35): a case is what was asked about them, and what became of it. A person has an
//! account, whose erasure they ask for and an administrator does; or stands in what was brought in from
//! the CRM, where the owner searches for them, and exports or erases what was found.

mod account;
mod case;
mod erasing;
mod found;
mod needle;
mod search;

pub(crate) use account::PersonErase;
pub(crate) use case::term;
pub use case::{Case, Find};
pub(crate) use erasing::CaseClose;
pub(crate) use search::PersonSearch;
