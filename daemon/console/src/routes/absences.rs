//! Time off out of a rep's calendar file.

use actix_web::web;
use http::{Allowed, Body, Path, Problem, Routes};
use identity::permit;
use kernel::RepId;
use routing::{
    CalendarFile, CalendarRead,
    availability::{Counts, EventFlaw, TimeOff},
};
use serde::{Deserialize, Serialize};

use crate::{Console, fault::Fault};

pub(super) fn routes() -> Routes {
    Routes::new().post("/reps/{id}/time-off/calendar", time_off_import)
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CountsView {
    WholeDays,
    Everything,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportBody {
    /// The file, as it is.
    text: String,
    counts: CountsView,
    /// Says what would be taken over, and changes nothing.
    dry_run: bool,
}

#[derive(Serialize)]
struct FlawView {
    /// The event's number in the file, from 1.
    number: usize,
    uid: String,
    code: &'static str,
    detail: &'static str,
}

impl From<EventFlaw> for FlawView {
    fn from(flaw: EventFlaw) -> Self {
        Self {
            number: flaw.number,
            code: flaw.code,
            detail: flaw.message(),
            uid: flaw.uid.chars().take(MOST_OF_UID).collect(),
        }
    }
}

/// Enough to find the event by.
const MOST_OF_UID: usize = 200;

#[derive(Serialize)]
struct ReadView {
    dry_run: bool,
    whole_days: usize,
    /// Absences that are not of whole days.
    spells: usize,
    /// How many absences of the import before it are replaced.
    replaces: i64,
    /// Events that could not be read; the others count.
    flaws: Vec<FlawView>,
}

impl ReadView {
    fn new(read: CalendarRead, dry_run: bool) -> Self {
        let whole_days = |off: &&TimeOff| matches!(off, TimeOff::Days(..));
        let days = read.found.off.iter().filter(whole_days).count();
        Self {
            dry_run,
            whole_days: days,
            spells: read.found.off.len().saturating_sub(days),
            replaces: read.replaces,
            flaws: read.found.flaws.into_iter().map(FlawView::from).collect(),
        }
    }
}

async fn time_off_import(
    who: Allowed<permit::PoolEdit>,
    console: web::Data<Console>,
    Path(id): Path<RepId>,
    Body(body): Body<ImportBody>,
) -> Result<web::Json<ReadView>, Problem> {
    let file = CalendarFile {
        text: body.text,
        counts: match body.counts {
            CountsView::WholeDays => Counts::WholeDays,
            CountsView::Everything => Counts::Everything,
        },
    };
    let dry_run = body.dry_run;
    let read = console
        .db
        .run(&who, move |tx| {
            let read = if dry_run {
                routing::time_off_read(tx, id, &file)
            } else {
                routing::time_off_import(tx, id, &file)
            };
            Ok::<_, Fault>(read?)
        })
        .await?;
    Ok(web::Json(ReadView::new(read, dry_run)))
}
