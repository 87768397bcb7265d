//! Account match: which account a lead belongs to, from its company's name, its domains and its country.
//!
//! Pure: [`Lead`] and [`Account`] are read once from text, [`compare`] judges one pair, [`choose`]
//! judges all candidates and says which tie-break decided, [`Index`] finds the candidates by keys
//! that an indexed column can hold as well.
//!
//! A domain shows nothing by itself where many firms share it (mailbox providers, site builders), and
//! not where the account is only a tenant of its parent's domain. Where names differ beyond a
//! known kind of difference there is no match, whatever the domain: a subsidiary is another account.

mod choice;
mod compare;
mod domain;
mod fold;
mod index;
mod legal;
mod name;
mod relation;
mod words;

pub use choice::{Choice, TieBreak, choose};
pub use compare::{
    Account, Confidence, CountryRelation, DomainRelation, Found, Lead, Refused, compare,
};
pub use domain::{Host, Hosts};
pub use index::{CROWD, Index, keys_of_account, keys_of_lead};
pub use name::CompanyName;
pub use relation::{NameRelation, relate};
