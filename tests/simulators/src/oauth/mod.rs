//! Grants and tokens: who signed in to which application, and what the tokens are worth now.

pub(crate) mod access;
pub(crate) mod authorize;
pub(crate) mod identity;
mod pages;
mod pkce;
pub(crate) mod revoke;
#[cfg(test)]
mod tests;
pub(crate) mod token;

use std::collections::{HashMap, HashSet};

use crate::{
    model::id::Id,
    random::Random,
    wire::{Client, GrantReport, Login, TokensReport},
};

/// Approvals that a user may give one application; one more ends the oldest.
const MAX_APPROVALS: usize = 5;

pub(crate) struct OAuth {
    pub(crate) clients: Vec<Client>,
    logins: Vec<(Login, Id)>,
    pending: HashMap<String, authorize::Pending>,
    codes: HashMap<String, authorize::Code>,
    /// A grant's number is its place here, from 1.
    grants: Vec<Grant>,
    refresh_tokens: HashMap<String, RefreshToken>,
    access_tokens: HashMap<String, AccessToken>,
    frozen: HashSet<Id>,
    /// Codes and refresh tokens whose token request is in hand.
    in_hand: HashSet<String>,
    random: Random,
    /// The 15 characters that an access token begins with.
    organisation: String,
}

struct Grant {
    client: String,
    user: Id,
    scope: String,
    generation: u64,
    refreshes: u64,
    reuses: u64,
    collisions: u64,
    ended: Option<&'static str>,
}

struct RefreshToken {
    grant: usize,
    /// Rotated out: presenting it again ends the grant and freezes the user.
    spent: bool,
}

struct AccessToken {
    grant: usize,
    generation: u64,
    issued: i64,
    uses: u64,
    expired: bool,
}

/// Whether `scope` names any of the wanted ones.
fn has_scope(scope: &str, wanted: &[&str]) -> bool {
    scope.split_whitespace().any(|name| wanted.contains(&name))
}

impl OAuth {
    pub(crate) fn new(
        clients: Vec<Client>,
        logins: Vec<(Login, Id)>,
        seed: u64,
        organisation: &str,
    ) -> Self {
        Self {
            clients,
            logins,
            pending: HashMap::new(),
            codes: HashMap::new(),
            grants: Vec::new(),
            refresh_tokens: HashMap::new(),
            access_tokens: HashMap::new(),
            frozen: HashSet::new(),
            in_hand: HashSet::new(),
            random: Random::new(seed),
            organisation: organisation.get(..15).unwrap_or(organisation).to_owned(),
        }
    }

    fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    fn new_grant(&mut self, client: &str, user: Id, scope: &str) -> usize {
        let same =
            |grant: &Grant| grant.ended.is_none() && grant.client == client && grant.user == user;
        if self.grants.iter().filter(|grant| same(grant)).count() >= MAX_APPROVALS
            && let Some(oldest) = self.grants.iter().position(same)
        {
            self.end(oldest, "approved too often");
        }
        self.grants.push(Grant {
            client: client.to_owned(),
            user,
            scope: scope.to_owned(),
            generation: 0,
            refreshes: 0,
            reuses: 0,
            collisions: 0,
            ended: None,
        });
        self.grants.len().saturating_sub(1)
    }

    /// Ends a grant: its refresh tokens and access tokens are worth nothing.
    fn end(&mut self, grant: usize, why: &'static str) {
        if let Some(grant) = self.grants.get_mut(grant) {
            grant.ended.get_or_insert(why);
        }
        self.access_tokens.retain(|_, token| token.grant != grant);
    }

    fn issue_access(&mut self, grant: usize, now: i64) -> String {
        let token = format!("{}!{}", self.organisation, self.random.text(96));
        let generation = self.grants.get(grant).map_or(0, |grant| grant.generation);
        let access = AccessToken {
            grant,
            generation,
            issued: now,
            uses: 0,
            expired: false,
        };
        self.access_tokens.insert(token.clone(), access);
        token
    }

    fn issue_refresh(&mut self, grant: usize) -> String {
        let token = format!("5Aep861{}", self.random.text(80));
        self.refresh_tokens.insert(
            token.clone(),
            RefreshToken {
                grant,
                spent: false,
            },
        );
        token
    }

    pub(crate) fn revoke_all(&mut self) {
        for grant in 0..self.grants.len() {
            self.end(grant, "revoked by the administrator");
        }
    }

    pub(crate) fn expire_all(&mut self) {
        for token in self.access_tokens.values_mut() {
            token.expired = true;
        }
    }

    pub(crate) fn unfreeze(&mut self) {
        self.frozen.clear();
    }

    pub(crate) fn report(&self) -> TokensReport {
        let grants = self.grants.iter().enumerate().map(|(at, grant)| {
            let live = |token: &&AccessToken| token.grant == at && !token.expired;
            GrantReport {
                grant: number_of(at),
                client: grant.client.clone(),
                user: grant.user,
                scope: grant.scope.clone(),
                generation: grant.generation,
                refreshes: grant.refreshes,
                reuses: grant.reuses,
                collisions: grant.collisions,
                ended: grant.ended.map(str::to_owned),
                live_access_tokens: count(self.access_tokens.values().filter(live).count()),
            }
        });
        let mut frozen_users: Vec<Id> = self.frozen.iter().copied().collect();
        frozen_users.sort_unstable();
        TokensReport {
            grants: grants.collect(),
            frozen_users,
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn number_of(place: usize) -> u64 {
    count(place).saturating_add(1)
}
