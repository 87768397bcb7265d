//! What is put on record beside the verbs: refusals, which no transaction of a change would keep, and the
//! reading of people and keys.

use audit::Entry;
use kernel::{Action, Personal, Principal, TenantId, principal::Origin};
use serde_json::json;

use crate::{error::IdentityError, identity::Identity, permission::Permission};

/// Requests of nobody known that were refused: from one network, at one route, within one minute.
#[derive(Clone, Debug)]
pub struct Knocks {
    pub route: String,
    pub code: String,
    /// The last one's.
    pub origin: Origin,
    pub count: u64,
}

impl Identity {
    /// Writes down that a person asked for what their roles, or their factor, do not grant (LR-13).
    pub async fn access_deny(
        &self,
        who: &Principal,
        permission: Permission,
        code: &str,
    ) -> Result<(), IdentityError> {
        self.refused(who, "permission", permission.name().to_owned(), code)
            .await
    }

    /// Writes down that a verb refused somebody who may use its route. Its own entry, if it wrote one, went
    /// with the transaction that was rolled back.
    pub async fn verb_deny(
        &self,
        who: &Principal,
        route: &str,
        code: &str,
    ) -> Result<(), IdentityError> {
        self.refused(who, "route", route.to_owned(), code).await
    }

    async fn refused(
        &self,
        who: &Principal,
        resource: &'static str,
        id: String,
        code: &str,
    ) -> Result<(), IdentityError> {
        let code = code.to_owned();
        self.inner
            .db
            .run(who, move |tx| {
                Entry::new(Action::AccessDeny, resource, id)
                    .refused(&code)
                    .write(tx)
            })
            .await
            .map_err(IdentityError::Audit)
    }

    /// Writes down refusals of requests that nobody known made, an entry for each network, route and
    /// minute, in the log of the platform.
    pub async fn knocks_note(&self, knocks: Vec<Knocks>) -> Result<(), IdentityError> {
        let who = Principal::system(TenantId::PLATFORM, None);
        let entries = knocks.into_iter().map(|knocks| {
            Entry::new(Action::AccessDeny, "route", knocks.route)
                .refused(&knocks.code)
                .after(json!({ "requests": knocks.count, "within_seconds": 60 }))
                .from(knocks.origin)
        });
        let entries: Vec<Entry> = entries.collect();
        self.inner
            .db
            .run(&who, move |tx| audit::write_all(tx, entries))
            .await
            .map_err(IdentityError::Audit)
    }

    /// Writes down, before it is read, that somebody reads people or keys. `sought` is what they typed.
    pub async fn read_note(
        &self,
        who: &Principal,
        action: Action,
        resource: &'static str,
        sought: Option<&str>,
    ) -> Result<(), IdentityError> {
        let sought = sought.map(|text| Personal::new(text.to_owned()));
        self.inner
            .db
            .run(who, move |tx| {
                let mut entry = Entry::new(action, resource, "all").even_sealed();
                if let Some(sought) = sought {
                    entry = entry.after(json!({ "sought": sought }));
                }
                entry.write(tx)
            })
            .await
            .map_err(IdentityError::Audit)
    }
}
