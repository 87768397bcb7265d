//! Single sign-on: discovery, leaving for a provider and coming back; mail domains and settings. Providers
//! themselves are set up in `sso_providers`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{
    Allowed, Body, Knock, Path, Problem, Public, Routes, SignedIn, forget_refresh_cookie,
    forget_sso_cookie, read_sso_cookie, sso_cookie,
};
use identity::{
    permit,
    sso::{Domain, Ended, Kind, LdapSignIn, Returned, Started},
};
use kernel::{ProviderId, Secret, TenantId};
use serde::{Deserialize, Serialize};

use super::{
    session::{problem, signed_in},
    sso_appliance::ClaimView,
};
use crate::{Console, views::All};

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/sign-in/discover", sign_in_discover)
        .post("/sso/start", sso_start)
        .post("/sso/oidc/complete", oidc_complete)
        .post("/sso/saml/complete", saml_complete)
        .post("/sso/ldap/sign-in", ldap_sign_in)
        .post("/sso/sign-out", sso_sign_out)
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
    kind: Option<Kind>,
    /// Nothing but the provider opens the organisation, the owner's password aside.
    only: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StartInput {
    pub(super) provider: ProviderId,
}

/// Where the browser goes; or, of a directory, what it is called whose name and password are asked for here.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StartView {
    AuthorizeUrl(String),
    Directory(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LdapInput {
    provider: ProviderId,
    user: String,
    password: Secret<String>,
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
struct LinkBody {
    link: ClaimView,
}

#[derive(Serialize)]
struct SignOutView {
    /// Where the provider's own session may be ended as well.
    logout_url: Option<String>,
}

#[derive(Serialize)]
pub(super) struct DomainView {
    domain: String,
    verified: bool,
    verified_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DomainInput {
    pub(super) domain: String,
    pub(super) provider: ProviderId,
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

impl From<Domain> for DomainView {
    fn from(domain: Domain) -> Self {
        Self {
            domain: domain.domain,
            verified: domain.verified_at.is_some(),
            verified_at: domain.verified_at,
        }
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
        kind: found.as_ref().map(|found| found.kind),
        only: found.as_ref().is_some_and(|found| found.only),
        name: found.map(|found| found.name),
    }))
}

async fn sso_start(
    _: Knock,
    console: web::Data<Console>,
    Body(input): Body<StartInput>,
) -> Result<HttpResponse, Problem> {
    let mut answer = HttpResponse::Ok();
    Ok(match console.sso.start(input.provider).await? {
        Started::Away(leaving) => answer
            .cookie(sso_cookie(leaving.cookie.expose(), leaving.life))
            .json(StartView::AuthorizeUrl(leaving.authorize_url)),
        Started::Directory(name) => answer.json(StartView::Directory(name)),
    })
}

async fn ldap_sign_in(
    _: Knock,
    console: web::Data<Console>,
    request: HttpRequest,
    Body(input): Body<LdapInput>,
) -> Result<HttpResponse, Problem> {
    let caller = console.shared.caller(&request);
    let typed = LdapSignIn {
        provider: input.provider,
        user: input.user,
        password: input.password,
    };
    let grant = console
        .sso
        .ldap_sign_in(typed, &caller)
        .await
        .map_err(problem)?;
    signed_in(&console.shared, &request, HttpResponse::Ok(), grant).await
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
    let ended = console
        .sso
        .oidc_complete(returned, cookie.as_deref(), &caller)
        .await
        .map_err(problem)?;
    completed(&console, &request, ended).await
}

async fn saml_complete(
    _: Knock,
    console: web::Data<Console>,
    request: HttpRequest,
    Body(input): Body<TicketInput>,
) -> Result<HttpResponse, Problem> {
    let caller = console.shared.caller(&request);
    let cookie = read_sso_cookie(&request);
    let ended = console
        .sso
        .saml_complete(input.ticket.expose(), cookie.as_deref(), &caller)
        .await
        .map_err(problem)?;
    completed(&console, &request, ended).await
}

/// A session, or what a super_admin is to confirm; the session that they have goes on.
async fn completed(
    console: &Console,
    request: &HttpRequest,
    ended: Ended,
) -> Result<HttpResponse, Problem> {
    let mut answer = HttpResponse::Ok();
    answer.cookie(forget_sso_cookie());
    match ended {
        Ended::SignedIn(grant) => signed_in(&console.shared, request, answer, *grant).await,
        Ended::Proven(claim) => Ok(answer.json(LinkBody { link: claim.into() })),
    }
}

async fn sso_sign_out(who: SignedIn, console: web::Data<Console>) -> Result<HttpResponse, Problem> {
    let logout_url = console.sso.logout_url(&who).await?;
    console.identity.sign_out(&who).await?;
    Ok(HttpResponse::Ok()
        .cookie(forget_refresh_cookie())
        .json(SignOutView { logout_url }))
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
