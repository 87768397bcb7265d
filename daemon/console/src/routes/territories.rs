//! The territories of a rule set's draft: seen, changed, imported and exported as CSV, and checked.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION},
    web,
};
use db::TenantTx;
use http::{Allowed, Body, Page, PageQuery, Path, Problem, Query, Routes};
use identity::permit;
use layer::Object;
use routing::{
    ImportMode, Target, Territories, TerritoryChanges, TerritoryImport, TerritoryReport,
    territory::{Area, Gap, Place, RowError, Territory},
};
use serde::{Deserialize, Serialize};

use super::rows;
use crate::{
    Console,
    fault::{Fault, or_current},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/routers/{object}/territories", territory_list)
        .put("/routers/{object}/territories", territory_write)
        .get("/routers/{object}/territories/state", territory_state)
        .get("/routers/{object}/territories/report", territory_report)
        .get("/routers/{object}/territories/export", territory_export)
        .post("/routers/{object}/territories/import", territory_import)
}

/// Areas of a territory that are shown and can be changed one by one; a territory with more is changed
/// by its file.
const MOST_AREAS: usize = 50;

#[derive(Serialize)]
struct TerritoryView {
    /// From 1.
    position: usize,
    name: String,
    owner: Target,
    /// Null when nobody is known by that id any more.
    owner_name: Option<String>,
    /// The first 50 of them.
    areas: Vec<Area>,
    areas_total: usize,
}

#[derive(Serialize)]
struct StateView {
    /// Named by every change.
    draft_version: i64,
    territories: usize,
    areas: usize,
    /// Some rule of the draft gives to the owner of a record's territory.
    asked: bool,
    /// The layer's fields that the columns are read from; null where the layer has none.
    reads: ReadsView,
}

#[derive(Serialize)]
struct ReadsView {
    country: Option<String>,
    state: Option<String>,
    postal: Option<String>,
    industry: Option<String>,
    employees: Option<String>,
}

#[derive(Serialize)]
struct ChangesView {
    added: usize,
    removed: usize,
    changed: usize,
    /// The first of their names.
    names: Vec<String>,
}

