//! What an entry costs the change that it tells of: the product's own route, and the same route without
//! its entry, behind the same server, authentication and pool. Then the statements alone.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use anyhow::{Context as _, Result};
use audit::Entry;
use db::{AuthScope, AuthTx, Db, DbError};
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _, update};
use http::{Body, Problem, Routes, Shared, SignedIn};
use kernel::{Action, Actor, Personal, Principal};
use schema::users;
use serde::Deserialize;
use serde_json::json;

use crate::{
    browser::{Browser, Login},
    load::{self, Load},
    person::{KNOWN, PASSWORD, Person},
    report::{self, Figure, Limit},
    site::Site,
};

/// Who changes their profile at a time: each their own, since changes of one row wait for each other.
const PEOPLE: [&str; 4] = [
    KNOWN,
    "grace@acme.example",
    "joan@acme.example",
    "mary@acme.example",
];
/// At least 0.85 of the changes without an entry.
const BAR: f64 = 1.0 / 0.85;
/// Changes of the statements' own figure, in each round.
const CHANGES: u32 = 500;

pub(super) fn measure(load: Load) -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let person = Person::with(|_| {}).await?;
        Ok(vec![
            over_http(&person, load).await?,
            statements(&person, load.rounds).await?,
        ])
    })
}

async fn over_http(person: &Person, load: Load) -> Result<Figure> {
    let site = Site::start(person, routes)?;
    let mut tokens = Vec::new();
    for email in PEOPLE {
        if email != KNOWN {
            person.colleague(email).await?;
        }
        let password = PASSWORD;
        let session = site.browser.session(Login { email, password }).await?;
        tokens.push(session.access_token);
    }
    let (mut with, mut without, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=load.rounds {
        let mut paths = ["/me", "/me/off_the_record"];
        if round % 2 == 0 {
            paths.reverse();
        }
        let mut rates = [0.0; 2];
        for (rate, path) in rates.iter_mut().zip(paths) {
            *rate = changes(&site.browser, &mut tokens, path, load.lasts).await?;
        }
        if round % 2 == 0 {
            rates.reverse();
        }
        let [ours, floor] = rates;
        report::progress(&format!(
            "audit, change {round}/{}: {ours:.0} a second on record, {floor:.0} off",
            load.rounds
        ));
        with.push(ours);
        without.push(floor);
        ratios.push(floor / ours);
    }
    site.stop().await;
    let figure = Figure::new("audit", "changes", "changes/s", load.rounds);
    let figure = filled(figure, with, without, ratios)?;
    Ok(figure.bounded(Limit::RatioAtMost(BAR)))
}

/// The console's routes, and the one that keeps no record.
fn routes() -> Routes {
    console::routes::all().patch("/me/off_the_record", change_off_the_record)
}

async fn changes(
    browser: &Browser,
    tokens: &mut Vec<String>,
    path: &'static str,
    lasts: Duration,
) -> Result<f64> {
    let browser = browser.clone();
    load::rate(tokens, lasts, move |token| {
        let browser = browser.clone();
        async move {
            let body = json!({ "name": "Ada King" });
            browser.patch(path, &token, &body).await?;
            Ok(token)
        }
    })
    .await
}

#[derive(Deserialize)]
struct Change {
    name: String,
}

async fn change_off_the_record(
    who: SignedIn,
    shared: web::Data<Shared>,
    db: web::Data<Db>,
    Body(input): Body<Change>,
) -> Result<HttpResponse, Problem> {
    profile_update(&db, &who, input.name, false).await?;
    let view = shared.identity().session_show(&who).await?;
    Ok(HttpResponse::Ok().json(json!({
        "user": { "id": view.user, "name": view.name, "email": view.email },
        "tenant": view.tenant.tenant_id,
        "permissions": view.permissions.iter().map(|held| held.name()).collect::<Vec<_>>(),
    })))
}

/// What the product's verb of this name sends, its entry included or left out.
async fn profile_update(
    db: &Db,
    who: &Principal,
    name: String,
    on_record: bool,
) -> Result<(), DbError> {
    let Actor::Human { user, .. } = who.actor else {
        return Err(DbError::NotFound);
    };
    let scope = AuthScope {
        tenant: Some(who.tenant),
        user: Some(user),
    };
    let who = who.clone();
    db.auth(scope, move |tx: &mut AuthTx<'_>| {
        update(users::table.find(user.uuid()))
            .set(users::name.eq(&name))
            .execute(db::Unit::conn(tx))?;
        if on_record {
            Entry::new(Action::ProfileUpdate, "user", user)
                .after(json!({ "name": Personal::new(&name) }))
                .write_auth(tx, &who.actor, who.origin.as_ref(), who.request)
                .map_err(|error| DbError::Unreachable(error.into()))?;
        }
        db::hint(tx, "members")
    })
    .await
}

async fn statements(person: &Person, rounds: usize) -> Result<Figure> {
    let who = person.principal().await?;
    let (mut with, mut without, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let ours = transactions(&person.db, &who, true).await?;
        let floor = transactions(&person.db, &who, false).await?;
        report::progress(&format!(
            "audit, statements {round}/{rounds}: {ours:.0} a second on record, {floor:.0} off"
        ));
        with.push(ours);
        without.push(floor);
        ratios.push(floor / ours);
    }
    let figure = Figure::new("audit", "change_statements", "changes/s", rounds);
    // Reported only: the bar is on the whole request.
    Ok(filled(figure, with, without, ratios)?.bounded(Limit::AtLeast(0.0)))
}

async fn transactions(db: &Db, who: &Principal, on_record: bool) -> Result<f64> {
    let start = std::time::Instant::now();
    for _ in 0..CHANGES {
        profile_update(db, who, String::from("Ada King"), on_record).await?;
    }
    Ok(f64::from(CHANGES) / start.elapsed().as_secs_f64())
}

fn filled(
    figure: Figure,
    mut with: Vec<f64>,
    mut without: Vec<f64>,
    mut ratios: Vec<f64>,
) -> Result<Figure> {
    let (value, interval) = report::median(&mut with).context("no rounds")?;
    let (floor, _) = report::median(&mut without).context("no rounds")?;
    let (ratio, ratio_interval) = report::median(&mut ratios).context("no rounds")?;
    Ok(Figure {
        value,
        interval,
        floor,
        ratio,
        ratio_interval,
        ..figure
    })
}
