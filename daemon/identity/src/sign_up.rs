//! Signing up (LR-55, CX-27), where the appliance's configuration allows it: a mail proves the address,
//! and its link makes an organisation on a trial of 14 days. The answer never tells who has an account.

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthScope, AuthTx, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, dsl::count_star, insert_into,
    update,
};
use kernel::{Action, Actor, Event, Secret, SignUpId, TenantId};
use schema::sign_ups;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vault::{Binding, Sealed};

use crate::{
    email::Email,
    error::IdentityError,
    founding::{Founding, Person},
    grant::Grant,
    identity::{Caller, Identity},
    link::LinkToken,
    refusal::Refusal,
    setup::text_of,
    tenants::TRIAL,
};

type Outcome<T> = Result<T, IdentityError>;

/// How long the link of a sign-up works.
const LIFE: TimeDelta = TimeDelta::hours(24);
/// Mails to one address in an hour: nobody is flooded through us.
const MOST_MAILS: i64 = 3;

/// What is typed to sign up.
pub struct SignUp {
    pub organisation: String,
    pub name: String,
    pub email: String,
}

/// What the mail after a sign-up says, and to whom.
pub enum SignUpLetter {
    /// The link that makes the organisation.
    Confirm {
        token: Secret<String>,
        address: Secret<String>,
        organisation: String,
        expires_at: DateTime<Utc>,
    },
    /// The address has an account: the mail says so, to the address alone.
    HasAccount { address: Secret<String> },
}

#[derive(Serialize, Deserialize)]
struct Details {
    organisation: String,
    name: String,
    email: String,
}

/// Id, address hash, sealed details, end.
type Row = (Uuid, Vec<u8>, Vec<u8>, DateTime<Utc>);

impl Identity {
    pub fn sign_up_enabled(&self) -> bool {
        self.inner.config.signup_enabled
    }

    /// Takes the wish down and has a mail sent. The same answer, after the same work, for an address
    /// with and without an account.
    pub async fn sign_up(&self, input: SignUp, caller: &Caller) -> Outcome<()> {
        if !self.sign_up_enabled() {
            return Err(Refusal::SignUpOff.into());
        }
        let inner = &self.inner;
        let email = Email::parse(&input.email)?;
        let details = Details {
            organisation: text_of("organisation", &input.organisation)?,
            name: text_of("name", &input.name)?,
            email: email.as_str().to_owned(),
        };
        let hash = email.hash(&inner.secrets()?.index_key)?;
        let id = SignUpId::generate(inner.clock.as_ref());
        let clear = serde_json::to_vec(&details)
            .map_err(|_| IdentityError::Crypto("writing a sign-up down"))?;
        let bound = id.to_string();
        let sealed = inner
            .vault
            .seal(TenantId::PLATFORM, &binding(&bound), &clear)
            .await?;
        let caller = caller.clone();
        inner
            .db
            .auth(AuthScope::default(), move |tx| {
                if !take_down(tx, id, hash, sealed.to_bytes())? {
                    return Ok(());
                }
                Entry::new(Action::SignUp, "sign_up", id).write_auth(
                    tx,
                    &Actor::System { job: None },
                    Some(&caller.origin()),
                    caller.request,
                )?;
                Ok(jobs::publish(tx, &Event::SignUp { sign_up: id })?)
            })
            .await
    }

    /// Makes the link's token for a mail that is about to be sent; an older link is void. `None` when
    /// the wish is gone or too old.
    pub async fn sign_up_letter(&self, id: SignUpId) -> Outcome<Option<SignUpLetter>> {
        let token = LinkToken::generate()?;
        let hash = token.hash();
        let found = self
            .inner
            .db
            .auth(AuthScope::default(), move |tx| arm(tx, id, &hash))
            .await?;
        let Some(((_, _, sealed, expires_at), has_account)) = found else {
            return Ok(None);
        };
        let details = self.details(id, &sealed).await?;
        let address = Secret::new(details.email);
        if has_account {
            return Ok(Some(SignUpLetter::HasAccount { address }));
        }
        Ok(Some(SignUpLetter::Confirm {
            token: token.into_text(),
            address,
            organisation: details.organisation,
            expires_at,
        }))
    }

