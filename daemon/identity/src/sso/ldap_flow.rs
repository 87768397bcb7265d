//! Signing in with the name and password of a directory. Guesses are counted as those of passwords are, and
//! by the account from wherever they come: Revkeep must not become the way to lock people out of their
//! directory (LM-09, CX-13).

use audit::Entry;
use db::{AuthScope, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};
use kernel::{Action, Actor, Event, Principal, ProviderId, Secret, TenantId, UserId};
use schema::users;

use super::{
    Sso,
    error::SsoError,
    flow::of,
    ldap::{Directory, DirectoryProbe, LdapSettings, Typed, Verdict, Why},
    model::Kind,
    provider::{kind, rules, scope},
    store::{self, ProviderRow},
};
use crate::{
    attempts::{self, AttemptScope, Limit},
    email::keyed_hash,
    error::IdentityError,
    grant::Grant,
    identity::Caller,
    session::{hex, rate_limited},
};

/// What a person types to sign in through a directory.
pub struct LdapSignIn {
    pub provider: ProviderId,
    /// As the directory knows them.
    pub user: String,
    pub password: Secret<String>,
}

/// One sign-in: whose directory, and what it has been charged to so far.
struct Attempt<'a> {
    tenant: TenantId,
    row: &'a ProviderRow,
    caller: &'a Caller,
    limits: Vec<Limit>,
    /// The entry that was tried, where there is one.
    subject: Option<String>,
}

impl Sso {
    /// Asks the directory, and opens a session in its tenant. Unknown names, wrong passwords and whatever else the
    /// directory has against somebody get the same answer (LR-12); the log has the difference.
    pub async fn ldap_sign_in(
        &self,
        typed: LdapSignIn,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        let (tenant, row) = self.enabled_provider(typed.provider).await?;
        if kind(&row)? != Kind::Ldap {
            return Err(SsoError::NoProvider.into());
        }
        let limits = self.ldap_limits(&row, &typed.user, caller)?;
        if let Some(wait) = self.ldap_charge(tenant, limits.clone()).await? {
            return Err(rate_limited(wait));
        }
        let mut attempt = Attempt {
            tenant,
            row: &row,
            caller,
            limits,
            subject: None,
        };
        match self.ldap_judge(&mut attempt, &typed).await {
            Ok(Verdict::Proven(proven)) => {
                let limits = attempt.limits;
                let settled = move |tx: &mut db::AuthTx<'_>| attempts::settle_success(tx, &limits);
                self.identity.inner.db.auth(of(tenant), settled).await?;
                let done = self.admit(&row, *proven, caller).await;
                if let Err(error) = &done {
                    self.note_refusal(tenant, &row, error, caller).await;
                }
                done
            }
            Ok(Verdict::Refused(why)) => Err(self.ldap_turn_away(attempt, why).await?),
            Err(error) => {
                self.ldap_give_back(attempt, &error).await?;
                Err(error)
            }
        }
    }

    /// The directory's answer to an administrator who tests it.
    pub async fn directory_test(
        &self,
        who: &Principal,
        id: ProviderId,
        user: Option<&str>,
    ) -> Result<DirectoryProbe, IdentityError> {
        let found = self
            .identity
            .inner
            .db
            .auth(scope(who), move |tx| store::provider(tx, id));
        let row = found.await?.ok_or(SsoError::NoProvider)?;
        if kind(&row)? != Kind::Ldap {
            return Err(SsoError::NoProvider.into());
        }
        let (settings, rules) = (LdapSettings::read(&row)?, rules(row.role_map.clone())?);
        let secret = self.client_secret(&row).await?;
        Directory::of(&self.egress, (&row, &settings), secret.as_ref(), &rules)?
            .probe(user)
            .await
    }

    async fn ldap_judge(
        &self,
        attempt: &mut Attempt<'_>,
        typed: &LdapSignIn,
    ) -> Result<Verdict, IdentityError> {
        let row = attempt.row;
        let (settings, rules) = (LdapSettings::read(row)?, rules(row.role_map.clone())?);
        let secret = self.client_secret(row).await?;
        let directory = Directory::of(&self.egress, (row, &settings), secret.as_ref(), &rules)?;
        let may_try = async |subject: Option<&str>| {
            let limit = self.ldap_entry_limit(row, subject, &typed.user)?;
            let wait = self
                .ldap_charge(attempt.tenant, vec![limit.clone()])
                .await?;
            attempt.subject = subject.map(str::to_owned);
            if wait.is_none() {
                attempt.limits.push(limit);
            }
            Ok(wait.is_none())
        };
        let typed = Typed {
            user: &typed.user,
            password: &typed.password,
        };
        directory.judge(typed, may_try).await
    }

