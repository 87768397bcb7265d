//! `/scim/v2`: SCIM 2.0 (RFC 7643, RFC 7644). A tenant's identity provider makes, changes and shuts out its
//! people and keeps its groups. It shows a token of its own and reaches its own tenant alone; what it may
//! touch there is decided in `identity::scim`.

pub(crate) mod filter;
mod groups;
mod patch;
mod resource;
mod schema;
mod users;
mod wire;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use http::{Provisioning, Routes, ScimBody};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Console;
use filter::Filter;
use wire::{Refusal, chosen, list, plain};

pub(crate) use wire::refusals;

pub(crate) const BASE: &str = "/scim/v2";
/// Of one page.
const MOST_ITEMS: usize = 200;
const ITEMS: usize = 100;

type Outcome = Result<HttpResponse, Refusal>;

/// Below `/scim/v2`.
pub fn routes() -> Routes {
    Routes::new()
        .get("/ServiceProviderConfig", configuration)
        .get("/ResourceTypes", resource_types)
        .get("/ResourceTypes/{id}", resource_type)
        .get("/Schemas", schemas)
        .get("/Schemas/{id}", schema_show)
        .get("/Users", users::user_list)
        .post("/Users", users::user_create)
        .get("/Users/{id}", users::user_show)
        .put("/Users/{id}", users::user_replace)
        .patch("/Users/{id}", users::user_patch)
        .delete("/Users/{id}", users::user_delete)
        .get("/Groups", groups::group_list)
        .post("/Groups", groups::group_create)
        .get("/Groups/{id}", groups::group_show)
        .put("/Groups/{id}", groups::group_replace)
        .patch("/Groups/{id}", groups::group_patch)
        .delete("/Groups/{id}", groups::group_delete)
        .post("/Users/.search", users::user_search)
        .post("/Groups/.search", groups::group_search)
        .post("/.search", search)
        .post("/Bulk", bulk)
}

/// Where a provider finds us.
pub(crate) fn base(console: &Console) -> String {
    format!("{}{BASE}", console.public_url)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    filter: Option<String>,
    start_index: Option<i64>,
    count: Option<i64>,
    /// Names with commas between them, or a list of names in a body.
    #[serde(default, deserialize_with = "names")]
    attributes: Option<String>,
    #[serde(default, deserialize_with = "names")]
    excluded_attributes: Option<String>,
}

fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        List(Vec<String>),
        Text(String),
    }
    let found = Option::<Names>::deserialize(from)?;
    Ok(found.map(|names| match names {
        Names::List(names) => names.join(","),
        Names::Text(names) => names,
    }))
}

/// Which resources are asked for, and what of each (RFC 7644 sections 3.4.2 and 3.9).
struct Listing {
    query: Query,
    filter: Option<Filter>,
}

impl Listing {
    fn read(request: &HttpRequest) -> Result<Self, Refusal> {
        let query = web::Query::<Query>::from_query(request.query_string())
            .map(web::Query::into_inner)
            .map_err(|_| Refusal::bad("invalidSyntax", "The query does not parse."))?;
        Self::of(query)
    }

    fn of(query: Query) -> Result<Self, Refusal> {
        let filter = query.filter.as_deref().map(filter::parse).transpose();
        let filter = filter.map_err(|flaw| {
            let detail = format!("The filter does not parse: {}.", flaw.0);
            Refusal::bad("invalidFilter", &detail)
        })?;
        Ok(Self { query, filter })
    }

    /// The first index, from one, and how many.
    fn page(&self) -> (usize, usize) {
        let start = self.query.start_index.unwrap_or(1).max(1);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let count = self
            .query
            .count
            .map_or(ITEMS, |count| usize::try_from(count).unwrap_or(0));
        (start, count.min(MOST_ITEMS))
    }

