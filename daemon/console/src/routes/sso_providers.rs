//! Identity providers as their administrators set them up: OpenID Connect's, SAML's and directories.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Allowed, Body, Path, Problem, Routes};
use identity::{
    permit,
    sso::{
        Certificate, DirectoryProbe, Kind, LdapInput, LdapSettings, OidcInput, Probe, Protocol,
        Provider, ProviderInput, RoleRule, SamlFound, SamlInput, SamlSettings,
    },
};
use kernel::{ProviderId, Secret};
use serde::{Deserialize, Serialize};

use super::sso::DomainView;
use crate::{Console, views::All};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/sso/providers", provider_list)
        .post("/sso/providers", provider_create)
        .put("/sso/providers/{id}", provider_update)
        .delete("/sso/providers/{id}", provider_delete)
        .post("/sso/providers/{id}/test", provider_test)
        .post("/sso/providers/{id}/test-directory", directory_test)
        .post("/sso/saml/metadata", saml_metadata_fetch)
}

#[derive(Serialize)]
pub(super) struct ProviderView {
    id: ProviderId,
    kind: Kind,
    name: String,
    enabled: bool,
    issuer: String,
    client_id: String,
    has_secret: bool,
    scopes: Vec<String>,
    groups_claim: String,
    role_map: Vec<RoleRule>,
    create_members: bool,
    domains: Vec<DomainView>,
    /// What to enter at the provider: where its answer goes. A directory sends nothing.
    redirect_uri: String,
    saml: Option<SamlView>,
    ldap: Option<LdapView>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct LdapView {
    #[serde(flatten)]
    settings: LdapSettings,
    email_attribute: Option<String>,
    name_attribute: Option<String>,
}

#[derive(Serialize)]
struct SamlView {
    sign_in_url: String,
    sign_out_url: Option<String>,
    certificates: Vec<CertificateView>,
    email_attribute: Option<String>,
    name_attribute: Option<String>,
    /// What we are called at the provider.
    entity_id: String,
    acs_url: String,
    metadata_url: String,
}

#[derive(Serialize)]
struct CertificateView {
    /// DER in base64.
    certificate: String,
    subject: String,
    /// SHA-256.
    fingerprint: String,
    not_after: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetadataInput {
    /// Where the provider publishes it.
    url: String,
}

/// What stands there, to be looked at and then saved as fields.
#[derive(Serialize)]
pub(super) struct MetadataView {
    issuer: String,
    sign_in_url: String,
    sign_out_url: Option<String>,
    certificates: Vec<CertificateView>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderBody {
    kind: Kind,
    name: String,
    enabled: bool,
    /// Of OpenID Connect, as the next three.
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    client_id: String,
    client_secret: Option<Secret<String>>,
    #[serde(default = "scopes")]
    scopes: Vec<String>,
    #[serde(default = "groups_claim")]
    groups_claim: String,
    #[serde(default)]
    role_map: Vec<RoleRule>,
    create_members: bool,
    saml: Option<SamlBody>,
    ldap: Option<LdapBody>,
    /// The one that the change was made from; a new provider has none.
    version: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SamlBody {
    /// As the provider publishes it; stands for the next four.
    metadata: Option<String>,
    issuer: Option<String>,
    sign_in_url: Option<String>,
    sign_out_url: Option<String>,
    #[serde(default)]
    certificates: Vec<String>,
    email_attribute: Option<String>,
    name_attribute: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LdapBody {
    #[serde(default)]
    servers: Vec<String>,
    ca: Option<String>,
    bind_dn: Option<String>,
    /// Of the service account; without one the stored one stays.
    bind_password: Option<Secret<String>>,
    bind_template: Option<String>,
    #[serde(default)]
    base_dn: String,
    #[serde(default)]
    person_filter: String,
    #[serde(default)]
    subject_attribute: String,
    email_attribute: Option<String>,
    name_attribute: Option<String>,
    group_base_dn: Option<String>,
    group_filter: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DirectoryTestBody {
    /// Whom to look up, as they would type it.
    pub(super) user: Option<String>,
}

fn scopes() -> Vec<String> {
    vec![String::from("email"), String::from("profile")]
}

fn groups_claim() -> String {
    String::from("groups")
}

impl From<ProviderBody> for ProviderInput {
    fn from(fields: ProviderBody) -> Self {
        let protocol = match fields.kind {
            Kind::Oidc => Protocol::Oidc(OidcInput {
                issuer: fields.issuer,
                client_id: fields.client_id,
                client_secret: fields.client_secret,
                scopes: fields.scopes,
            }),
            Kind::Saml => Protocol::Saml(fields.saml.unwrap_or_default().into()),
            Kind::Ldap => Protocol::Ldap(fields.ldap.unwrap_or_default().into()),
        };
        Self {
            name: fields.name,
            enabled: fields.enabled,
            groups_claim: fields.groups_claim,
            role_map: fields.role_map,
            create_members: fields.create_members,
            protocol,
        }
    }
}

impl From<SamlBody> for SamlInput {
    fn from(fields: SamlBody) -> Self {
        Self {
            metadata: fields.metadata,
            issuer: fields.issuer,
            sign_in_url: fields.sign_in_url,
            sign_out_url: fields.sign_out_url,
            certificates: fields.certificates,
            email_attribute: fields.email_attribute,
            name_attribute: fields.name_attribute,
        }
    }
}

impl From<LdapBody> for LdapInput {
    fn from(fields: LdapBody) -> Self {
        Self {
            settings: LdapSettings {
                servers: fields.servers,
                ca: fields.ca,
                bind_dn: fields.bind_dn,
                bind_template: fields.bind_template,
                base_dn: fields.base_dn,
                person_filter: fields.person_filter,
                subject_attribute: fields.subject_attribute,
                group_base_dn: fields.group_base_dn,
                group_filter: fields.group_filter,
            },
            bind_password: fields.bind_password,
            email_attribute: fields.email_attribute,
            name_attribute: fields.name_attribute,
        }
    }
}

impl From<Certificate> for CertificateView {
    fn from(certificate: Certificate) -> Self {
        Self {
            certificate: certificate.text,
            subject: certificate.subject,
            fingerprint: certificate.fingerprint,
            not_after: certificate.not_after,
        }
    }
}

impl From<SamlFound> for MetadataView {
    fn from(found: SamlFound) -> Self {
        Self {
            issuer: found.issuer,
            sign_in_url: found.sign_in_url,
            sign_out_url: found.sign_out_url,
            certificates: found.certificates.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<SamlSettings> for SamlView {
    fn from(saml: SamlSettings) -> Self {
        let certificates = saml.certificates.into_iter();
        Self {
            sign_in_url: saml.sign_in_url,
            sign_out_url: saml.sign_out_url,
            certificates: certificates.map(Into::into).collect(),
            email_attribute: saml.email_attribute,
            name_attribute: saml.name_attribute,
            entity_id: saml.addresses.entity_id,
            acs_url: saml.addresses.acs_url,
            metadata_url: saml.addresses.metadata_url,
        }
    }
}

pub(super) fn view(console: &Console, provider: Provider) -> ProviderView {
    ProviderView {
        id: provider.id,
        kind: provider.kind,
        name: provider.name,
        enabled: provider.enabled,
        issuer: provider.issuer,
        client_id: provider.client_id,
        has_secret: provider.has_secret,
        scopes: provider.scopes,
        groups_claim: provider.groups_claim,
        role_map: provider.role_map,
        create_members: provider.create_members,
        domains: provider.domains.into_iter().map(Into::into).collect(),
        redirect_uri: match (&provider.saml, &provider.ldap) {
            (Some(saml), _) => saml.addresses.acs_url.clone(),
            (None, Some(_)) => String::new(),
            (None, None) => console.sso.oidc_return(),
        },
        saml: provider.saml.map(Into::into),
        ldap: provider.ldap.map(|settings| LdapView {
            settings,
            email_attribute: provider.email_attribute,
            name_attribute: provider.name_attribute,
        }),
        version: provider.version,
        created_at: provider.created_at,
        updated_at: provider.updated_at,
    }
}

/// The version that a change was made from.
pub(super) fn version_of(input: &ProviderBody) -> Result<i64, Problem> {
    input.version.ok_or_else(|| {
        Problem::invalid(
            "version_missing",
            "version",
            "Give the version that the change was made from.",
        )
    })
}

async fn provider_list(
    who: Allowed<permit::SsoRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<ProviderView>>, Problem> {
    let found = console.sso.provider_list(&who).await?;
    let items = found
        .into_iter()
        .map(|provider| view(&console, provider))
        .collect();
    Ok(web::Json(All { items }))
}

async fn provider_create(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<ProviderBody>,
) -> Result<HttpResponse, Problem> {
    let made = console.sso.provider_create(&who, input.into()).await?;
    Ok(HttpResponse::Created().json(view(&console, made)))
}

async fn provider_update(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<ProviderId>,
    Body(input): Body<ProviderBody>,
) -> Result<web::Json<ProviderView>, Problem> {
    let version = version_of(&input)?;
    let changed = console
        .sso
        .provider_update(&who, id, version, input.into())
        .await?;
    Ok(web::Json(view(&console, changed)))
}

async fn provider_delete(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<ProviderId>,
) -> Result<HttpResponse, Problem> {
    console.sso.provider_delete(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn provider_test(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<ProviderId>,
) -> Result<web::Json<Probe>, Problem> {
    Ok(web::Json(console.sso.provider_test(&who, id).await?))
}

async fn directory_test(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<ProviderId>,
    Body(input): Body<DirectoryTestBody>,
) -> Result<web::Json<DirectoryProbe>, Problem> {
    let found = console
        .sso
        .directory_test(&who, id, input.user.as_deref())
        .await?;
    Ok(web::Json(found))
}

async fn saml_metadata_fetch(
    _: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<MetadataInput>,
) -> Result<web::Json<MetadataView>, Problem> {
    metadata(&console, input).await
}

pub(super) async fn metadata(
    console: &Console,
    input: MetadataInput,
) -> Result<web::Json<MetadataView>, Problem> {
    let found = console.sso.saml_metadata_fetch(&input.url).await?;
    Ok(web::Json(found.into()))
}