    /// The network's counter, and that of the name as it was typed. The account's is not the network's: its
    /// directory locks it, whoever guesses.
    fn ldap_limits(
        &self,
        row: &ProviderRow,
        user: &str,
        caller: &Caller,
    ) -> Result<Vec<Limit>, IdentityError> {
        let inner = &self.identity.inner;
        let (key, config) = (&inner.secrets()?.index_key, &inner.config);
        let address = Limit::new(
            key,
            AttemptScope::SignInAddress,
            caller.address,
            b"",
            config.failures_per_address,
        )?;
        let name = user.trim().to_lowercase();
        Ok(vec![address, self.ldap_limit(row, (b"name", &name))?])
    }

    /// The counter of the entry behind a name, since one entry may have several; of a name without an
    /// entry, one that looks the same.
    fn ldap_entry_limit(
        &self,
        row: &ProviderRow,
        subject: Option<&str>,
        user: &str,
    ) -> Result<Limit, IdentityError> {
        match subject {
            Some(subject) => self.ldap_limit(row, (b"entry", subject)),
            None => self.ldap_limit(row, (b"nobody", &user.trim().to_lowercase())),
        }
    }

    fn ldap_limit(
        &self,
        row: &ProviderRow,
        (kind, who): (&[u8], &str),
    ) -> Result<Limit, IdentityError> {
        let inner = &self.identity.inner;
        let key = &inner.secrets()?.index_key;
        let who = keyed_hash(
            key,
            &[
                b"directory",
                row.provider_id.as_bytes(),
                kind,
                who.as_bytes(),
            ],
        )?;
        Limit::anywhere(
            key,
            AttemptScope::DirectoryAccount,
            &who,
            inner.config.failures_per_account,
        )
    }

    async fn ldap_charge(
        &self,
        tenant: TenantId,
        limits: Vec<Limit>,
    ) -> Result<Option<chrono::TimeDelta>, IdentityError> {
        let charged = move |tx: &mut db::AuthTx<'_>| attempts::charge(tx, &limits);
        self.identity.inner.db.auth(of(tenant), charged).await
    }

    /// Writes down the failure and answers what the person is told. The audit row names nobody.
    async fn ldap_turn_away(
        &self,
        attempt: Attempt<'_>,
        why: Why,
    ) -> Result<IdentityError, IdentityError> {
        let provider = ProviderId::from_uuid(attempt.row.provider_id);
        let tenant = attempt.tenant;
        let (caller, limits) = (attempt.caller.clone(), attempt.limits);
        let (issuer, subject) = (attempt.row.issuer.clone(), attempt.subject);
        let (locked, person) = self
            .identity
            .inner
            .db
            .auth(of(tenant), move |tx| {
                let locked = attempts::settle_failure(tx, &limits)?;
                let code = if locked.is_empty() {
                    why.code()
                } else {
                    "locked_out"
                };
                Entry::new(Action::SignInRefuse, "provider", provider)
                    .refused(code)
                    .write_auth(
                        tx,
                        &Actor::System { job: None },
                        Some(&caller.origin()),
                        caller.request,
                    )?;
                let person = match subject {
                    Some(subject) if locked.contains(&AttemptScope::DirectoryAccount) => {
                        store::identity(tx, &issuer, &subject)?
                    }
                    _ => None,
                };
                Ok::<_, IdentityError>((!locked.is_empty(), person))
            })
            .await?;
        log::warn!(
            REVKEEP_ACTION = Action::SignInRefuse.name(), REVKEEP_TENANT = tenant.to_string();
            "{provider} turned somebody away: {}{}", why.code(), if locked { ", and the account or the network is locked out for 15 minutes" } else { "" }
        );
        if let Some(person) = person {
            self.tell_locked(person).await?;
        }
        Ok(IdentityError::InvalidCredentials)
    }

    /// LM-12: the account's owner is told.
    async fn tell_locked(&self, person: UserId) -> Result<(), IdentityError> {
        let mine = AuthScope {
            tenant: None,
            user: Some(person),
        };
        self.identity
            .inner
            .db
            .auth(mine, move |tx| {
                let hash: Option<Vec<u8>> = users::table
                    .find(person.uuid())
                    .select(users::email_hash)
                    .filter(users::state.eq("active"))
                    .first(tx.conn())
                    .optional()?;
                if let Some(hash) = hash {
                    jobs::publish(
                        tx,
                        &Event::AccountLocked {
                            account: hex(&hash),
                        },
                    )?;
                }
                Ok(())
            })
            .await
    }

    /// The directory could not be asked: nobody has failed at anything.
    async fn ldap_give_back(
        &self,
        attempt: Attempt<'_>,
        error: &IdentityError,
    ) -> Result<(), IdentityError> {
        let limits = attempt.limits;
        let given = move |tx: &mut db::AuthTx<'_>| attempts::refund(tx, &limits);
        self.identity
            .inner
            .db
            .auth(of(attempt.tenant), given)
            .await?;
        self.note_refusal(attempt.tenant, attempt.row, error, attempt.caller)
            .await;
        Ok(())
    }
}
