//! Moves identity's sealed values to the newest version of the platform's key (OB-07): people's
//! addresses, the devices of their sessions, the secrets of their authenticator apps, and the signing
//! keys.

use db::{AuthScope, AuthTx, Unit};
use diesel::{ExpressionMethods, NullableExpressionMethods, QueryDsl, RunQueryDsl};
use kernel::{SessionId, SigningKeyId, TenantId, UserId};
use schema::{sessions, signing_keys, totp_factors, users};
use uuid::Uuid;
use vault::{Binding, RewrapPage};

use crate::{
    error::IdentityError,
    factor::totp_binding,
    grant::{device_binding, email_binding},
    identity::Identity,
    keys,
};

/// People of one page.
const PEOPLE: i32 = 100;
/// Sessions of one transaction.
const SESSIONS: i64 = 200;

impl Identity {
    /// The page of people that follows `last`: their addresses, the devices of their sessions, and the
    /// secrets of their apps.
    pub async fn people_rewrap(
        &self,
        last: Option<Uuid>,
        newest: u32,
    ) -> Result<RewrapPage, IdentityError> {
        let people = self
            .inner
            .db
            .system(move |tx| tx.users_after(last, PEOPLE))
            .await?;
        let full = i32::try_from(people.len()).is_ok_and(|read| read == PEOPLE);
        let mut done = RewrapPage {
            next: people.last().map(|user| user.uuid()).filter(|_| full),
            ..RewrapPage::default()
        };
        for user in people {
            self.address_rewrap(user, newest, &mut done).await?;
            self.devices_rewrap(user, newest, &mut done).await?;
            self.totp_rewrap(user, newest, &mut done).await?;
        }
        Ok(done)
    }

    /// All signing keys; there are few.
    pub async fn signing_keys_rewrap(&self, newest: u32) -> Result<RewrapPage, IdentityError> {
        let rows = self
            .inner
            .db
            .auth(AuthScope::default(), all_signing_keys)
            .await?;
        let mut done = RewrapPage::default();
        for (key, stored) in rows {
            let owner = SigningKeyId::from_uuid(key).to_string();
            let fresh = self
                .newer(&keys::binding(&owner), &stored, newest, &mut done)
                .await?;
            let Some(fresh) = fresh else { continue };
            let moved = self
                .inner
                .db
                .auth(AuthScope::default(), move |tx| {
                    signing_key_store(tx, key, &stored, &fresh)
                })
                .await?;
            done.count(moved);
        }
        Ok(done)
    }

    async fn address_rewrap(
        &self,
        user: UserId,
        newest: u32,
        done: &mut RewrapPage,
    ) -> Result<(), IdentityError> {
        let owner = user.to_string();
        let found = self
            .inner
            .db
            .auth(of(user), move |tx| address(tx, user))
            .await?;
        for stored in found {
            let fresh = self
                .newer(&email_binding(&owner), &stored, newest, done)
                .await?;
            let Some(fresh) = fresh else { continue };
            let moved = self
                .inner
                .db
                .auth(of(user), move |tx| address_store(tx, user, &stored, &fresh))
                .await?;
            done.count(moved);
        }
        Ok(())
    }

    async fn devices_rewrap(
        &self,
        user: UserId,
        newest: u32,
        done: &mut RewrapPage,
    ) -> Result<(), IdentityError> {
        let mut last = Uuid::nil();
        loop {
            let found = self
                .inner
                .db
                .auth(of(user), move |tx| devices(tx, user, last))
                .await?;
            let Some((end, _)) = found.last() else {
                return Ok(());
            };
            last = *end;
            for (session, stored) in found {
                let owner = SessionId::from_uuid(session).to_string();
                let fresh = self
                    .newer(&device_binding(&owner), &stored, newest, done)
                    .await?;
                let Some(fresh) = fresh else { continue };
                let moved = self
                    .inner
                    .db
                    .auth(of(user), move |tx| {
                        device_store(tx, session, &stored, &fresh)
                    })
                    .await?;
                done.count(moved);
            }
        }
    }

