//! The secrets of targets: the collector's token and the key of a client certificate, sealed under the
//! owner's key (OB-07), opened for a connection.

use kernel::{Principal, Secret, SiemTargetId, TenantId};
use vault::{Binding, RewrapPage, Sealed};

use super::{
    Siem,
    store::{self, TargetRow},
    target::{Format, TargetInput, Transport},
    transport::Route,
};
use crate::error::DeliveryError;

const KEY: &str = "siem_targets.client_key_sealed";
const TOKEN: &str = "siem_targets.token_sealed";

impl Siem {
    /// Moves the secrets of the principal's targets to the newest version of the key (OB-07).
    pub async fn secrets_rewrap(
        &self,
        who: &Principal,
        newest: u32,
    ) -> Result<RewrapPage, DeliveryError> {
        let rows = self.db.run_unsealed(who, store::targets).await?;
        let mut done = RewrapPage::default();
        for (row, _) in rows {
            let owner = SiemTargetId::from_uuid(row.target_id).to_string();
            let mut fresh = [None, None];
            for (slot, (column, stored)) in fresh
                .iter_mut()
                .zip([(KEY, &row.client_key_sealed), (TOKEN, &row.token_sealed)])
            {
                if let Some(stored) = stored {
                    let place = binding(&owner, column);
                    *slot = self
                        .vault
                        .rewrap_stored(who.tenant, &place, stored, newest)
                        .await?;
                    done.count(slot.is_some());
                }
            }
            let [key, token] = fresh;
            if key.is_some() || token.is_some() {
                self.db
                    .run_unsealed(who, move |tx| {
                        store::secrets_rewrapped(tx, &row, key, token)
                    })
                    .await?;
            }
        }
        Ok(done)
    }

    pub(super) async fn sealed(
        &self,
        tenant: TenantId,
        id: SiemTargetId,
        input: &TargetInput,
    ) -> Result<(Option<Vec<u8>>, Option<Vec<u8>>), DeliveryError> {
        if let (Some(chain), Some(key)) = (&input.client_certificate, &input.client_key)
            && self.egress.trust(None, Some((chain, key))).is_err()
        {
            return Err(DeliveryError::input("client_key", "client_key_missing"));
        }
        if input.client_key.is_some() || input.token.is_some() {
            self.vault.ensure_tenant_key(tenant).await?;
        }
        let owner = id.to_string();
        let mut sealed = [None, None];
        for (slot, (column, clear)) in sealed
            .iter_mut()
            .zip([(KEY, &input.client_key), (TOKEN, &input.token)])
        {
            if let Some(clear) = clear {
                let place = binding(&owner, column);
                let value = self
                    .vault
                    .seal(tenant, &place, clear.expose().as_bytes())
                    .await?;
                *slot = Some(value.to_bytes());
            }
        }
        let [key, token] = sealed;
        Ok((key, token))
    }

    /// Where the target's events go and with what secrets.
    pub(crate) async fn route(&self, row: &TargetRow) -> Result<Route, DeliveryError> {
        let (transport, format) = kinds(row)?;
        Ok(Route {
            transport,
            format,
            address: row.address.clone(),
            authorities: row.authorities.clone(),
            client_certificate: row.client_certificate.clone(),
            client_key: self.opened(row, KEY, &row.client_key_sealed).await?,
            token: self.opened(row, TOKEN, &row.token_sealed).await?,
            host: self.host.clone(),
            files: self.config.clone(),
        })
    }

    async fn opened(
        &self,
        row: &TargetRow,
        column: &'static str,
        stored: &Option<Vec<u8>>,
    ) -> Result<Option<Secret<String>>, DeliveryError> {
        let Some(stored) = stored else {
            return Ok(None);
        };
        let owner = SiemTargetId::from_uuid(row.target_id).to_string();
        let tenant = TenantId::from_uuid(row.tenant_id);
        let clear = self
            .vault
            .open(tenant, &binding(&owner, column), &Sealed::parse(stored)?)
            .await?;
        std::str::from_utf8(clear.expose())
            .map(|text| Some(Secret::new(text.to_owned())))
            .map_err(|_| DeliveryError::Unusable("a stored secret"))
    }
}

const fn binding<'a>(owner: &'a str, column: &'static str) -> Binding<'a> {
    Binding {
        provider: "siem",
        owner,
        column,
    }
}

/// A certificate and its key come together, and a collector has its token, which goes to no other address
/// than the one that it was typed for.
pub(super) fn secrets_whole(
    input: &TargetInput,
    before: Option<&TargetRow>,
) -> Result<(), DeliveryError> {
    let kept = |stored: Option<&Option<Vec<u8>>>| stored.is_some_and(Option::is_some);
    let key = input.client_key.is_some() || kept(before.map(|row| &row.client_key_sealed));
    let token = input.token.is_some() || kept(before.map(|row| &row.token_sealed));
    if input.client_certificate.is_some() && !key
        || input.client_certificate.is_none() && input.client_key.is_some()
    {
        return Err(DeliveryError::input("client_key", "client_key_missing"));
    }
    if input.transport == Transport::Https && !token {
        return Err(DeliveryError::input("token", "token_missing"));
    }
    let moved = before.is_some_and(|row| row.address != input.address);
    if moved && input.transport == Transport::Https && input.token.is_none() {
        return Err(DeliveryError::input("token", "secret_again"));
    }
    Ok(())
}

pub(super) fn kinds(row: &TargetRow) -> Result<(Transport, Format), DeliveryError> {
    Transport::from_name(&row.transport)
        .zip(Format::from_name(&row.format))
        .ok_or(DeliveryError::Unusable("its transport or format"))
}
