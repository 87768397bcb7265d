//! Single sign-on: discovery, leaving for a provider and coming back; and its settings.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{
    Allowed, Body, Knock, Path, Problem, Public, Routes, SignedIn, forget_refresh_cookie,
    forget_sso_cookie, read_sso_cookie, sso_cookie,
};
use identity::{
    permit,
    sso::{
        Domain, Kind, OidcInput, Probe, Protocol, Provider, ProviderInput, Returned, RoleRule,
        SamlInput, SamlSettings,
    },
};
use kernel::{ProviderId, Secret, TenantId};
use serde::{Deserialize, Serialize};

use super::session::{problem, signed_in};
use crate::{Console, views::All};

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/sign-in/discover", sign_in_discover)
        .post("/sso/start", sso_start)
        .post("/sso/oidc/complete", oidc_complete)
        .post("/sso/saml/complete", saml_complete)
        .post("/sso/sign-out", sso_sign_out)
        .get("/sso/providers", provider_list)
        .post("/sso/providers", provider_create)
        .put("/sso/providers/{id}", provider_update)
        .delete("/sso/providers/{id}", provider_delete)
        .post("/sso/providers/{id}/test", provider_test)
        .post("/sso/domains", domain_add)
        .delete("/sso/domains/{domain}", domain_remove)
        .get("/sso/settings", settings_show)
        .put("/sso/settings", settings_set)
        .get("/platform/sso/domains", domains_waiting)
        .post("/platform/sso/domains/verify", domain_verify)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscoverInput {
    email: String,
}

