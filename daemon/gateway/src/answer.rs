//! How a list is asked for and answered: pages, chosen fields, and answers that need not be sent again.

use std::fmt::Write;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, ETAG, HeaderMap, IF_NONE_MATCH, VARY},
};
use http::{PageQuery, Problem};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Where a page ended, and of which list: a cursor of another list is none of this one.
pub(crate) type Cursor<K> = (String, K);

/// The page that is asked for. A cursor that is not of the list `list` is refused.
pub(crate) fn page<K: DeserializeOwned>(
    list: &str,
    cursor: Option<String>,
    limit: Option<i64>,
) -> Result<(Option<K>, i64), Problem> {
    let page = PageQuery::<Cursor<K>>::of(cursor, limit)?;
    match page.after {
        Some((of, _)) if of != list => Err(Problem::invalid(
            "cursor",
            "cursor",
            "This is no cursor of this list. Start at its first page.",
        )),
        after => Ok((after.map(|(_, key)| key), page.limit)),
    }
}

/// The names in `fields=a,b`, each of which must be one of `known`.
pub(crate) fn chosen<'a>(
    wanted: Option<&'a str>,
    known: &[&str],
) -> Result<Option<Vec<&'a str>>, Problem> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let names: Vec<&str> = wanted.split(',').map(str::trim).collect();
    match names.iter().find(|name| !known.contains(name)) {
        None => Ok(Some(names)),
        Some(_) => Err(unknown_field()),
    }
}

/// A field that is not in the policy and one that never was are told apart by nobody.
pub(crate) fn unknown_field() -> Problem {
    Problem::invalid(
        "field_unknown",
        "fields",
        "A field that is named is none that keys can read. The list of them is at /api/v1/fields.",
    )
}

/// An item with the chosen members alone.
pub(crate) fn sparse<T: Serialize>(
    item: &T,
    chosen: Option<&[&str]>,
) -> Result<Map<String, Value>, Problem> {
    let Ok(Value::Object(mut members)) = serde_json::to_value(item) else {
        return Err(Problem::internal());
    };
    if let Some(chosen) = chosen {
        members.retain(|name, _| chosen.contains(&name.as_str()));
    }
    Ok(members)
}

/// The body with its tag, or nothing for who has it already (RFC 9110 section 13.1.2).
pub(crate) fn tagged<T: Serialize>(
    request: &HttpRequest,
    body: &T,
) -> Result<HttpResponse, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|_| Problem::internal())?;
    let tag = tag(&bytes);
    let unchanged = has(request.headers(), &tag);
    let mut answer = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((ETAG, format!("\"{tag}\"")))
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((VARY, "authorization"));
    if unchanged {
        return Ok(answer.finish());
    }
    Ok(answer.content_type("application/json").body(bytes))
}

fn tag(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .take(16)
        .fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Weak and strong tags are one here.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|held| held == "*" || held.trim_start_matches("W/").trim_matches('"') == tag)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_is_not_known_is_refused_and_a_known_one_alone_is_told() {
        assert!(chosen(Some("id,secret"), &["id", "name"]).is_err());
        assert!(chosen(Some(""), &["id"]).is_err());
        let wanted = chosen(Some("name"), &["id", "name"]).unwrap();
        let item = sparse(&json!({ "id": 1, "name": 2 }), wanted.as_deref()).unwrap();
        assert_eq!(Value::Object(item), json!({ "name": 2 }));
    }

    #[test]
    fn what_is_held_already_is_not_sent_again() {
        let first = tagged(&TestRequest::get().to_http_request(), &json!([1])).unwrap();
        let tag = first
            .headers()
            .get(ETAG)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        for held in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let request = TestRequest::get().insert_header((IF_NONE_MATCH, held));
            let again = tagged(&request.to_http_request(), &json!([1])).unwrap();
            assert_eq!(again.status(), 304);
        }
        let request = TestRequest::get().insert_header((IF_NONE_MATCH, tag));
        let other = tagged(&request.to_http_request(), &json!([2])).unwrap();
        assert_eq!(other.status(), 200);
    }

    #[test]
    fn a_cursor_is_of_its_own_list_alone() {
        use http::Page;
        let cursor = Page::new(vec![0], Some(&("log", 7))).next_cursor;
        assert_eq!(page::<i64>("log", cursor.clone(), None).unwrap().0, Some(7));
        assert_eq!(
            page::<i64>("reps", cursor, None).unwrap_err().code(),
            "cursor"
        );
    }
}
