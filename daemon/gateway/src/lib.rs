//! The face for machines: `/api/v1`, by interface key (LR-01, LR-33), and `/mcp`, by the token of a program that a
//! person let in (OB-19). It reads views of the data layer as the
//! database role `revkeep_gateway` and nothing else: no connector, no connection and no credential can be reached
//! from here, because none is named in this crate's manifest and none is granted to that role.
//!
//! `routes` are the handlers; `ledger` counts and records what each key asks; `answer` is how a list is read
//! and answered; `openapi` describes it all; `mcp` speaks the Model Context Protocol.

mod answer;
mod boundary;
mod ledger;
pub mod mcp;
mod openapi;
pub mod routes;

use actix_web::{HttpResponse, web};
use db::Db;
use http::Problem;

pub use ledger::Ledger;

/// Where the interface begins.
pub const BASE: &str = "/api/v1";

/// What handlers reach, as `web::Data<Gateway>`. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    db: Db,
}

impl Gateway {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}

/// The face, for [`http::serve`], of an appliance that is reached at `public_url`. To be called after the console's,
/// which has routes below [`BASE`] of its own.
pub fn configure(app: &mut web::ServiceConfig, gateway: &Gateway, public_url: &str) {
    let mut scope = web::scope(BASE).app_data(web::Data::new(gateway.clone()));
    for resource in routes::all().into_resources() {
        scope = scope.service(resource);
    }
    app.service(scope.default_service(web::to(|| async {
        Err::<HttpResponse, _>(Problem::not_found())
    })));
    mcp::configure(app, gateway, public_url);
}
