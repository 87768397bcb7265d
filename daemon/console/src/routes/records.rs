//! One record's story, and every record that enrollment ever matched.

use actix_web::web;
use chrono::{DateTime, Utc};
use http::{Allowed, Page, PageQuery, Path, Problem, Query, Routes};
use identity::permit;
use layer::Object;
use routing::{RecordKey, RecordMark};
use serde::{Deserialize, Serialize};
use soql::SalesforceId;

use super::{
    assignments::{self, AssignmentView},
    rows,
    titles::Titles,
};
use crate::{Console, fault::Fault, views::StepView};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/records", record_list)
        .get("/records/{record_id}", record_show)
}

#[derive(Serialize)]
struct RecordView {
    record_id: String,
    object: String,
    state: String,
    reason_code: Option<String>,
    updated_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct StoryView {
    record_id: String,
    object: &'static str,
    state: String,
    reason: Option<&'static str>,
    story: Vec<StepView>,
    assignments: Vec<AssignmentView>,
}

#[derive(Deserialize)]
struct Filter {
    state: Option<String>,
}

fn view(mark: RecordMark) -> RecordView {
    RecordView {
        state: mark.state_shown().to_owned(),
        record_id: mark.record_id,
        object: mark.object,
        reason_code: mark.reason_code,
        updated_at: mark.updated_at,
    }
}

async fn record_list(
    who: Allowed<permit::FailureRead>,
    console: web::Data<Console>,
    page: PageQuery<(Object, String)>,
    Query(filter): Query<Filter>,
) -> Result<web::Json<Page<RecordView>>, Problem> {
    let after = page
        .after
        .map(|(object, record_id)| RecordKey { object, record_id });
    let found = console
        .db
        .run(&who, move |tx| {
            let (state, limit) = (filter.state.as_deref(), rows(page.limit));
            Ok::<_, Fault>(routing::record_marks(tx, state, after.as_ref(), limit)?)
        })
        .await?;
    let next = found.next.map(|next| (next.object, next.record_id));
    Ok(web::Json(Page::new(
        found.items.into_iter().map(view).collect(),
        next.as_ref(),
    )))
}

/// The object and the long form of an id; nothing for ids of what is never routed.
pub(super) fn identify(text: &str) -> Option<(Object, String)> {
    let id: SalesforceId = text.parse().ok()?;
    let objects = [
        (Object::Lead, soql::guard::Object::Lead),
        (Object::Contact, soql::guard::Object::Contact),
    ];
    let (object, _) = objects
        .into_iter()
        .find(|(_, known)| known.key_prefix() == id.key_prefix())?;
    Some((object, id.as_str().to_owned()))
}

async fn record_show(
    who: Allowed<permit::LogRead>,
    console: web::Data<Console>,
    Path(text): Path<String>,
) -> Result<web::Json<StoryView>, Problem> {
    let (object, record_id) = identify(&text).ok_or_else(Problem::not_found)?;
    let shown = console
        .db
        .run(&who, move |tx| {
            let found = routing::story(tx, object, &record_id)?;
            let Some(mark) = found.mark else {
                return Err(Fault::Answer(Problem::not_found()));
            };
            let titles = Titles::load(tx, [(object.name(), record_id.as_str())])?;
            let reason = mark
                .reason_code
                .as_deref()
                .map(|code| routing::explain(code).reason);
            Ok(StoryView {
                state: mark.state_shown().to_owned(),
                record_id,
                object: object.name(),
                reason,
                story: found.story.into_iter().map(StepView::from).collect(),
                assignments: found
                    .assignments
                    .iter()
                    .map(|row| assignments::view(row, &titles))
                    .collect(),
            })
        })
        .await?;
    Ok(web::Json(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_object_and_has_one_form() {
        let lead = identify("00Q000000000001").unwrap();
        assert_eq!(lead.0, Object::Lead);
        assert_eq!(lead.1.len(), 18);
        assert_eq!(identify(&lead.1), Some(lead));
        for text in ["005000000000001", "00Q", "00Q00000000000'", ""] {
            assert_eq!(identify(text), None, "{text}");
        }
    }
}