    /// Uses the link up: organisation, account, trial and session, all or nothing.
    pub async fn sign_up_complete(
        &self,
        token: &str,
        password: Secret<String>,
        caller: &Caller,
    ) -> Outcome<Grant> {
        if !self.sign_up_enabled() {
            return Err(Refusal::SignUpOff.into());
        }
        let inner = &self.inner;
        let token = LinkToken::parse(token).ok_or(Refusal::SignUpInvalid)?;
        let hash = token.hash();
        let found = inner
            .db
            .auth(AuthScope::default(), move |tx| by_token(tx, &hash))
            .await?;
        let Some((row, has_account)) = found else {
            return Err(Refusal::SignUpInvalid.into());
        };
        if has_account {
            return Err(Refusal::AccountExists.into());
        }
        let id = SignUpId::from_uuid(row.0);
        let details = self.details(id, &row.2).await?;
        let person = Person {
            name: &details.name,
            email: Email::parse(&details.email)?,
            password: &password,
            super_admin: false,
        };
        let founding = Founding::prepare(inner, &details.organisation, person, caller).await?;
        let caller = caller.clone();
        let opened = inner
            .db
            .auth(founding.scope(), move |tx| {
                let used = diesel::delete(sign_ups::table.find(id.uuid())).execute(tx.conn())?;
                if used == 0 {
                    return Err(Refusal::SignUpInvalid.into());
                }
                let ends = tx.now() + TRIAL;
                founding.store(tx, Action::SignUpComplete, Some(ends), &caller)
            })
            .await?;
        inner.grant(opened, Some(details.email)).await
    }

    async fn details(&self, id: SignUpId, sealed: &[u8]) -> Outcome<Details> {
        let bound = id.to_string();
        let sealed = Sealed::parse(sealed)?;
        let clear = self
            .inner
            .vault
            .open(TenantId::PLATFORM, &binding(&bound), &sealed)
            .await?;
        serde_json::from_slice(clear.expose())
            .map_err(|_| IdentityError::Crypto("reading a sign-up"))
    }
}

fn binding(sign_up: &str) -> Binding<'_> {
    Binding {
        provider: "identity",
        owner: sign_up,
        column: "sign_ups.details_sealed",
    }
}

/// Stores the wish, unless its address had enough mail. What is too old goes.
fn take_down(
    tx: &mut AuthTx<'_>,
    id: SignUpId,
    email_hash: Vec<u8>,
    details_sealed: Vec<u8>,
) -> Outcome<bool> {
    let now = tx.now();
    diesel::delete(sign_ups::table.filter(sign_ups::expires_at.le(now))).execute(tx.conn())?;
    let lately: i64 = sign_ups::table
        .filter(sign_ups::email_hash.eq(&email_hash))
        .filter(sign_ups::created_at.gt(now - TimeDelta::hours(1)))
        .select(count_star())
        .first(tx.conn())?;
    if lately >= MOST_MAILS {
        return Ok(false);
    }
    insert_into(sign_ups::table)
        .values((
            sign_ups::sign_up_id.eq(id.uuid()),
            sign_ups::email_hash.eq(email_hash),
            sign_ups::details_sealed.eq(details_sealed),
            sign_ups::created_at.eq(now),
            sign_ups::expires_at.eq(now + LIFE),
        ))
        .execute(tx.conn())?;
    Ok(true)
}

/// Gives the wish a token's hash; answers it, and whether its address has an account.
fn arm(tx: &mut AuthTx<'_>, id: SignUpId, hash: &[u8]) -> Outcome<Option<(Row, bool)>> {
    let now = tx.now();
    update(
        sign_ups::table
            .find(id.uuid())
            .filter(sign_ups::expires_at.gt(now)),
    )
    .set((sign_ups::token_hash.eq(hash), sign_ups::sent_at.eq(now)))
    .execute(tx.conn())?;
    by_token(tx, hash)
}

fn by_token(tx: &mut AuthTx<'_>, hash: &[u8]) -> Outcome<Option<(Row, bool)>> {
    let now = tx.now();
    let row: Option<Row> = sign_ups::table
        .filter(sign_ups::token_hash.eq(hash))
        .filter(sign_ups::expires_at.gt(now))
        .select((
            sign_ups::sign_up_id,
            sign_ups::email_hash,
            sign_ups::details_sealed,
            sign_ups::expires_at,
        ))
        .first(tx.conn())
        .optional()?;
    match row {
        Some(row) => {
            let has_account = tx.user_by_email(&row.1)?.is_some();
            Ok(Some((row, has_account)))
        }
        None => Ok(None),
    }
}