    fn matches(&self, resource: &Value) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.matches(resource))
    }

    /// Whether the attribute is in the answer, or decides what is.
    fn tells(&self, attribute: &str) -> bool {
        let named = |list: &Option<String>| {
            list.as_deref()
                .is_some_and(|list| list.to_ascii_lowercase().contains(attribute))
        };
        let told = match &self.query.attributes {
            Some(_) => named(&self.query.attributes),
            None => !named(&self.query.excluded_attributes),
        };
        told || self
            .filter
            .as_ref()
            .is_some_and(|filter| filter.mentions(attribute))
    }

    fn shown(&self, resource: Value) -> Value {
        let (wanted, excluded) = (&self.query.attributes, &self.query.excluded_attributes);
        chosen(resource, wanted.as_deref(), excluded.as_deref())
    }

    /// The page's part of everything that was found.
    fn answer(&self, found: Vec<Value>) -> HttpResponse {
        let (start, count) = self.page();
        let total = found.len();
        let items = found
            .into_iter()
            .skip(start.saturating_sub(1))
            .take(count)
            .map(|resource| self.shown(resource))
            .collect();
        plain(&list(total, start, items))
    }
}

/// An id of another kind is nobody's.
fn id<T: std::str::FromStr>(request: &HttpRequest) -> Result<T, Refusal> {
    request
        .match_info()
        .get("id")
        .and_then(|id| id.parse().ok())
        .ok_or_else(Refusal::not_found)
}

async fn configuration(_: Provisioning, console: web::Data<Console>) -> Outcome {
    Ok(plain(&schema::configuration(&base(&console))))
}

async fn resource_types(
    _: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
) -> Outcome {
    unfiltered(&request)?;
    Ok(plain(&schema::all(schema::resource_types(&base(&console)))))
}

async fn resource_type(
    _: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
) -> Outcome {
    one(schema::resource_types(&base(&console)), &request)
}

async fn schemas(_: Provisioning, console: web::Data<Console>, request: HttpRequest) -> Outcome {
    unfiltered(&request)?;
    Ok(plain(&schema::all(schema::schemas(&base(&console)))))
}

async fn schema_show(
    _: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
) -> Outcome {
    one(schema::schemas(&base(&console)), &request)
}

/// People and groups at once (RFC 7644 section 3.4.3).
async fn search(
    who: Provisioning,
    console: web::Data<Console>,
    ScimBody(query): ScimBody<Query>,
) -> Outcome {
    let listing = Listing::of(query)?;
    let mut found = users::found(&who, &console, &listing).await?;
    found.extend(groups::found(&who, &console, &listing).await?);
    Ok(listing.answer(found))
}

async fn bulk(_: Provisioning) -> Outcome {
    Err(Refusal::of(
        StatusCode::NOT_IMPLEMENTED,
        "Bulk operations are not supported. Send each by itself.",
    ))
}

/// RFC 7644 section 4: what we are is not searched.
fn unfiltered(request: &HttpRequest) -> Result<(), Refusal> {
    match Listing::read(request)?.filter {
        Some(_) => Err(Refusal::of(
            StatusCode::FORBIDDEN,
            "This list takes no filter.",
        )),
        None => Ok(()),
    }
}

fn one(all: Vec<Value>, request: &HttpRequest) -> Outcome {
    let wanted = request.match_info().get("id");
    all.iter()
        .find(|item| item.get("id").and_then(Value::as_str) == wanted)
        .map(plain)
        .ok_or_else(Refusal::not_found)
}

#[cfg(test)]
mod tests {
    use http::Access;

    /// `REVKEEP_BLESS=1` writes the list anew.
    #[test]
    fn the_golden_file_shows_every_route_and_that_each_takes_a_token() {
        let lines: Vec<String> = super::routes()
            .list()
            .iter()
            .map(|route| {
                assert_eq!(route.access, Access::Provisioner, "{route:?}");
                let class = route.access.rate_class().name();
                format!("{} {} provisioner: {class}", route.method, route.path)
            })
            .collect();
        let text = format!(
            "# Every route below /scim/v2: what it requires, a tenant's provisioning token and nothing else, and\n# whose bucket it is charged to.\n{}\n",
            lines.join("\n")
        );
        #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
        if std::env::var("REVKEEP_BLESS").is_ok() {
            let file = concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../tests/golden/scim-routes.txt"
            );
            std::fs::write(file, &text).unwrap();
            return;
        }
        let golden = include_str!("../../../../tests/golden/scim-routes.txt");
        assert_eq!(text, golden, "tests/golden/scim-routes.txt is out of date");
    }
}
