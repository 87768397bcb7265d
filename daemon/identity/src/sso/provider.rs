//! Providers as those set them up who own them: a tenant's administrators, or for the appliance's a
//! super_admin.

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{AuthScope, AuthTx};
use kernel::{Action, Principal, ProviderId, Secret, TenantId};
use serde_json::json;
use vault::{Binding, Sealed};

use super::{
    Sso, appliance,
    domain::{self, Domain},
    error::SsoError,
    ldap::{self, LdapSettings},
    model::{Kind, Protocol, ProviderInput, RoleRule, Settled},
    oidc::{Client, Probe},
    saml::{Addresses, SamlSettings},
    store::{self, ProviderChange, ProviderRow},
};
use crate::error::IdentityError;

/// A provider as its administrators see it. The client's secret is never among it.
#[derive(Clone, Debug)]
pub struct Provider {
    pub id: ProviderId,
    pub kind: Kind,
    pub name: String,
    pub enabled: bool,
    pub issuer: String,
    pub client_id: String,
    pub has_secret: bool,
    pub scopes: Vec<String>,
    pub groups_claim: String,
    pub role_map: Vec<RoleRule>,
    pub create_members: bool,
    pub saml: Option<SamlSettings>,
    pub ldap: Option<LdapSettings>,
    /// Of a directory; SAML has its own.
    pub email_attribute: Option<String>,
    pub name_attribute: Option<String>,
    pub domains: Vec<Domain>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Provider {
    fn read(sso: &Sso, row: ProviderRow, domains: &[Domain]) -> Result<Self, IdentityError> {
        let id = ProviderId::from_uuid(row.provider_id);
        let kind = kind(&row)?;
        Ok(Self {
            id,
            kind,
            saml: (kind == Kind::Saml)
                .then(|| SamlSettings::read(&row, Addresses::new(&sso.public_url, id))),
            ldap: (kind == Kind::Ldap)
                .then(|| LdapSettings::read(&row))
                .transpose()?,
            email_attribute: row.email_attribute,
            name_attribute: row.name_attribute,
            name: row.name,
            enabled: row.enabled,
            issuer: row.issuer,
            client_id: row.client_id.unwrap_or_default(),
            has_secret: row.client_secret_sealed.is_some(),
            scopes: row.scopes,
            groups_claim: row.groups_claim,
            role_map: rules(row.role_map)?,
            create_members: row.create_members,
            domains: domains
                .iter()
                .filter(|domain| domain.provider == id)
                .cloned()
                .collect(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub(crate) fn kind(row: &ProviderRow) -> Result<Kind, IdentityError> {
    Ok(Kind::from_name(&row.kind).ok_or(SsoError::NoProvider)?)
}

pub(crate) fn rules(map: serde_json::Value) -> Result<Vec<RoleRule>, IdentityError> {
    serde_json::from_value(map).map_err(|_| IdentityError::Crypto("a stored role map is unusable"))
}

/// Identity's unit of work for an administrator of a tenant.
pub(crate) fn scope(who: &Principal) -> AuthScope {
    AuthScope {
        tenant: Some(who.tenant),
        user: who.user(),
    }
}

/// Writes `entry` with the principal as its actor.
pub(crate) fn note(
    tx: &mut AuthTx<'_>,
    who: &Principal,
    entry: Entry,
) -> Result<(), IdentityError> {
    entry.write_auth(tx, &who.actor, who.origin.as_ref(), who.request)?;
    Ok(())
}

impl Sso {
    pub async fn provider_list(&self, who: &Principal) -> Result<Vec<Provider>, IdentityError> {
        let (rows, domains) = self
            .identity
            .inner
            .db
            .auth(scope(who), |tx| {
                Ok::<_, IdentityError>((store::providers(tx)?, domain::read(tx)?))
            })
            .await?;
        rows.into_iter()
            .map(|row| Provider::read(self, row, &domains))
            .collect()
    }

    pub async fn provider_create(
        &self,
        who: &Principal,
        input: ProviderInput,
    ) -> Result<Provider, IdentityError> {
        let input = input.checked()?;
        appliance::check(who.tenant, &input)?;
        let kind = input.protocol.kind();
        let inner = &self.identity.inner;
        let id = ProviderId::generate(inner.clock.as_ref());
        let settled = self.settle(input.protocol, id).await?;
        ldap::check_new(&settled)?;
        let sealed = self
            .seal(who.tenant, id, settled.client_secret.as_ref())
            .await?;
        let now = inner.clock.now();
        let row = ProviderRow {
            tenant_id: who.tenant.uuid(),
            provider_id: id.uuid(),
            kind: kind.name().to_owned(),
            name: input.name,
            enabled: input.enabled,
            issuer: settled.issuer,
            client_id: settled.client_id,
            client_secret_sealed: sealed,
            scopes: settled.scopes,
            groups_claim: input.groups_claim,
            role_map: role_map_json(&input.role_map),
            create_members: input.create_members,
            version: 1,
            created_at: now,
            updated_at: now,
            sign_in_url: settled.sign_in_url,
            sign_out_url: settled.sign_out_url,
            certificates: settled.certificates,
            email_attribute: settled.email_attribute,
            name_attribute: settled.name_attribute,
            directory: settled.directory,
        };
        let actor = who.clone();
        let row = inner
            .db
            .auth(scope(who), move |tx| {
                store::provider_insert(tx, &row)?;
                if row.enabled {
                    appliance::displace(tx)?;
                }
                let entry = Entry::new(Action::ProviderCreate, "provider", id).after(shown(&row));
                note(tx, &actor, entry)?;
                Ok::<_, IdentityError>(row)
            })
            .await?;
        self.identity.forget_tenant(who.tenant);
        Provider::read(self, row, &[])
    }

    /// Everything but kind and issuer, which identities hang on. Disabling ends its sessions.
    pub async fn provider_update(
        &self,
        who: &Principal,
        id: ProviderId,
        version: i64,
        input: ProviderInput,
    ) -> Result<Provider, IdentityError> {
        let input = input.checked()?;
        appliance::check(who.tenant, &input)?;
        let kind = input.protocol.kind();
        let settled = self.settle(input.protocol, id).await?;
        let inner = &self.identity.inner;
        let sealed = self
            .seal(who.tenant, id, settled.client_secret.as_ref())
            .await?;
        let now = inner.clock.now();
        let issuer = settled.issuer;
        let typed = settled.client_secret.is_some();
        let change = ProviderChange {
            name: input.name,
            enabled: input.enabled,
            client_id: settled.client_id,
            client_secret_sealed: sealed,
            scopes: settled.scopes,
            groups_claim: input.groups_claim,
            role_map: role_map_json(&input.role_map),
            create_members: input.create_members,
            version: version.saturating_add(1),
            updated_at: now,
            sign_in_url: settled.sign_in_url,
            sign_out_url: Some(settled.sign_out_url),
            certificates: settled.certificates,
            email_attribute: Some(settled.email_attribute),
            name_attribute: Some(settled.name_attribute),
            directory: settled.directory,
        };
        let actor = who.clone();
        let (row, domains) = inner
            .db
            .auth(scope(who), move |tx| {
                let before = store::provider(tx, id)?.ok_or(SsoError::NoProvider)?;
                if before.kind != kind.name() {
                    return Err(IdentityError::input("kind", "provider_kind_fixed"));
                }
                if before.issuer != issuer {
                    return Err(IdentityError::input("issuer", "issuer_fixed"));
                }
                if let Some(directory) = &change.directory {
                    ldap::check_change(&before, directory, typed)?;
                }
                if !store::provider_update(tx, id, version, &change)? {
                    return Err(SsoError::Stale.into());
                }
                if change.enabled {
                    appliance::displace(tx)?;
                } else {
                    put_out(tx, id)?;
                }
                let after = store::provider(tx, id)?.ok_or(SsoError::NoProvider)?;
                let entry = Entry::new(Action::ProviderUpdate, "provider", id)
                    .before(shown(&before))
                    .after(shown(&after));
                note(tx, &actor, entry)?;
                Ok::<_, IdentityError>((after, domain::read(tx)?))
            })
            .await?;
        self.identity.forget_tenant(who.tenant);
        Provider::read(self, row, &domains)
    }

    /// With its domains, its identities and its sessions.
    pub async fn provider_delete(
        &self,
        who: &Principal,
        id: ProviderId,
    ) -> Result<(), IdentityError> {
        let actor = who.clone();
        self.identity
            .inner
            .db
            .auth(scope(who), move |tx| {
                let before = store::provider(tx, id)?.ok_or(SsoError::NoProvider)?;
                if !store::provider_delete(tx, id)? {
                    return Err(SsoError::NoProvider.into());
                }
                put_out(tx, id)?;
                let entry =
                    Entry::new(Action::ProviderDelete, "provider", id).before(shown(&before));
                note(tx, &actor, entry)
            })
            .await?;
        self.identity.forget_tenant(who.tenant);
        Ok(())
    }

    /// Contacts an OpenID provider and says what it is; of a SAML provider, what is set.
    pub async fn provider_test(
        &self,
        who: &Principal,
        id: ProviderId,
    ) -> Result<Probe, IdentityError> {
        let inner = &self.identity.inner;
        let row = inner
            .db
            .auth(scope(who), move |tx| store::provider(tx, id))
            .await?
            .ok_or(SsoError::NoProvider)?;
        match kind(&row)? {
            Kind::Oidc => {
                let probed = self.oidc.probe(&row.issuer, inner.clock.now()).await;
                Ok(probed.map_err(|error| match error {
                    SsoError::Answer(why) => SsoError::Probe(why),
                    other => other,
                })?)
            }
            // Nothing of it is ever contacted from here: what is stored is what works.
            Kind::Saml => Ok(Probe {
                issuer: row.issuer,
                authorization_endpoint: row.sign_in_url.unwrap_or_default(),
                token_endpoint: None,
                keys: row.certificates.len(),
                logout: row.sign_out_url.is_some(),
            }),
            // `directory_test` looks at it, step by step.
            Kind::Ldap => Err(SsoError::NoProvider.into()),
        }
    }

    async fn settle(&self, protocol: Protocol, id: ProviderId) -> Result<Settled, IdentityError> {
        match protocol {
            Protocol::Ldap(input) => Ok(Settled {
                issuer: ldap::issuer(id),
                ..input.settle()?
            }),
            Protocol::Oidc(input) => input.settle(),
            Protocol::Saml(input) => input.settle(&self.reader).await,
        }
    }

    /// What the provider's row says of the client, with its secret opened.
    pub(crate) async fn client_secret(
        &self,
        row: &ProviderRow,
    ) -> Result<Option<Secret<String>>, IdentityError> {
        let Some(sealed) = &row.client_secret_sealed else {
            return Ok(None);
        };
        let owner = ProviderId::from_uuid(row.provider_id).to_string();
        let clear = self
            .identity
            .inner
            .vault
            .open(
                TenantId::from_uuid(row.tenant_id),
                &binding(&owner),
                &Sealed::parse(sealed)?,
            )
            .await?;
        std::str::from_utf8(clear.expose())
            .map(|text| Some(Secret::new(text.to_owned())))
            .map_err(|_| IdentityError::Crypto("a stored client secret is unusable"))
    }

    async fn seal(
        &self,
        tenant: TenantId,
        id: ProviderId,
        secret: Option<&Secret<String>>,
    ) -> Result<Option<Vec<u8>>, IdentityError> {
        let Some(secret) = secret else {
            return Ok(None);
        };
        if !(1..=4_096).contains(&secret.expose().len()) {
            return Err(IdentityError::input("client_secret", "text_invalid"));
        }
        let owner = id.to_string();
        let vault = &self.identity.inner.vault;
        let sealed = vault
            .seal(tenant, &binding(&owner), secret.expose().as_bytes())
            .await?;
        Ok(Some(sealed.to_bytes()))
    }
}

/// The client of a provider's row.
pub(crate) fn client<'a>(
    row: &'a ProviderRow,
    secret: Option<&'a Secret<String>>,
    redirect: &'a str,
) -> Client<'a> {
    Client {
        issuer: &row.issuer,
        client_id: row.client_id.as_deref().unwrap_or_default(),
        client_secret: secret,
        scopes: &row.scopes,
        groups_claim: &row.groups_claim,
        redirect,
    }
}

/// Ends what the provider opened, unless that would lock everybody out.
fn put_out(tx: &mut AuthTx<'_>, id: ProviderId) -> Result<(), IdentityError> {
    if store::sso_only(tx)? && !appliance::anything_opens(tx)? {
        return Err(SsoError::NothingEnabled.into());
    }
    tx.sso_sessions_end(id.uuid(), "provider_off")?;
    db::hint(tx, "sessions")?;
    Ok(())
}

pub(crate) fn binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "sso",
        owner,
        column: "sso_providers.client_secret_sealed",
    }
}

fn role_map_json(rules: &[RoleRule]) -> serde_json::Value {
    serde_json::to_value(rules).unwrap_or_else(|_| json!([]))
}

/// For the audit log: what was set, without secrets.
fn shown(row: &ProviderRow) -> serde_json::Value {
    json!({
        "kind": row.kind,
        "name": row.name,
        "enabled": row.enabled,
        "issuer": row.issuer,
        "client_id": row.client_id,
        "scopes": row.scopes,
        "groups_claim": row.groups_claim,
        "role_map": row.role_map,
        "create_members": row.create_members,
        "sign_in_url": row.sign_in_url,
        "sign_out_url": row.sign_out_url,
        "certificates": row.certificates,
        "email_attribute": row.email_attribute,
        "name_attribute": row.name_attribute,
        "directory": row.directory,
    })
}
