//! Sessions of a person's own programs, by the device authorization grant (RFC 8628): the program
//! shows a code, the person types it into the console where they are signed in, sees who asks and
//! from where, and approves. The program's session is theirs, in the tenant that they are in, with
//! access tokens of 30 minutes (CX-01) and the same rotation and cap as a browser's.

use std::time::Duration;

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthScope, AuthTx, Unit};
use kernel::{Action, Actor, Principal, Secret, TenantId, UserId};
use vault::{Binding, Sealed};

use crate::{
    attempts::{self, AttemptScope, Limit},
    device::Origin,
    email::keyed_hash,
    error::IdentityError,
    grant::Grant,
    identity::{Caller, Identity, Inner},
    opaque::{RefreshToken, random},
    program,
    session::{hex, human, rate_limited, short_hex},
    store::{self, DeviceGrantRow, NewDeviceGrant},
};

const LIFE: TimeDelta = TimeDelta::minutes(10);
const POLL_SECONDS: i32 = 5;
/// RFC 8628 section 3.5: each answer `slow_down` adds this much.
const SLOWER_SECONDS: i32 = 5;
/// Codes asked for from one network in 15 minutes.
const ASKED: u32 = 20;
/// Unknown codes typed by one person in 15 minutes: 20^8 codes are not found by five guesses.
const GUESSES: u32 = 5;
/// RFC 8628 section 6.1: consonants alone, so that no word comes of it, and none is read as another.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE: usize = 8;

/// What a program is given to ask with.
pub struct DeviceGrant {
    pub device_code: Secret<String>,
    /// `BCDF-GHJK`
    pub user_code: String,
    pub expires_in: Duration,
    pub poll_every: Duration,
}

