//! Lists: a page at a time, by cursor. A cursor is where the last page ended, as the list's own typed
//! key; clients pass it back unread. It opens nothing: the query it continues is bound to the tenant.

use actix_web::{FromRequest, HttpRequest, dev::Payload, error::QueryPayloadError, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::future::{Ready, ready};

use crate::{body::without_value, problem::Problem};

const DEFAULT: i64 = 50;
const MOST: i64 = 200;
/// Longer than any key of ours.
const MOST_CURSOR: usize = 1024;

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Absent after the last page.
    pub next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// From one row more than was asked for: the surplus says that there is a next page.
    pub fn from_surplus<K: Serialize>(
        mut items: Vec<T>,
        limit: i64,
        key: impl Fn(&T) -> K,
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|last| encode(&key(last)));
        Self {
            items,
            next_cursor,
            total: None,
        }
    }

    /// From a page that knows itself where the next one begins.
    pub fn new<K: Serialize>(items: Vec<T>, next: Option<&K>) -> Self {
        Self {
            items,
            next_cursor: next.map(encode),
            total: None,
        }
    }

    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(make).collect(),
            next_cursor: self.next_cursor,
            total: self.total,
        }
    }
}

fn encode<K: Serialize>(key: &K) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// `?cursor=&limit=` of a list whose key is `K`.
#[derive(Debug)]
pub struct PageQuery<K> {
    /// Where the page before this one ended.
    pub after: Option<K>,
    /// 1 to 200 rows.
    pub limit: i64,
}

#[derive(Deserialize)]
struct Raw {
    cursor: Option<String>,
    limit: Option<i64>,
}

impl<K: DeserializeOwned> PageQuery<K> {
    /// For a list that reads its whole query itself, so that it can refuse what it does not know.
    pub fn of(cursor: Option<String>, limit: Option<i64>) -> Result<Self, Problem> {
        Self::parse(Raw { cursor, limit })
    }

    fn parse(raw: Raw) -> Result<Self, Problem> {
        let limit = raw.limit.unwrap_or(DEFAULT);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::invalid(
                "limit",
                "limit",
                "A page has 1 to 200 rows.",
            ));
        }
        let after = match raw.cursor.filter(|cursor| !cursor.is_empty()) {
            None => None,
            Some(cursor) => Some(decode(&cursor)?),
        };
        Ok(Self { after, limit })
    }
}

fn decode<K: DeserializeOwned>(cursor: &str) -> Result<K, Problem> {
    let refused = || {
        Problem::invalid(
            "cursor",
            "cursor",
            "This is no cursor of this list. Start at its first page.",
        )
    };
    if cursor.len() > MOST_CURSOR {
        return Err(refused());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    serde_json::from_slice(&bytes).map_err(|_| refused())
}

impl<K: DeserializeOwned + 'static> FromRequest for PageQuery<K> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let raw = web::Query::<Raw>::from_query(request.query_string());
        let raw = raw.map_err(|_| {
            Problem::invalid("query_invalid", "limit", "cursor and limit cannot be read.")
        });
        ready(raw.and_then(|raw| Self::parse(raw.into_inner())))
    }
}

/// The query string as `T`, with an answer that says what is wrong.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = web::Query::<T>::from_query(request.query_string());
        ready(read.map(|query| Self(query.into_inner())).map_err(|error| {
            let what = match &error {
                QueryPayloadError::Deserialize(what) => without_value(&what.to_string()),
                _ => "it has another form".to_owned(),
            };
            let told = format!("The query cannot be read: {what}.");
            Problem::invalid("query_invalid", "", told)
        }))
    }
}

/// The variable parts of the path as `T`. What cannot be an id is not there: 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Path<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = web::Path::<T>::from_request(request, payload).into_inner();
        ready(
            read.map(|path| Self(path.into_inner()))
                .map_err(|_| Problem::not_found()),
        )
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use kernel::{AssignmentId, RuleId, SystemClock};

    use super::*;

    type Key = (i64, AssignmentId);

    fn read(query: &str) -> Result<PageQuery<Key>, Problem> {
        let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
        PageQuery::from_request(&request, &mut Payload::None).into_inner()
    }

    #[test]
    fn a_cursor_leads_to_the_row_after_the_last() {
        let id = AssignmentId::generate(&SystemClock);
        let page = Page::from_surplus(vec![3, 2, 1], 2, |row| (*row, id));
        assert_eq!(page.items, [3, 2]);
        let cursor = page.next_cursor.unwrap();
        let next = read(&format!("cursor={cursor}&limit=2")).unwrap();
        assert_eq!((next.after, next.limit), (Some((2, id)), 2));
        assert!(
            Page::from_surplus(vec![3, 2], 2, |row| (*row, id))
                .next_cursor
                .is_none()
        );
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let foreign = encode(&(1, RuleId::generate(&SystemClock)));
        let long = "A".repeat(MOST_CURSOR + 1);
        for cursor in ["x", "%00", "bm90IGpzb24", &foreign, &long] {
            assert_eq!(
                read(&format!("cursor={cursor}")).unwrap_err().code(),
                "cursor",
                "{cursor}"
            );
        }
        for limit in ["0", "-1", "201", "many"] {
            assert!(read(&format!("limit={limit}")).is_err(), "{limit}");
        }
        assert_eq!(read("").unwrap().limit, DEFAULT);
    }
}
