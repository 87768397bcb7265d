//! Keys by which the candidates for a lead are found among all accounts.
//!
//! [`super::compare`] finds a match only where both records have a domain of their own in common or
//! the same name, so these are the keys, and no match is missed by looking only at accounts that share
//! one. A key is text: it can stand in an indexed column (`COLLATE "C"`) beside the account's id.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::compare::{Account, Lead};

/// Most accounts of one key that are looked at. A domain that more accounts share is nobody's own,
/// and a name that more bear tells nothing.
pub const CROWD: usize = 64;

/// `d:` with a domain, `n:` with a name. At most 3.
pub fn keys_of_lead(lead: &Lead) -> Vec<String> {
    keys(lead.hosts.own(), lead.company.joined())
}

/// As of a lead.
pub fn keys_of_account(account: &Account) -> Vec<String> {
    keys(account.hosts.own(), account.name.joined())
}

fn keys(domains: &[String], name: &str) -> Vec<String> {
    let domains = domains.iter().map(|domain| format!("d:{domain}"));
    let name = (!name.is_empty()).then(|| format!("n:{name}"));
    domains.chain(name).collect()
}

/// Accounts by their keys, in memory: 16 bytes a key.
#[derive(Debug, Default)]
pub struct Index {
    /// Hash of a key and the account's number, in order.
    entries: Vec<(u64, u32)>,
}

impl Index {
    /// Takes each key with the number of the account that it belongs to.
    pub fn new<'a>(keys: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let entries = keys.into_iter().map(|(key, number)| (hash(key), number));
        let mut entries: Vec<_> = entries.collect();
        entries.sort_unstable();
        entries.dedup();
        Self { entries }
    }

    /// Numbers of the accounts that share a key with the lead, in order, each once. Two keys may have
    /// one hash, so a candidate is only a candidate. Keys of more than [`CROWD`] accounts give none.
    pub fn candidates(&self, lead: &Lead) -> Vec<u32> {
        let mut found = Vec::new();
        for key in keys_of_lead(lead) {
            let wanted = hash(&key);
            let from = self.entries.partition_point(|(hash, _)| *hash < wanted);
            let rest = self.entries.get(from..).unwrap_or_default();
            let same: Vec<u32> = rest
                .iter()
                .take(CROWD.saturating_add(1))
                .take_while(|(hash, _)| *hash == wanted)
                .map(|(_, number)| *number)
                .collect();
            if same.len() <= CROWD {
                found.extend(same);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