    async fn totp_rewrap(
        &self,
        user: UserId,
        newest: u32,
        done: &mut RewrapPage,
    ) -> Result<(), IdentityError> {
        let owner = user.to_string();
        let found = self
            .inner
            .db
            .auth(of(user), move |tx| totp_secret(tx, user))
            .await?;
        for stored in found {
            let fresh = self
                .newer(&totp_binding(&owner), &stored, newest, done)
                .await?;
            let Some(fresh) = fresh else { continue };
            let moved = self
                .inner
                .db
                .auth(of(user), move |tx| {
                    totp_secret_store(tx, user, &stored, &fresh)
                })
                .await?;
            done.count(moved);
        }
        Ok(())
    }

    /// The value under the newest version; a value that has it already is counted here.
    async fn newer(
        &self,
        binding: &Binding<'_>,
        stored: &[u8],
        newest: u32,
        done: &mut RewrapPage,
    ) -> Result<Option<Vec<u8>>, IdentityError> {
        let fresh = self
            .inner
            .vault
            .rewrap_stored(TenantId::PLATFORM, binding, stored, newest)
            .await?;
        if fresh.is_none() {
            done.count(false);
        }
        Ok(fresh)
    }
}

const fn of(user: UserId) -> AuthScope {
    AuthScope {
        tenant: None,
        user: Some(user),
    }
}

fn address(tx: &mut AuthTx<'_>, user: UserId) -> Result<Vec<Vec<u8>>, IdentityError> {
    Ok(users::table
        .filter(users::user_id.eq(user.uuid()))
        .select(users::email_sealed)
        .load(tx.conn())?)
}

fn address_store(
    tx: &mut AuthTx<'_>,
    user: UserId,
    stored: &[u8],
    fresh: &[u8],
) -> Result<bool, IdentityError> {
    let changed = diesel::update(
        users::table
            .filter(users::user_id.eq(user.uuid()))
            .filter(users::email_sealed.eq(stored)),
    )
    .set(users::email_sealed.eq(fresh))
    .execute(tx.conn())?;
    Ok(changed == 1)
}

fn devices(
    tx: &mut AuthTx<'_>,
    user: UserId,
    last: Uuid,
) -> Result<Vec<(Uuid, Vec<u8>)>, IdentityError> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(user.uuid()))
        .filter(sessions::session_id.gt(last))
        .filter(sessions::device_sealed.is_not_null())
        .order(sessions::session_id)
        .limit(SESSIONS)
        .select((
            sessions::session_id,
            sessions::device_sealed.assume_not_null(),
        ))
        .load(tx.conn())?)
}

fn device_store(
    tx: &mut AuthTx<'_>,
    session: Uuid,
    stored: &[u8],
    fresh: &[u8],
) -> Result<bool, IdentityError> {
    let changed = diesel::update(
        sessions::table
            .filter(sessions::session_id.eq(session))
            .filter(sessions::device_sealed.eq(stored)),
    )
    .set(sessions::device_sealed.eq(fresh))
    .execute(tx.conn())?;
    Ok(changed == 1)
}

fn totp_secret(tx: &mut AuthTx<'_>, user: UserId) -> Result<Vec<Vec<u8>>, IdentityError> {
    Ok(totp_factors::table
        .filter(totp_factors::user_id.eq(user.uuid()))
        .select(totp_factors::secret_sealed)
        .load(tx.conn())?)
}

fn totp_secret_store(
    tx: &mut AuthTx<'_>,
    user: UserId,
    stored: &[u8],
    fresh: &[u8],
) -> Result<bool, IdentityError> {
    let changed = diesel::update(
        totp_factors::table
            .filter(totp_factors::user_id.eq(user.uuid()))
            .filter(totp_factors::secret_sealed.eq(stored)),
    )
    .set(totp_factors::secret_sealed.eq(fresh))
    .execute(tx.conn())?;
    Ok(changed == 1)
}

fn all_signing_keys(tx: &mut AuthTx<'_>) -> Result<Vec<(Uuid, Vec<u8>)>, IdentityError> {
    Ok(signing_keys::table
        .order(signing_keys::key_id)
        .select((signing_keys::key_id, signing_keys::private_sealed))
        .load(tx.conn())?)
}

fn signing_key_store(
    tx: &mut AuthTx<'_>,
    key: Uuid,
    stored: &[u8],
    fresh: &[u8],
) -> Result<bool, IdentityError> {
    let changed = diesel::update(
        signing_keys::table
            .filter(signing_keys::key_id.eq(key))
            .filter(signing_keys::private_sealed.eq(stored)),
    )
    .set(signing_keys::private_sealed.eq(fresh))
    .execute(tx.conn())?;
    Ok(changed == 1)
}
