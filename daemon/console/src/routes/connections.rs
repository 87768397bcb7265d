//! The tenant's connection to Salesforce: configure, authorise, come back, disconnect.

use actix_web::web;
use chrono::{DateTime, Utc};
use connections::{Configure, Connection, ConnectionError, Environment, Limits, Returned};
use http::{Allowed, Body, Problem, Routes};
use identity::permit;
use kernel::{ConnectionId, Secret};
use serde::{Deserialize, Serialize};

use crate::{Console, fault::Fault, views::All};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/connections", connection_list)
        .put("/connections/salesforce", connection_configure)
        .post("/connections/salesforce/authorize", connection_authorize)
        .post("/connections/salesforce/complete", connection_complete)
        .post("/connections/salesforce/disconnect", connection_disconnect)
}

#[derive(Serialize)]
struct ConnectionView {
    id: ConnectionId,
    provider: String,
    kind: &'static str,
    state: &'static str,
    environment: &'static str,
    login_host: String,
    instance_host: Option<String>,
    org_id: Option<String>,
    user_id: Option<String>,
    scopes: Vec<String>,
    consumer_key_tail: String,
    connected_at: Option<DateTime<Utc>>,
    last_refresh_at: Option<DateTime<Utc>>,
    broken: Option<BrokenView>,
    limits: Option<LimitsView>,
    version: i64,
}

#[derive(Serialize)]
struct BrokenView {
    code: &'static str,
    message: &'static str,
    next_step: &'static str,
    since: DateTime<Utc>,
}

#[derive(Serialize)]
struct LimitsView {
    used: i32,
    max: i32,
    at: DateTime<Utc>,
    /// Requests after which pulling pauses, so that the organisation's other work goes on.
    budget: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigureInput {
    environment: String,
    my_domain: Option<String>,
    consumer_key: String,
    consumer_secret: Option<Secret<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorizeInput {
    #[serde(default)]
    new_organisation: bool,
}

#[derive(Serialize)]
struct AuthorizeView {
    authorize_url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompleteInput {
    code: Option<Secret<String>>,
    error: Option<String>,
    state: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DisconnectInput {
    confirm: String,
}

/// Allowed requests of the organisation that pulling may use up.
fn limits(limits: Limits, budget_percent: u8) -> LimitsView {
    let budget = i64::from(limits.max) * i64::from(budget_percent) / 100;
    LimitsView {
        used: limits.used,
        max: limits.max,
        at: limits.at,
        budget: i32::try_from(budget).unwrap_or(limits.max),
    }
}

fn view(connection: Connection, budget_percent: u8) -> ConnectionView {
    let host = |url: &str| {
        url.trim_start_matches("https://")
            .trim_end_matches('/')
            .to_owned()
    };
    ConnectionView {
        id: connection.id,
        kind: connection.kind.name(),
        state: connection.state.name(),
        environment: connection.environment.name(),
        instance_host: connection.instance_url.as_deref().map(host),
        consumer_key_tail: connection.consumer_key_tail(),
        broken: connection.broken.map(|broken| BrokenView {
            code: broken.code.name(),
            message: broken.code.message(),
            next_step: broken.code.next_step(),
            since: broken.since,
        }),
        limits: connection.limits.map(|known| limits(known, budget_percent)),
        provider: connection.provider,
        login_host: connection.login_host,
        org_id: connection.organisation,
        user_id: connection.external_user,
        scopes: connection.scopes,
        connected_at: connection.connected_at,
        last_refresh_at: connection.refreshed_at,
        version: connection.version,
    }
}

type Answer = Result<web::Json<ConnectionView>, Problem>;

fn answer(console: &Console, done: Result<Connection, ConnectionError>) -> Answer {
    Ok(web::Json(view(
        done.map_err(Fault::from)?,
        console.budget_percent,
    )))
}

/// Empty while nobody has configured it.
async fn connection_list(
    who: Allowed<permit::ConnectionRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<ConnectionView>>, Problem> {
    let found = console
        .connections
        .connection_get(&who)
        .await
        .map_err(Fault::from)?;
    let items = found
        .into_iter()
        .map(|found| view(found, console.budget_percent))
        .collect();
    Ok(web::Json(All { items }))
}

async fn connection_configure(
    who: Allowed<permit::ConnectionEdit>,
    console: web::Data<Console>,
    Body(input): Body<ConfigureInput>,
) -> Answer {
    let environment = Environment::from_name(&input.environment).ok_or_else(|| {
        Problem::invalid(
            "environment_unknown",
            "environment",
            "The environment is production, sandbox or my_domain.",
        )
    })?;
    let form = Configure {
        environment,
        my_domain: input.my_domain,
        consumer_key: input.consumer_key,
        consumer_secret: input.consumer_secret,
    };
    answer(
        &console,
        console.connections.connection_configure(&who, form).await,
    )
}

async fn connection_authorize(
    who: Allowed<permit::ConnectionEdit>,
    console: web::Data<Console>,
    Body(input): Body<AuthorizeInput>,
) -> Result<web::Json<AuthorizeView>, Problem> {
    let begun = console
        .connections
        .connection_authorize(&who, input.new_organisation)
        .await;
    Ok(web::Json(AuthorizeView {
        authorize_url: begun.map_err(Fault::from)?,
    }))
}

async fn connection_complete(
    who: Allowed<permit::ConnectionEdit>,
    console: web::Data<Console>,
    Body(input): Body<CompleteInput>,
) -> Answer {
    let returned = match (input.code, input.error) {
        (Some(code), None) => Returned::Code(code),
        (None, Some(error)) => Returned::Refused(error),
        _ => {
            return Err(Problem::invalid(
                "return_invalid",
                "code",
                "Give what Salesforce returned: a code or an error, and the state.",
            ));
        }
    };
    answer(
        &console,
        console
            .connections
            .connection_complete(&who, &input.state, returned)
            .await,
    )
}

async fn connection_disconnect(
    who: Allowed<permit::ConnectionEdit>,
    console: web::Data<Console>,
    Body(input): Body<DisconnectInput>,
) -> Answer {
    if input.confirm != "disconnect" {
        return Err(Problem::invalid(
            "confirmation_needed",
            "confirm",
            "Type the word disconnect to end the connection.",
        ));
    }
    answer(
        &console,
        console.connections.connection_disconnect(&who).await,
    )
}