/// The same for an address that nobody has: it is judged by its domain alone.
#[derive(Serialize)]
struct DiscoverView {
    sso: bool,
    provider: Option<ProviderId>,
    /// As the organisation calls its provider.
    name: Option<String>,
    /// Nothing but the provider opens the organisation, the owner's password aside.
    only: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StartInput {
    provider: ProviderId,
}

#[derive(Serialize)]
struct StartView {
    authorize_url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompleteInput {
    code: Option<Secret<String>>,
    error: Option<String>,
    state: String,
    iss: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TicketInput {
    ticket: Secret<String>,
}

#[derive(Serialize)]
struct SignOutView {
    /// Where the provider's own session may be ended as well.
    logout_url: Option<String>,
}

#[derive(Serialize)]
struct ProviderView {
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
    /// What to enter at the provider: where its answer goes.
    redirect_uri: String,
    saml: Option<SamlView>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
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

#[derive(Serialize)]
struct DomainView {
    domain: String,
    verified: bool,
    verified_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderBody {
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

fn scopes() -> Vec<String> {
    vec![String::from("email"), String::from("profile")]
}

fn groups_claim() -> String {
    String::from("groups")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DomainInput {
    domain: String,
    provider: ProviderId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyInput {
    tenant: TenantId,
    domain: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Members sign in through a provider alone.
    only: bool,
}

#[derive(Serialize)]
struct WaitingView {
    tenant: TenantId,
    tenant_name: String,
    domain: String,
    created_at: DateTime<Utc>,
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

impl From<SamlSettings> for SamlView {
    fn from(saml: SamlSettings) -> Self {
        let certificates = saml.certificates.into_iter();
        Self {
            sign_in_url: saml.sign_in_url,
            sign_out_url: saml.sign_out_url,
            certificates: certificates
                .map(|certificate| CertificateView {
                    certificate: certificate.text,
                    subject: certificate.subject,
                    fingerprint: certificate.fingerprint,
                    not_after: certificate.not_after,
                })
                .collect(),
            email_attribute: saml.email_attribute,
            name_attribute: saml.name_attribute,
            entity_id: saml.addresses.entity_id,
            acs_url: saml.addresses.acs_url,
            metadata_url: saml.addresses.metadata_url,
        }
    }
}

impl From<Domain> for DomainView {
    fn from(domain: Domain) -> Self {
        Self {
            domain: domain.domain,
            verified: domain.verified_at.is_some(),
            verified_at: domain.verified_at,
        }
    }
}

fn view(console: &Console, provider: Provider) -> ProviderView {
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
        redirect_uri: match &provider.saml {
            Some(saml) => saml.addresses.acs_url.clone(),
            None => console.sso.oidc_return(),
        },
        saml: provider.saml.map(Into::into),
        version: provider.version,
        created_at: provider.created_at,
        updated_at: provider.updated_at,
    }
}

async fn sign_in_discover(
    _: Public,
    console: web::Data<Console>,
    Body(input): Body<DiscoverInput>,
) -> Result<web::Json<DiscoverView>, Problem> {
    let found = console.sso.discover(&input.email).await?;
    Ok(web::Json(DiscoverView {
        sso: found.is_some(),
        provider: found.as_ref().map(|found| found.provider),
        only: found.as_ref().is_some_and(|found| found.only),
        name: found.map(|found| found.name),
    }))
}

async fn sso_start(
    _: Knock,
    console: web::Data<Console>,
    Body(input): Body<StartInput>,
) -> Result<HttpResponse, Problem> {
    let leaving = console.sso.start(input.provider).await?;
    Ok(HttpResponse::Ok()
        .cookie(sso_cookie(leaving.cookie.expose(), leaving.life))
        .json(StartView {
            authorize_url: leaving.authorize_url,
        }))
}

async fn oidc_complete(
    _: Knock,
    console: web::Data<Console>,
    request: HttpRequest,
    Body(input): Body<CompleteInput>,
) -> Result<HttpResponse, Problem> {
    let outcome = match (input.code, input.error) {
        (Some(code), None) => Ok(code),
        (None, Some(error)) => Err(error),
        _ => {
            return Err(Problem::invalid(
                "return_invalid",
                "code",
                "Give what the provider returned: a code or an error, and the state.",
            ));
        }
    };
    let returned = Returned {
        state: input.state,
        issuer: input.iss,
        outcome,
    };
    let caller = console.shared.caller(&request);
    let cookie = read_sso_cookie(&request);
    let grant = console
        .sso
        .oidc_complete(returned, cookie.as_deref(), &caller)
        .await
        .map_err(problem)?;
    let mut answer = HttpResponse::Ok();
    answer.cookie(forget_sso_cookie());
    signed_in(&console.shared, &request, answer, grant).await
}

async fn saml_complete(
    _: Knock,
    console: web::Data<Console>,
    request: HttpRequest,
    Body(input): Body<TicketInput>,
) -> Result<HttpResponse, Problem> {
    let caller = console.shared.caller(&request);
    let cookie = read_sso_cookie(&request);
    let grant = console
        .sso
        .saml_complete(input.ticket.expose(), cookie.as_deref(), &caller)
        .await
        .map_err(problem)?;
    let mut answer = HttpResponse::Ok();
    answer.cookie(forget_sso_cookie());
    Ok(granted(answer, grant))
}

async fn sso_sign_out(who: SignedIn, console: web::Data<Console>) -> Result<HttpResponse, Problem> {
    let logout_url = console.sso.logout_url(&who).await?;
    console.identity.sign_out(&who).await?;
    Ok(HttpResponse::Ok()
        .cookie(forget_refresh_cookie())
        .json(SignOutView { logout_url }))
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
    let version = input.version.ok_or_else(|| {
        Problem::invalid(
            "version_missing",
            "version",
            "Give the version that the change was made from.",
        )
    })?;
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

async fn domain_add(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<DomainInput>,
) -> Result<HttpResponse, Problem> {
    let added = console
        .sso
        .domain_add(&who, &input.domain, input.provider)
        .await?;
    Ok(HttpResponse::Created().json(DomainView::from(added)))
}

async fn domain_remove(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Path(domain): Path<String>,
) -> Result<HttpResponse, Problem> {
    console.sso.domain_remove(&who, &domain).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn settings_show(
    who: Allowed<permit::SsoRead>,
    console: web::Data<Console>,
) -> Result<web::Json<Settings>, Problem> {
    let only = console.sso.only_show(&who).await?;
    Ok(web::Json(Settings { only }))
}

async fn settings_set(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<Settings>,
) -> Result<web::Json<Settings>, Problem> {
    console.sso.only_set(&who, input.only).await?;
    Ok(web::Json(input))
}

async fn domains_waiting(
    who: Allowed<permit::TenantRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<WaitingView>>, Problem> {
    let found = console.sso.domains_waiting(&who).await?;
    let items = found
        .into_iter()
        .map(|waiting| WaitingView {
            tenant: TenantId::from_uuid(waiting.tenant_id),
            tenant_name: waiting.tenant_name,
            domain: waiting.domain,
            created_at: waiting.created_at,
        })
        .collect();
    Ok(web::Json(All { items }))
}

async fn domain_verify(
    who: Allowed<permit::TenantManage>,
    console: web::Data<Console>,
    Body(input): Body<VerifyInput>,
) -> Result<HttpResponse, Problem> {
    console
        .sso
        .domain_verify(&who, input.tenant, &input.domain)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
