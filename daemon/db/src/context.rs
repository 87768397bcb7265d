//! Mints the tenant context that `current_tenant()` in the database checks.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Clock, Secret, SystemClock, TenantId, UserId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Longer than any statement time-out, short enough that a copied context is soon worthless.
const LIFE_SECONDS: i64 = 90;

/// The key of the context's MAC. The database has it in a table that no runtime role may read; the
/// daemon has it from the secrets backend.
pub struct ContextKey(Secret<[u8; 32]>);

impl ContextKey {
    pub const BYTES: usize = 32;

    pub const fn new(key: Secret<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The two padded blocks of HMAC (RFC 2104 section 2), as set-up stores them.
    pub(crate) fn pads(&self) -> (Secret<Vec<u8>>, Secret<Vec<u8>>) {
        let block = |pad: u8| {
            let mut bytes = vec![pad; 64];
            for (to, from) in bytes.iter_mut().zip(self.0.expose()) {
                *to ^= from;
            }
            Secret::new(bytes)
        };
        (block(0x36), block(0x5c))
    }

    /// A context for one backend. The expiry is by the machine's clock even in tests, because the
    /// database compares it with its own.
    pub(crate) fn mint(
        &self,
        tenant: Option<TenantId>,
        user: Option<UserId>,
        kind: &str,
        backend: i32,
    ) -> String {
        let expiry = expires_at(SystemClock.now());
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let body = format!(
            "{}|{}|{kind}|{backend}|{expiry}",
            id(tenant.map(TenantId::uuid)),
            id(user.map(UserId::uuid)),
        );
        let mac = self.mac(body.as_bytes());
        format!("{body}|{}", hex(&mac))
    }

    fn mac(&self, body: &[u8]) -> [u8; 32] {
        match Hmac::<Sha256>::new_from_slice(self.0.expose()) {
            Ok(mut mac) => {
                mac.update(body);
                mac.finalize().into_bytes().into()
            }
            // HMAC takes keys of any length; a value that verifies nowhere is the closed answer.
            Err(_) => Sha256::digest(body).into(),
        }
    }
}

fn expires_at(now: DateTime<Utc>) -> i64 {
    now.timestamp().saturating_add(LIFE_SECONDS)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
