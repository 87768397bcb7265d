//! `/api/v1/audit`: an organisation's own SIEM pulls its audit log, by an interface key that has the scope
//! `audit:read` and is good for nothing else here. `docs/siem.md` is its manual.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH},
    web,
};
use delivery::{Pull, Pulled};
use http::{KeyScope, Keyed, Problem, Query, Routes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Console;

pub(crate) const BASE: &str = "/api/v1/audit";
const ITEMS: i64 = 500;
const MOST_ITEMS: i64 = 1_000;

/// Below `/api/v1/audit`.
pub fn routes() -> Routes {
    Routes::new().get("/entries", audit_pull)
}

/// The scope that pulls the log.
struct AuditRead;

impl KeyScope for AuditRead {
    const NAME: &'static str = identity::AUDIT_READ;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    after: Option<i64>,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct PageBody {
    items: Vec<Value>,
    /// For `after` of the next request; absent while the log is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
    more: bool,
}

async fn audit_pull(
    who: Keyed<AuditRead>,
    console: web::Data<Console>,
    Query(wanted): Query<Wanted>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let limit = wanted.limit.unwrap_or(ITEMS);
    if !(1..=MOST_ITEMS).contains(&limit) {
        let told = "A page has 1 to 1000 entries.";
        return Err(Problem::invalid("limit", "limit", told));
    }
    if wanted.after.is_some_and(i64::is_negative) {
        let told = "Positions count from 0.";
        return Err(Problem::invalid("after", "after", told));
    }
    let pull = Pull {
        after: wanted.after,
        limit,
        have: tags(&request),
    };
    let (mut answer, tag, page) = match console.siem.audit_pull(&who, pull).await? {
        Pulled::Unchanged { tag } => (HttpResponse::NotModified(), tag, None),
        Pulled::Page {
            items,
            next,
            more,
            tag,
        } => {
            let page = PageBody { items, next, more };
            (HttpResponse::Ok(), tag, Some(page))
        }
    };
    answer
        .insert_header((ETAG, format!("\"{tag}\"")))
        .insert_header((CACHE_CONTROL, "private, no-cache"));
    Ok(match page {
        Some(page) => answer.json(page),
        None => answer.finish(),
    })
}

/// What the caller says it has (RFC 9110 section 13.1.2); weak and strong are one here.
fn tags(request: &HttpRequest) -> Vec<String> {
    let told = request.headers().get_all(IF_NONE_MATCH);
    told.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| {
            tag.trim()
                .trim_start_matches("W/")
                .trim_matches('"')
                .to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use http::Access;

    /// Everything here takes a key with the one scope and is charged to it.
    #[test]
    fn every_route_takes_a_key_with_the_scope_and_nothing_else() {
        let routes = super::routes();
        assert!(!routes.list().is_empty());
        for route in routes.list() {
            assert_eq!(route.access, Access::Program("audit:read"), "{route:?}");
            assert_eq!(route.access.rate_class().name(), "program");
            assert_eq!(route.method.as_str(), "GET", "a key changes nothing here");
        }
    }
}
