//! The face for people: the session API under `/api/console/v1`, `/oauth` for their own programs,
//! `/sso/saml` and `/scim/v2` for their identity providers, `/api/v1/audit` for their SIEM, and the web app, embedded from `web/dist`.
//!
//! A module of `routes` has one function, `routes()`, that lists its handlers; `routes::all()` joins
//! them. Handlers translate: they read input, call one verb of a domain in one transaction, and write
//! the row as JSON. Rules live in the domains.

mod activation;
mod assets;
mod attention;
mod controls;
mod enrollment;
mod fault;
pub mod help;
mod live;
pub mod oauth;
mod oauth_metadata;
pub mod pull;
pub mod routes;
pub mod saml;
pub mod scim;
mod security_txt;
mod system;
mod views;

use std::sync::Arc;

use actix_web::{middleware::from_fn, web};
use connections::{Connections, RoutingSource};
use custody::Custody;
use db::Db;
use delivery::{Siem, Webhooks};
use http::Shared;
use identity::{Identity, sso::Sso};

pub use controls::ControlDesk;
pub use live::{Change, Live};
pub use system::{Span, SystemDesk};

/// What handlers reach, as `web::Data<Console>`. Cheap to clone.
#[derive(Clone)]
pub struct Console {
    pub db: Db,
    pub audit: audit::Reader,
    pub identity: Identity,
    pub sso: Sso,
    pub siem: Siem,
    pub webhooks: Webhooks,
    /// For the caller's address, before anyone is known.
    pub shared: Shared,
    pub connections: Connections,
    pub custody: Custody,
    /// Asks Salesforce itself, while a person waits.
    pub source: Arc<dyn RoutingSource>,
    pub live: Live,
    pub controls: Arc<dyn ControlDesk>,
    pub system: Arc<dyn SystemDesk>,
    /// Where people open the console, without a slash at the end.
    pub public_url: String,
    /// Whom to tell about a weakness: a mail address or a URI.
    pub security_contact: Option<String>,
    /// Of the organisation's Salesforce requests, how many percent Revkeep may use up.
    pub budget_percent: u8,
}

const BASE: &str = "/api/console/v1";

/// The face, for [`http::serve`]: `move |app| console::configure(app, &console)`.
pub fn configure(app: &mut web::ServiceConfig, console: &Console) {
    let mut scope = web::scope(BASE).app_data(web::Data::new(console.clone()));
    for resource in routes::all().into_resources() {
        scope = scope.service(resource);
    }
    app.service(scope.default_service(web::to(assets::unknown_api)));
    let mut puller = web::scope(pull::BASE).app_data(web::Data::new(console.clone()));
    for resource in pull::routes().into_resources() {
        puller = puller.service(resource);
    }
    app.service(puller.default_service(web::to(assets::unknown_api)));
    let mut programs = web::scope("/oauth").app_data(web::Data::new(console.clone()));
    for resource in oauth::routes().into_resources() {
        programs = programs.service(resource);
    }
    app.service(programs.default_service(web::to(assets::unknown_api)));
    let mut providers = web::scope("/sso/saml/{provider}")
        .app_data(web::Data::new(console.clone()))
        .app_data(web::FormConfig::default().limit(saml::MOST_FORM_BYTES));
    for resource in saml::routes().into_resources() {
        providers = providers.service(resource);
    }
    app.service(providers.default_service(web::to(assets::unknown_api)));
    let mut provisioning = web::scope(scim::BASE).app_data(web::Data::new(console.clone()));
    for resource in scim::routes().into_resources() {
        provisioning = provisioning.service(resource);
    }
    app.service(
        provisioning
            .default_service(web::to(assets::unknown_api))
            .wrap(from_fn(scim::refusals)),
    );
    app.service(
        web::resource(security_txt::PATH)
            .app_data(web::Data::new(console.clone()))
            .route(web::get().to(security_txt::security_txt)),
    );
    app.service(
        web::resource(oauth_metadata::PATH)
            .app_data(web::Data::new(console.clone()))
            .route(web::get().to(oauth_metadata::authorization_server)),
    );
    help::configure(app);
    app.default_service(web::to(assets::serve));
}
