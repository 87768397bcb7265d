//! The secret of a webhook, and how it signs (LR-35): Standard Webhooks, HMAC-SHA256 over id, time and body.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{EventId, Principal, Secret, TenantId, WebhookId};
use openssl::{
    base64::{decode_block, encode_block},
    hash::MessageDigest,
    pkey::PKey,
    sign::Signer,
};
use vault::{Binding, RewrapPage, Sealed};

use super::{Webhooks, store, store::WebhookRow};
use crate::error::DeliveryError;

/// For how long the old secret signs beside a new one.
pub(crate) const OVERLAP: TimeDelta = TimeDelta::hours(24);
const PREFIX: &str = "whsec_";
const BYTES: usize = 32;
const CURRENT: &str = "webhooks.secret_sealed";
const PREVIOUS: &str = "webhooks.previous_sealed";

/// A secret that was just made: the only time that it is shown.
pub struct NewSecret {
    pub text: Secret<String>,
    /// Until when the one before signs as well.
    pub previous_until: Option<DateTime<Utc>>,
}

/// One attempt to tell of an event, as it is signed.
pub struct Message<'a> {
    pub id: EventId,
    pub at: DateTime<Utc>,
    pub body: &'a str,
}

impl Message<'_> {
    /// The header `webhook-signature`: one signature for each secret, with a blank between.
    pub fn signature(&self, secrets: &[Secret<String>]) -> Result<String, DeliveryError> {
        let content = format!("{}.{}.{}", self.id, self.at.timestamp(), self.body);
        let signed: Result<Vec<String>, DeliveryError> = secrets
            .iter()
            .map(|secret| Ok(format!("v1,{}", mac(secret, content.as_bytes())?)))
            .collect();
        Ok(signed?.join(" "))
    }
}

fn mac(secret: &Secret<String>, content: &[u8]) -> Result<String, DeliveryError> {
    let unusable = |_| DeliveryError::Unusable("the secret of a webhook");
    let text = secret.expose();
    let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
    let key = Secret::new(decode_block(encoded).map_err(unusable)?);
    let key = PKey::hmac(key.expose()).map_err(unusable)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key).map_err(unusable)?;
    let mac = signer.sign_oneshot_to_vec(content).map_err(unusable)?;
    Ok(encode_block(&mac))
}

pub(crate) fn made() -> Result<Secret<String>, DeliveryError> {
    let mut bytes = [0_u8; BYTES];
    openssl::rand::rand_bytes(&mut bytes)
        .map_err(|_| DeliveryError::Unusable("the source of randomness"))?;
    Ok(Secret::new(format!("{PREFIX}{}", encode_block(&bytes))))
}

impl Webhooks {
    /// The secret for its column, bound to its webhook.
    pub(super) async fn sealed(
        &self,
        tenant: TenantId,
        id: WebhookId,
        secret: &Secret<String>,
    ) -> Result<Vec<u8>, DeliveryError> {
        self.vault.ensure_tenant_key(tenant).await?;
        let owner = id.to_string();
        let place = binding(&owner, CURRENT);
        let value = self
            .vault
            .seal(tenant, &place, secret.expose().as_bytes())
            .await?;
        Ok(value.to_bytes())
    }

    /// What signs at `now`: the secret, and the one before while it is valid.
    pub(super) async fn secrets(
        &self,
        row: &WebhookRow,
        now: DateTime<Utc>,
    ) -> Result<Vec<Secret<String>>, DeliveryError> {
        let mut secrets = vec![self.opened(row, CURRENT, &row.secret_sealed).await?];
        if let (Some(previous), true) = (
            &row.previous_sealed,
            row.previous_until.is_some_and(|until| now < until),
        ) {
            secrets.push(self.opened(row, PREVIOUS, previous).await?);
        }
        Ok(secrets)
    }

    /// The current secret as the previous one: under its own name, so that neither column opens as the other.
    pub(super) async fn retired(&self, row: &WebhookRow) -> Result<Vec<u8>, DeliveryError> {
        let clear = self.opened(row, CURRENT, &row.secret_sealed).await?;
        let owner = WebhookId::from_uuid(row.webhook_id).to_string();
        let place = binding(&owner, PREVIOUS);
        let tenant = TenantId::from_uuid(row.tenant_id);
        let value = self
            .vault
            .seal(tenant, &place, clear.expose().as_bytes())
            .await?;
        Ok(value.to_bytes())
    }

    async fn opened(
        &self,
        row: &WebhookRow,
        column: &'static str,
        stored: &[u8],
    ) -> Result<Secret<String>, DeliveryError> {
        let owner = WebhookId::from_uuid(row.webhook_id).to_string();
        let tenant = TenantId::from_uuid(row.tenant_id);
        let clear = self
            .vault
            .open(tenant, &binding(&owner, column), &Sealed::parse(stored)?)
            .await?;
        std::str::from_utf8(clear.expose())
            .map(|text| Secret::new(text.to_owned()))
            .map_err(|_| DeliveryError::Unusable("the secret of a webhook"))
    }

    /// Moves the secrets of the principal's webhooks to the newest version of the key (OB-07).
    pub async fn secrets_rewrap(
        &self,
        who: &Principal,
        newest: u32,
    ) -> Result<RewrapPage, DeliveryError> {
        let rows = self.db.run_unsealed(who, store::webhooks).await?;
        let mut done = RewrapPage::default();
        for row in rows {
            let owner = WebhookId::from_uuid(row.webhook_id).to_string();
            let place = binding(&owner, CURRENT);
            let current = self
                .vault
                .rewrap_stored(who.tenant, &place, &row.secret_sealed, newest)
                .await?;
            done.count(current.is_some());
            let mut previous = None;
            if let Some(stored) = &row.previous_sealed {
                let place = binding(&owner, PREVIOUS);
                previous = self
                    .vault
                    .rewrap_stored(who.tenant, &place, stored, newest)
                    .await?;
                done.count(previous.is_some());
            }
            if current.is_some() || previous.is_some() {
                self.db
                    .run_unsealed(who, move |tx| {
                        store::secrets_rewrapped(tx, &row, current, previous)
                    })
                    .await?;
            }
        }
        Ok(done)
    }
}

const fn binding<'a>(owner: &'a str, column: &'static str) -> Binding<'a> {
    Binding {
        provider: "webhook",
        owner,
        column,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of Standard Webhooks, with its own id in place of ours.
    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let content = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        assert_eq!(
            mac(&secret, content.as_bytes()).unwrap(),
            "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn two_secrets_sign_side_by_side_and_no_two_are_alike() {
        let secrets = [made().unwrap(), made().unwrap()];
        let message = Message {
            id: EventId::generate(&kernel::SystemClock),
            at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            body: "{}",
        };
        let both = message.signature(&secrets).unwrap();
        let (first, second) = both.split_once(' ').unwrap();
        assert_eq!(message.signature(&secrets[..1]).unwrap(), first);
        assert_eq!(message.signature(&secrets[1..]).unwrap(), second);
        assert_ne!(first, second);
        let later = Message {
            at: message.at + TimeDelta::seconds(1),
            ..message
        };
        assert_ne!(later.signature(&secrets[..1]).unwrap(), first);
    }
}
