//! Identity in this process, on a database of its own, with one account and no lockouts.

use std::{os::unix::fs::PermissionsExt as _, sync::Arc};

use anyhow::{Context as _, bail, ensure};
use db::Db;
use diesel::{
    Connection as _, ExpressionMethods as _, PgConnection, QueryDsl as _, RunQueryDsl as _,
};
use identity::{
    Caller, Config, Grant, Identity, InvitationAcceptance, SetupClaim, SignIn, SignInStep,
};
use kernel::{Actor, Principal, Role, Secret, SharedClock, SigningKeyId, SystemClock, TenantId};
use openssl::{pkey::PKey, rsa::Rsa};
use schema::signing_keys;
use stack::{
    database::{self, Cluster, Database},
    postgres::Durability,
};
use uuid::Uuid;
use vault::{Binding, Choice, LocalConfig, PrivateFile, Vault};

pub(crate) const KNOWN: &str = "ada@acme.example";
pub(crate) const PASSWORD: &str = "Walking-otters-9-quietly";

pub(crate) struct Person {
    pub(crate) identity: Identity,
    /// What identity works on.
    pub(crate) db: Db,
    pub(crate) vault: Vault,
    pub(crate) database: Database,
    _cluster: Cluster,
    _keystore: tempfile::TempDir,
}

impl Person {
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> anyhow::Result<Self> {
        let cluster = Cluster::start(Durability::Production)?;
        let database = cluster.database()?;
        let clock: SharedClock = Arc::new(SystemClock);
        let keystore = tempfile::tempdir()?;
        let vault = local_vault(&keystore, Arc::clone(&clock))?;
        let db = Db::new(&database.config(), clock)?;
        db.unlock(database::context_key());
        db.set_audit_keyring(Arc::new(audit::Keyring::new(db.clone(), vault.clone())));
        let mut config = Config {
            failures_per_address: u32::MAX,
            failures_per_account: u32::MAX,
            ..Config::default()
        };
        change(&mut config);
        let identity = Identity::new(db.clone(), vault.clone(), config);
        identity.unlock().await?;
        let asker = Actor::Local {
            os_user: String::from("bench"),
        };
        let code = identity.setup_code_create(&asker).await?;
        let claim = SetupClaim {
            code: code.expose().clone(),
            organisation: String::from("Acme"),
            name: String::from("Ada Lovelace"),
            email: KNOWN.to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
        };
        identity.setup_claim(claim, &caller()?).await?;
        Ok(Self {
            identity,
            db,
            vault,
            database,
            _cluster: cluster,
            _keystore: keystore,
        })
    }

    /// A new session of the account.
    pub(crate) async fn session(&self) -> anyhow::Result<Grant> {
        let input = SignIn {
            email: KNOWN.to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
            tenant: None,
        };
        match self.identity.sign_in(input, &caller()?).await? {
            SignInStep::Done(grant) => Ok(*grant),
            SignInStep::Factor(_) => bail!("a factor is asked for"),
        }
    }

    /// Another account in the same organisation, with the same password.
    pub(crate) async fn colleague(&self, email: &str) -> anyhow::Result<()> {
        let who = self.principal().await?;
        let roles = vec![Role::Member];
        let invited = self.identity.invitation_create(&who, email, roles).await?;
        let letter = self.identity.invitation_letter(who.tenant, invited.id);
        let letter = letter.await?.context("the invitation is gone")?;
        let acceptance = InvitationAcceptance {
            token: letter.token.expose().clone(),
            name: String::from("Grace Hopper"),
            password: Secret::new(PASSWORD.to_owned()),
        };
        self.identity
            .invitation_accept(acceptance, &caller()?)
            .await?;
        Ok(())
    }

    /// Gives the current signing key another RSA pair, as if it had been made with that many bits.
    pub(crate) async fn sign_with_rsa(&self, bits: u32) -> anyhow::Result<()> {
        let mut owner = PgConnection::establish(&self.database.dsn("revkeep_owner"))?;
        let current = signing_keys::table.filter(signing_keys::state.eq("current"));
        let id: Uuid = current.select(signing_keys::key_id).first(&mut owner)?;
        let pair = PKey::from_rsa(Rsa::generate(bits)?)?;
        let key = SigningKeyId::from_uuid(id).to_string();
        let place = Binding {
            provider: "identity",
            owner: &key,
            column: "signing_keys.private_sealed",
        };
        let private = pair.private_key_to_pem_pkcs8()?;
        let sealed = self
            .vault
            .seal(TenantId::PLATFORM, &place, &private)
            .await?;
        diesel::update(signing_keys::table.find(id))
            .set((
                signing_keys::public_pem.eq(String::from_utf8(pair.public_key_to_pem()?)?),
                signing_keys::private_sealed.eq(sealed.to_bytes()),
            ))
            .execute(&mut owner)?;
        // Reads the keys anew.
        Ok(self.identity.unlock().await?)
    }

    /// The account as the server knows it behind a session.
    pub(crate) async fn principal(&self) -> anyhow::Result<Principal> {
        let token = self.session().await?.access_token;
        Ok(self.identity.authenticate(&token, &caller()?).await?)
    }
}

pub(crate) fn caller() -> anyhow::Result<Caller> {
    Ok(Caller {
        address: "192.0.2.1".parse()?,
        user_agent: String::from("bench"),
        request: None,
    })
}

fn local_vault(keystore: &tempfile::TempDir, clock: SharedClock) -> anyhow::Result<Vault> {
    let key = keystore.path().join("key");
    std::fs::write(&key, [7_u8; 32])?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    let local = LocalConfig {
        key: PrivateFile::File(key),
        keystore: keystore.path().join("keystore"),
    };
    ensure!(!local.keystore.exists(), "the keystore is there already");
    vault::create_keystore(&local)?;
    let config = vault::Config {
        backend: Choice::Local,
        vault: None,
        local: Some(local),
    };
    Ok(Vault::new(config, clock)?)
}