#[derive(Serialize)]
struct RowErrorView {
    /// In the file; the header is 1.
    line: u64,
    /// Empty: the row as a whole.
    column: String,
    code: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct ImportView {
    dry_run: bool,
    rows: usize,
    wrong: usize,
    territories: usize,
    areas: usize,
    /// The first 1,000.
    errors: Vec<RowErrorView>,
    flaws: usize,
    /// Against the draft; null when nothing differs.
    changes: Option<ChangesView>,
    /// The draft's version after it.
    draft_version: i64,
}

#[derive(Serialize)]
struct PlaceView {
    territory: String,
    owner_name: Option<String>,
    area: String,
}

#[derive(Serialize)]
struct OverlapView {
    first: PlaceView,
    second: PlaceView,
    /// One is narrower, and counts: this may be meant.
    nested: bool,
}

#[derive(Serialize)]
struct GapView {
    /// `employees` or `postal`.
    kind: &'static str,
    /// The area that it lies beside.
    like: PlaceView,
    /// What nobody has.
    gap: String,
}

#[derive(Serialize)]
struct ReportView {
    overlaps: Vec<OverlapView>,
    /// There are more.
    more_overlaps: bool,
    gaps: Vec<GapView>,
    more_gaps: bool,
}

#[derive(Deserialize)]
struct Sought {
    /// In the name of the territory or of its owner.
    q: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TerritoryInput {
    name: String,
    owner: Target,
    areas: Vec<Area>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteInput {
    draft_version: i64,
    /// The name of the territory that is changed or removed; left out for a new one.
    was: Option<String>,
    /// Left out to remove it.
    territory: Option<TerritoryInput>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportInput {
    /// The file, as it is.
    text: String,
    draft_version: i64,
    /// Says what would be taken over, and changes nothing.
    dry_run: bool,
    /// Takes over the rows that are right and leaves the others out.
    #[serde(default)]
    without_wrong: bool,
}

fn state_view(all: &Territories) -> StateView {
    let reads = &all.reads;
    StateView {
        draft_version: all.draft_version,
        territories: all.set.territories.len(),
        areas: all.set.areas(),
        asked: all.asked,
        reads: ReadsView {
            country: reads.country.clone(),
            state: reads.state.clone(),
            postal: reads.postal.clone(),
            industry: reads.industry.clone(),
            employees: reads.employees.clone(),
        },
    }
}

fn state(tx: &mut TenantTx<'_>, object: Object) -> Result<StateView, Fault> {
    Ok(state_view(&routing::territories(tx, object)?))
}

fn view(position: usize, one: &Territory<Target>, all: &Territories) -> TerritoryView {
    TerritoryView {
        position,
        name: one.name.clone(),
        owner: one.owner,
        owner_name: all.owner(one.owner).map(str::to_owned),
        areas: one.areas.iter().take(MOST_AREAS).cloned().collect(),
        areas_total: one.areas.len(),
    }
}

async fn territory_state(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
) -> Result<web::Json<StateView>, Problem> {
    Ok(web::Json(
        console.db.run(&who, move |tx| state(tx, object)).await?,
    ))
}

async fn territory_list(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Query(Sought { q }): Query<Sought>,
    page: PageQuery<usize>,
) -> Result<web::Json<Page<TerritoryView>>, Problem> {
    let listed = console
        .db
        .run(&who, move |tx| {
            let all = routing::territories(tx, object)?;
            let sought = q.unwrap_or_default().trim().to_lowercase();
            let holds = |text: &str| text.to_lowercase().contains(&sought);
            let after = page.after.unwrap_or(0);
            let most = usize::from(rows(page.limit));
            let mut items: Vec<TerritoryView> = (1..)
                .zip(&all.set.territories)
                .skip(after)
                .filter(|(_, one)| holds(&one.name) || all.owner(one.owner).is_some_and(holds))
                .take(most.saturating_add(1))
                .map(|(position, one)| view(position, one, &all))
                .collect();
            let more = items.len() > most;
            items.truncate(most);
            let next = items.last().filter(|_| more).map(|last| last.position);
            Ok::<_, Fault>(Page::new(items, next.as_ref()))
        })
        .await?;
    Ok(web::Json(listed))
}

async fn territory_write(
    who: Allowed<permit::RuleEdit>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Body(input): Body<WriteInput>,
) -> Result<web::Json<StateView>, Problem> {
    let territory = input.territory.map(|one| Territory {
        name: one.name.trim().to_owned(),
        owner: one.owner,
        areas: one.areas,
    });
    let written = console
        .db
        .run(&who, move |tx| {
            let (version, was) = (input.draft_version, input.was.as_deref());
            let done = routing::territory_write(tx, object, version, was, territory);
            or_current(done, || state(tx, object))?;
            state(tx, object)
        })
        .await?;
    Ok(web::Json(written))
}

async fn territory_import(
    who: Allowed<permit::RuleEdit>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
    Body(input): Body<ImportInput>,
) -> Result<web::Json<ImportView>, Problem> {
    let mode = match (input.dry_run, input.without_wrong) {
        (true, _) => ImportMode::DryRun,
        (false, true) => ImportMode::WithoutWrong,
        (false, false) => ImportMode::Whole,
    };
    let imported = console
        .db
        .run(&who, move |tx| {
            let (version, text) = (input.draft_version, &input.text);
            let done = routing::territories_import(tx, object, version, text, mode);
            let done = or_current(done, || state(tx, object))?;
            let draft_version = state(tx, object)?.draft_version;
            Ok::<_, Fault>(import_view(done, draft_version))
        })
        .await?;
    Ok(web::Json(imported))
}

fn import_view(done: TerritoryImport, draft_version: i64) -> ImportView {
    let changes = |changes: TerritoryChanges| ChangesView {
        added: changes.added,
        removed: changes.removed,
        changed: changes.changed,
        names: changes.names,
    };
    let error = |error: RowError| RowErrorView {
        line: error.line,
        column: error.column,
        code: error.code,
        detail: error.detail,
    };
    ImportView {
        dry_run: !done.taken,
        rows: done.rows,
        wrong: done.wrong,
        territories: done.territories,
        areas: done.areas,
        errors: done.errors.into_iter().map(error).collect(),
        flaws: done.flaws,
        changes: done.changes.map(changes),
        draft_version,
    }
}

async fn territory_export(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
) -> Result<HttpResponse, Problem> {
    let text = console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(routing::territories_export(tx, object)?)
        })
        .await?;
    let name = object.name().to_lowercase();
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"territories-{name}.csv\""),
        ))
        .body(text))
}

async fn territory_report(
    who: Allowed<permit::RuleRead>,
    console: web::Data<Console>,
    Path(object): Path<Object>,
) -> Result<web::Json<ReportView>, Problem> {
    let report = console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(report_view(&routing::territories_report(tx, object)?))
        })
        .await?;
    Ok(web::Json(report))
}

fn report_view(report: &TerritoryReport) -> ReportView {
    let all = &report.territories;
    let place = |(at, place): Place| {
        let territory = all.set.territories.get(at)?;
        Some(PlaceView {
            territory: territory.name.clone(),
            owner_name: all.owner(territory.owner).map(str::to_owned),
            area: territory.areas.get(place)?.to_string(),
        })
    };
    let overlaps = report.overlaps.iter().filter_map(|found| {
        Some(OverlapView {
            first: place(found.first)?,
            second: place(found.second)?,
            nested: found.nested,
        })
    });
    let gaps = report.gaps.iter().filter_map(|found| {
        let (kind, like, gap) = match found {
            Gap::Size { like, gap } => ("employees", *like, gap.to_string()),
            Gap::Postal { like, gap } => ("postal", *like, gap.to_string()),
        };
        Some(GapView {
            kind,
            like: place(like)?,
            gap,
        })
    });
    ReportView {
        overlaps: overlaps.collect(),
        more_overlaps: report.more_overlaps,
        gaps: gaps.collect(),
        more_gaps: report.more_gaps,
    }
}