/// A request as the person sees it before they approve.
#[derive(Clone, Debug)]
pub struct DeviceRequest {
    /// What the program calls itself.
    pub client: String,
    /// Where it runs; absent while the secrets backend cannot tell.
    pub address: Option<String>,
    pub requested_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl Identity {
    /// A program asks for a session of whoever types the code.
    pub async fn device_grant_ask(&self, caller: &Caller) -> Result<DeviceGrant, IdentityError> {
        let inner = &self.inner;
        let key = &inner.secrets()?.index_key;
        let limit = Limit::new(key, AttemptScope::DeviceAsk, caller.address, b"", ASKED)?;
        let (device_code, user_code) = (RefreshToken::generate()?, new_user_code()?);
        let hash = device_code.hash();
        let now = inner.clock.now();
        let grant = NewDeviceGrant {
            user_code_hash: user_code_hash(key, &user_code)?,
            origin_sealed: inner.seal_asker(&hash, caller).await?,
            hash: hash.clone(),
            created_at: now,
            expires_at: now + LIFE,
            poll_seconds: POLL_SECONDS,
        };
        let caller = caller.clone();
        let wait = inner
            .db
            .auth(AuthScope::default(), move |tx| {
                if let Some(wait) = attempts::charge(tx, &[limit])? {
                    return Ok::<_, IdentityError>(Some(wait));
                }
                store::device_grant_insert(tx, &grant)?;
                Entry::new(Action::DeviceGrantAsk, "device_grant", short_hex(&hash)).write_auth(
                    tx,
                    &Actor::System { job: None },
                    Some(&caller.origin()),
                    caller.request,
                )?;
                Ok(None)
            })
            .await?;
        if let Some(wait) = wait {
            return Err(rate_limited(wait));
        }
        Ok(DeviceGrant {
            device_code: device_code.into_text(),
            user_code,
            expires_in: LIFE.to_std().unwrap_or_default(),
            poll_every: Duration::from_secs(u64::try_from(POLL_SECONDS).unwrap_or_default()),
        })
    }

    /// What waits under the code that a person typed. Nothing is approved by looking.
    pub async fn device_grant_show(
        &self,
        who: &Principal,
        user_code: &str,
    ) -> Result<DeviceRequest, IdentityError> {
        let row = self.judged(who, user_code, |_, _| Ok(())).await?;
        let origin = self.inner.open_asker(&row).await?;
        Ok(DeviceRequest {
            client: origin
                .as_ref()
                .map(|origin| origin.user_agent.clone())
                .unwrap_or_default(),
            address: origin.map(|origin| origin.address),
            requested_at: row.created_at,
            expires_at: row.expires_at,
        })
    }

    /// Gives the program a session of the person, in the tenant that they are in. Who has a second
    /// factor has just proven it.
    pub async fn device_grant_approve(
        &self,
        who: &Principal,
        user_code: &str,
    ) -> Result<(), IdentityError> {
        self.factor_fresh(who).await?;
        let (user, session) = human(who)?;
        let (tenant, by) = (who.tenant, who.clone());
        self.judged(who, user_code, move |tx, row| {
            program::check_approver(tx, session)?;
            store::device_grant_approve(tx, &row.hash, (user, tenant))?;
            // Its session will be bound as this one is.
            let opener = store::session_opener(tx, session)?;
            store::device_grant_bind(tx, &row.hash, opener)?;
            settled(tx, Action::DeviceGrantApprove, row, &by)
        })
        .await
        .map(drop)
    }

    /// Tells the program that it gets no session.
    pub async fn device_grant_deny(
        &self,
        who: &Principal,
        user_code: &str,
    ) -> Result<(), IdentityError> {
        let by = who.clone();
        self.judged(who, user_code, move |tx, row| {
            store::device_grant_deny(tx, &row.hash)?;
            settled(tx, Action::DeviceGrantDeny, row, &by)
        })
        .await
        .map(drop)
    }

    /// The program asks whether the person has answered; once, after an approval, it gets its session.
    pub async fn device_grant_poll(
        &self,
        device_code: &str,
        caller: &Caller,
    ) -> Result<Grant, IdentityError> {
        let inner = &self.inner;
        let unknown = || IdentityError::DeviceGrant("invalid_grant");
        let hash = RefreshToken::parse(device_code).ok_or_else(unknown)?.hash();
        let polled = hash.clone();
        let answer = inner
            .db
            .auth(AuthScope::default(), move |tx| poll(tx, &polled))
            .await?;
        let (user, tenant) = answer.map_err(IdentityError::DeviceGrant)?;
        let new = inner.new_session(user, tenant, caller).await?;
        let scope = AuthScope {
            tenant: Some(tenant),
            user: Some(user),
        };
        let (inactivity, caller) = (inner.config.inactivity(), caller.clone());
        let opened = inner
            .db
            .auth(scope, move |tx| {
                if !store::device_grant_use(tx, &hash)? {
                    return Err(unknown());
                }
                let opener = store::device_grant_bound(tx, &hash)?;
                program::open(tx, new, opener, (inactivity, &caller))
            })
            .await?;
        inner.grant(opened, None).await
    }

    /// Finds the waiting request and does `act` with it, in one transaction with the count of wrong
    /// codes.
    async fn judged(
        &self,
        who: &Principal,
        user_code: &str,
        act: impl FnOnce(&mut AuthTx<'_>, &DeviceGrantRow) -> Result<(), IdentityError> + Send + 'static,
    ) -> Result<DeviceGrantRow, IdentityError> {
        let inner = &self.inner;
        let (user, _) = human(who)?;
        let key = &inner.secrets()?.index_key;
        let typed = user_code_hash(key, user_code)?;
        let limits = [Limit::anywhere(
            key,
            AttemptScope::UserCode,
            user.uuid().as_bytes(),
            GUESSES,
        )?];
        let scope = AuthScope {
            tenant: Some(who.tenant),
            user: Some(user),
        };
        let by = who.clone();
        inner
            .db
            .auth(scope, move |tx| {
                if let Some(wait) = attempts::charge(tx, &limits)? {
                    return Ok::<_, IdentityError>(Err(rate_limited(wait)));
                }
                let Some(row) = store::device_grant_waiting(tx, &typed)? else {
                    // Committed, although it is a refusal: the guess counts.
                    let locked = attempts::settle_failure(tx, &limits)?;
                    let code = if locked.is_empty() {
                        "device_request_unknown"
                    } else {
                        "locked_out"
                    };
                    Entry::new(Action::DeviceGrantApprove, "user", user)
                        .refused(code)
                        .write_auth(tx, &by.actor, by.origin.as_ref(), by.request)?;
                    return Ok(Err(IdentityError::UnknownDeviceRequest));
                };
                attempts::settle_success(tx, &limits)?;
                act(tx, &row)?;
                Ok(Ok(row))
            })
            .await?
    }
}

impl Inner {
    async fn seal_asker(&self, hash: &[u8], caller: &Caller) -> Result<Vec<u8>, IdentityError> {
        let owner = hex(hash);
        let origin = Origin {
            address: caller.address.to_string(),
            user_agent: caller.user_agent.clone(),
        };
        let origin = serde_json::to_vec(&origin)
            .map_err(|_| IdentityError::Crypto("writing a program's origin"))?;
        let sealed = self
            .vault
            .seal(TenantId::PLATFORM, &asker_binding(&owner), &origin)
            .await?;
        Ok(sealed.to_bytes())
    }

    async fn open_asker(&self, row: &DeviceGrantRow) -> Result<Option<Origin>, IdentityError> {
        let owner = hex(&row.hash);
        let opened = self
            .vault
            .open(
                TenantId::PLATFORM,
                &asker_binding(&owner),
                &Sealed::parse(&row.origin_sealed)?,
            )
            .await;
        match opened {
            Ok(clear) => Ok(serde_json::from_slice(clear.expose()).ok()),
            Err(error) if error.is_waiting() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn asker_binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "identity",
        owner,
        column: "device_grants.origin_sealed",
    }
}

type Approved = (UserId, TenantId);

/// RFC 8628 section 3.5. What is to be answered is an outcome, not an error: the pace is committed.
fn poll(tx: &mut AuthTx<'_>, hash: &[u8]) -> Result<Result<Approved, &'static str>, IdentityError> {
    let Some(row) = store::device_grant(tx, hash)? else {
        return Ok(Err("invalid_grant"));
    };
    let now = tx.now();
    if row.expires_at <= now {
        return Ok(Err("expired_token"));
    }
    match (row.state.as_str(), row.user_id, row.tenant_id) {
        ("approved", Some(user), Some(tenant)) => {
            Ok(Ok((UserId::from_uuid(user), TenantId::from_uuid(tenant))))
        }
        ("denied", ..) => Ok(Err("access_denied")),
        ("pending", ..) => {
            let pace = TimeDelta::seconds(i64::from(row.poll_seconds));
            if row.polled_at.is_some_and(|polled| now - polled < pace) {
                let slower = row.poll_seconds.saturating_add(SLOWER_SECONDS);
                store::device_grant_polled(tx, hash, slower)?;
                return Ok(Err("slow_down"));
            }
            store::device_grant_polled(tx, hash, row.poll_seconds)?;
            Ok(Err("authorization_pending"))
        }
        _ => Ok(Err("invalid_grant")),
    }
}

fn settled(
    tx: &mut AuthTx<'_>,
    action: Action,
    row: &DeviceGrantRow,
    by: &Principal,
) -> Result<(), IdentityError> {
    Ok(
        Entry::new(action, "device_grant", short_hex(&row.hash)).write_auth(
            tx,
            &by.actor,
            by.origin.as_ref(),
            by.request,
        )?,
    )
}

/// 34 random bits as two groups of four letters. A byte that would favour some letters is left out.
fn new_user_code() -> Result<String, IdentityError> {
    let mut letters = String::new();
    while letters.len() < CODE + 1 {
        let [byte] = random::<1>()?;
        if byte >= 240 {
            continue;
        }
        if letters.len() == CODE / 2 {
            letters.push('-');
        }
        if let Some(letter) = LETTERS.get(usize::from(byte % 20)) {
            letters.push(char::from(*letter));
        }
    }
    Ok(letters)
}

/// However it was typed: case, spaces and dashes do not count.
fn user_code_hash(key: &Secret<Vec<u8>>, code: &str) -> Result<Vec<u8>, IdentityError> {
    let canonical: String = code
        .chars()
        .filter(char::is_ascii_alphabetic)
        .take(CODE + 1)
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    keyed_hash(key, &[b"user code", canonical.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_two_groups_of_consonants() {
        let (one, two) = (new_user_code().unwrap(), new_user_code().unwrap());
        assert_ne!(one, two);
        let groups: Vec<&str> = one.split('-').collect();
        assert_eq!(groups.len(), 2);
        for group in groups {
            assert_eq!(group.len(), 4);
            assert!(
                group.bytes().all(|letter| LETTERS.contains(&letter)),
                "{one}"
            );
        }
    }

    #[test]
    fn a_code_may_be_typed_carelessly_and_not_longer() {
        let key = Secret::new(vec![1; 32]);
        let hash = |text| user_code_hash(&key, text).unwrap();
        assert_eq!(hash("BCDF-GHJK"), hash(" bcdf ghjk "));
        assert_ne!(hash("BCDF-GHJK"), hash("BCDF-GHJL"));
        assert_ne!(hash("BCDF-GHJK"), hash("BCDF-GHJKL"));
    }
}
