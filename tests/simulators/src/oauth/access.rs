//! What an access token is worth at this moment.

use super::{OAuth, has_scope, number_of};
use crate::{model::id::Id, store::refusal::Refusal, wire::Settings};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) user: Id,
    pub(crate) grant: u64,
    pub(crate) generation: u64,
}

impl OAuth {
    /// Counts one use of the token.
    ///
    /// # Errors
    /// INVALID_SESSION_ID when it is unknown, expired, revoked, its user frozen, or its scope
    /// without the API.
    pub(crate) fn session(
        &mut self,
        token: Option<&str>,
        settings: &Settings,
        now: i64,
    ) -> Result<Session, Refusal> {
        let access = token
            .and_then(|token| self.access_tokens.get_mut(token))
            .ok_or_else(Refusal::bad_session)?;
        let grant = self
            .grants
            .get(access.grant)
            .ok_or_else(Refusal::bad_session)?;
        access.uses = access.uses.saturating_add(1);
        let age = now.saturating_sub(access.issued);
        let worn = settings
            .access_token_uses
            .is_some_and(|uses| access.uses > uses);
        let old = settings
            .access_token_seconds
            .is_some_and(|seconds| age >= seconds.saturating_mul(1_000));
        access.expired |= worn || old;
        if access.expired || self.frozen.contains(&grant.user) {
            return Err(Refusal::bad_session());
        }
        if !has_scope(&grant.scope, &["api", "full"]) {
            let message = "This session is not valid for use with the REST API";
            return Err(Refusal::new(401, "INVALID_SESSION_ID", message));
        }
        Ok(Session {
            user: grant.user,
            grant: number_of(access.grant),
            generation: access.generation,
        })
    }

    /// Grant and generation of a token, without counting a use: for the request log.
    pub(crate) fn origin(&self, token: Option<&str>) -> Option<(u64, u64)> {
        let access = self.access_tokens.get(token?)?;
        Some((number_of(access.grant), access.generation))
    }

    /// The user of a live token, for the identity endpoints; those need no API scope.
    pub(super) fn user_of(&self, token: &str) -> Option<Id> {
        let access = self
            .access_tokens
            .get(token)
            .filter(|access| !access.expired)?;
        let grant = self.grants.get(access.grant)?;
        (!self.frozen.contains(&grant.user)).then_some(grant.user)
    }

    pub(crate) fn expire(&mut self, token: &str) {
        if let Some(access) = self.access_tokens.get_mut(token) {
            access.expired = true;
        }
    }

    /// Ends the grant of an access or refresh token.
    pub(crate) fn revoke_grant_of(&mut self, token: &str) {
        if let Some(grant) = self.grant_of(token) {
            self.end(grant, "revoked in the CRM");
        }
    }

    pub(super) fn grant_of(&self, token: &str) -> Option<usize> {
        let by_access = self.access_tokens.get(token).map(|access| access.grant);
        by_access.or_else(|| self.refresh_tokens.get(token).map(|refresh| refresh.grant))
    }
}
