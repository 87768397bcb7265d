//! Identity against a real database: set-up, sign-in, lockouts, refresh and its theft, revocation,
//! keys (LR-04 to LR-13, LM-04 to LM-14, CX-01 to CX-03, CX-13, CX-15, CX-27).

mod dump;
mod keys;
mod sessions;
mod setup;
mod sign_in;
mod tokens;

use std::{net::IpAddr, sync::Arc};

use chrono::TimeDelta;
use db::Db;
use futures_util::future::join_all;
use identity::{Caller, Config, Grant, Identity, IdentityError, SetupClaim, SignIn, SignInStep};
use kernel::{Principal, Role, Secret, SharedClock, TenantId, UserId};

use crate::harness::{Bed, column, connect, local, open};

pub(crate) const EMAIL: &str = "canary-ada@acme.example";
pub(crate) const PASSWORD: &str = "Canary-horse-7-battery";
pub(crate) const WRONG: &str = "Canary-horse-8-battery";

pub(crate) struct House {
    pub(crate) bed: Bed,
    pub(crate) identity: Identity,
}

impl House {
    pub(crate) async fn empty() -> Self {
        let bed = Bed::new();
        let identity = Identity::new(bed.db.clone(), bed.vault.clone(), Config::default());
        identity.unlock().await.unwrap();
        Self { bed, identity }
    }

    /// With its first account, and the session that made it.
    pub(crate) async fn set_up() -> (Self, Grant) {
        let house = Self::empty().await;
        let code = house.identity.setup_code_create(&local()).await.unwrap();
        let grant = house.claim(code.expose(), "192.0.2.1").await.unwrap();
        (house, grant)
    }

    pub(crate) async fn claim(&self, code: &str, from: &str) -> Result<Grant, IdentityError> {
        let claim = SetupClaim {
            code: code.to_owned(),
            organisation: String::from("Acme"),
            name: String::from("Ada Lovelace"),
            email: EMAIL.to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
        };
        self.identity.setup_claim(claim, &caller(from)).await
    }

    pub(crate) async fn sign_in(
        &self,
        email: &str,
        password: &str,
        from: &str,
    ) -> Result<Grant, IdentityError> {
        match self.sign_in_step(email, password, from).await? {
            SignInStep::Done(grant) => Ok(*grant),
            SignInStep::Factor(_) => panic!("a factor is asked for"),
        }
    }

    pub(crate) async fn sign_in_step(
        &self,
        email: &str,
        password: &str,
        from: &str,
    ) -> Result<SignInStep, IdentityError> {
        let input = SignIn {
            email: email.to_owned(),
            password: Secret::new(password.to_owned()),
            tenant: None,
        };
        self.identity.sign_in(input, &caller(from)).await
    }

    pub(crate) async fn who(&self, grant: &Grant) -> Result<Principal, IdentityError> {
        self.identity
            .authenticate(&grant.access_token, &caller("192.0.2.1"))
            .await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<Grant, IdentityError> {
        self.identity
            .session_refresh(token, &caller("192.0.2.1"))
            .await
    }

    /// Another daemon on the same database: its own pools, caches and keys.
    pub(crate) async fn second_daemon(&self) -> Identity {
        let clock: SharedClock = self.bed.clock.clone();
        let db: Db = open(&self.bed.database.config(), clock);
        db.set_audit_keyring(Arc::new(audit::Keyring::new(
            db.clone(),
            self.bed.vault.clone(),
        )));
        let identity = Identity::new(db, self.bed.vault.clone(), Config::default());
        identity.unlock().await.unwrap();
        identity
    }

    pub(crate) async fn rotate(&self) -> Result<identity::SigningKeys, IdentityError> {
        let by = kernel::Actor::Local {
            os_user: String::from("root"),
        };
        self.identity.signing_key_rotate(&by, None, None).await
    }

    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        column(&mut connect(&self.bed.database, "revkeep_owner"), sql)
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.bed.clock.advance(by);
    }
}

pub(crate) fn caller(address: &str) -> Caller {
    Caller {
        address: address.parse::<IpAddr>().unwrap(),
        user_agent: String::from("canary-agent/1.0"),
        request: None,
    }
}

pub(crate) fn token(grant: &Grant) -> String {
    grant.refresh.as_ref().unwrap().token.expose().clone()
}

pub(crate) fn is_revoked(result: Result<Grant, IdentityError>) -> bool {
    matches!(result, Err(IdentityError::SessionRevoked))
}
