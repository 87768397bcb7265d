//! Identity providers of the appliance: a super_admin sets them up and links their own account; each tenant
//! says whether they let its people in.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Allowed, Body, Path, Problem, Routes, sso_cookie};
use identity::{
    permit,
    sso::{ApplianceView, Claim, DirectoryProbe, Kind, Link, Probe, appliance},
};
use kernel::ProviderId;
use serde::{Deserialize, Serialize};

use super::{
    sso::{DomainInput, DomainView, StartInput, StartView},
    sso_providers::{
        DirectoryTestBody, MetadataInput, MetadataView, ProviderBody, ProviderView, metadata,
        version_of, view,
    },
};
use crate::{Console, views::All};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/platform/sso/providers", provider_list)
        .post("/platform/sso/providers", provider_create)
        .put("/platform/sso/providers/{id}", provider_update)
        .delete("/platform/sso/providers/{id}", provider_delete)
        .post("/platform/sso/providers/{id}/test", provider_test)
        .post(
            "/platform/sso/providers/{id}/test-directory",
            directory_test,
        )
        .post("/platform/sso/saml/metadata", saml_metadata_fetch)
        .post("/platform/sso/domains", domain_add)
        .delete("/platform/sso/domains/{domain}", domain_remove)
        .get("/platform/sso/links", link_list)
        .post("/platform/sso/links", link_start)
        .post("/platform/sso/links/confirm", link_confirm)
        .delete("/platform/sso/links/{id}", link_remove)
        .get("/sso/appliance", appliance_show)
        .put("/sso/appliance", appliance_allow)
}

#[derive(Serialize)]
struct Providers {
    items: Vec<ProviderView>,
    /// Organisations that nothing else opens, their owners' passwords aside.
    relied_on_by: i64,
}

/// Whom the provider says that the person is, to be confirmed by exactly that.
#[derive(Serialize)]
pub(super) struct ClaimView {
    provider: ProviderId,
    provider_name: String,
    issuer: String,
    subject: String,
    email: Option<String>,
}

#[derive(Serialize)]
struct LinkView {
    provider: ProviderId,
    issuer: String,
    subject: String,
    confirmed_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmInput {
    provider: ProviderId,
    subject: String,
}

#[derive(Serialize)]
struct ApplianceBody {
    providers: Vec<NamedProvider>,
    allowed: bool,
    /// Allowed, and no provider of the organisation's own is enabled.
    opens: bool,
}

#[derive(Serialize)]
struct NamedProvider {
    id: ProviderId,
    kind: Kind,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowInput {
    allowed: bool,
}

impl From<Claim> for ClaimView {
    fn from(claim: Claim) -> Self {
        Self {
            provider: claim.provider,
            provider_name: claim.provider_name,
            issuer: claim.issuer,
            subject: claim.subject,
            email: claim.email,
        }
    }
}

impl From<Link> for LinkView {
    fn from(link: Link) -> Self {
        Self {
            provider: link.provider,
            issuer: link.issuer,
            subject: link.subject,
            confirmed_at: link.confirmed_at,
            last_used_at: link.last_used_at,
        }
    }
}

impl From<ApplianceView> for ApplianceBody {
    fn from(view: ApplianceView) -> Self {
        let providers = view.providers.into_iter();
        Self {
            providers: providers
                .map(|(id, kind, name)| NamedProvider { id, kind, name })
                .collect(),
            allowed: view.allowed,
            opens: view.opens,
        }
    }
}

async fn provider_list(
    who: Allowed<permit::ApplianceSsoRead>,
    console: web::Data<Console>,
) -> Result<web::Json<Providers>, Problem> {
    let who = appliance(&who);
    let found = console.sso.provider_list(&who).await?;
    Ok(web::Json(Providers {
        items: found
            .into_iter()
            .map(|provider| view(&console, provider))
            .collect(),
        relied_on_by: console.sso.appliance_reliant(&who).await?,
    }))
}

async fn provider_create(
    who: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<ProviderBody>,
) -> Result<HttpResponse, Problem> {
    let who = appliance(&who);
    let made = console.sso.provider_create(&who, input.into()).await?;
    Ok(HttpResponse::Created().json(view(&console, made)))
}

async fn provider_update(
    who: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<ProviderId>,
    Body(input): Body<ProviderBody>,
) -> Result<web::Json<ProviderView>, Problem> {
    let version = version_of(&input)?;
    let who = appliance(&who);
    let changed = console
        .sso
        .provider_update(&who, id, version, input.into())
        .await?;
    Ok(web::Json(view(&console, changed)))
}

async fn provider_delete(
    who: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<ProviderId>,
) -> Result<HttpResponse, Problem> {
    console.sso.provider_delete(&appliance(&who), id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn provider_test(
    who: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<ProviderId>,
) -> Result<web::Json<Probe>, Problem> {
    let probed = console.sso.provider_test(&appliance(&who), id).await?;
    Ok(web::Json(probed))
}

async fn directory_test(
    who: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<ProviderId>,
    Body(input): Body<DirectoryTestBody>,
) -> Result<web::Json<DirectoryProbe>, Problem> {
    let found = console
        .sso
        .directory_test(&appliance(&who), id, input.user.as_deref())
        .await?;
    Ok(web::Json(found))
}

async fn saml_metadata_fetch(
    _: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<MetadataInput>,
) -> Result<web::Json<MetadataView>, Problem> {
    metadata(&console, input).await
}

async fn domain_add(
    who: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<DomainInput>,
) -> Result<HttpResponse, Problem> {
    let added = console
        .sso
        .domain_add(&appliance(&who), &input.domain, input.provider)
        .await?;
    Ok(HttpResponse::Created().json(DomainView::from(added)))
}

async fn domain_remove(
    who: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Path(domain): Path<String>,
) -> Result<HttpResponse, Problem> {
    console.sso.domain_remove(&appliance(&who), &domain).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn link_list(
    who: Allowed<permit::ApplianceSsoRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<LinkView>>, Problem> {
    let links = console.sso.link_list(&who).await?;
    Ok(web::Json(All {
        items: links.into_iter().map(LinkView::from).collect(),
    }))
}

async fn link_start(
    who: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<StartInput>,
) -> Result<HttpResponse, Problem> {
    let leaving = console.sso.link_start(&who, input.provider).await?;
    Ok(HttpResponse::Ok()
        .cookie(sso_cookie(leaving.cookie.expose(), leaving.life))
        .json(StartView::AuthorizeUrl(leaving.authorize_url)))
}

async fn link_confirm(
    who: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<ConfirmInput>,
) -> Result<HttpResponse, Problem> {
    console
        .sso
        .link_confirm(&who, input.provider, &input.subject)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn link_remove(
    who: Allowed<permit::ApplianceSsoEdit>,
    console: web::Data<Console>,
    Path(id): Path<ProviderId>,
) -> Result<HttpResponse, Problem> {
    console.sso.link_remove(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn appliance_show(
    who: Allowed<permit::SsoRead>,
    console: web::Data<Console>,
) -> Result<web::Json<ApplianceBody>, Problem> {
    Ok(web::Json(console.sso.appliance_show(&who).await?.into()))
}

async fn appliance_allow(
    who: Allowed<permit::SsoEdit>,
    console: web::Data<Console>,
    Body(input): Body<AllowInput>,
) -> Result<web::Json<ApplianceBody>, Problem> {
    let shown = console.sso.appliance_allow(&who, input.allowed).await?;
    Ok(web::Json(shown.into()))
}
