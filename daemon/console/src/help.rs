//! The documentation at `/help/`: the pages that the build made of `docs/`, and a search in them. It is open to
//! whoever reaches this server. Who cannot sign in needs it most, and it tells nothing of this appliance: the
//! same text is in every package.

mod search;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web,
};
use http::{Problem, Query};
use include_dir::{Dir, DirEntry, include_dir};
use serde::Deserialize;

use crate::assets;

static BOOK: Dir<'_> = include_dir!("$OUT_DIR/book");

/// What only a server can do stands between these in a page.
const SERVED: (&str, &str) = ("<!--served-->", "<!--/served-->");
/// For the search itself, and no page.
const INDEX: &str = "search.tsv";
const TEMPLATE: &str = "search.html";
const MISSING: &str = "missing.html";
const RESULTS: &str = "<!--results-->";

pub(crate) fn configure(app: &mut web::ServiceConfig) {
    app.service(web::resource("/help").to(to_the_folder));
    app.service(web::resource("/help/search").to(search));
    app.service(web::resource("/help/{page:.*}").to(page));
}

/// The pages' own links are relative to a folder.
async fn to_the_folder() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "/help/"))
        .finish()
}

async fn page(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    read_only(&request)?;
    let name = match path.as_str() {
        "" => "index.html",
        name => name,
    };
    let hidden = [INDEX, TEMPLATE, MISSING].contains(&name);
    match BOOK.get_file(name).filter(|_| !hidden) {
        Some(file) => Ok(assets::answer(file, &request)),
        None => Ok(html(StatusCode::NOT_FOUND, text(MISSING).to_owned())),
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
}

async fn search(request: HttpRequest, Query(asked): Query<Asked>) -> Result<HttpResponse, Problem> {
    read_only(&request)?;
    let results = search::results(text(INDEX), &asked.q);
    Ok(html(
        StatusCode::OK,
        text(TEMPLATE).replace(RESULTS, &results),
    ))
}

fn read_only(request: &HttpRequest) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "Pages can be read only.",
    ))
}

fn html(status: StatusCode, page: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(page)
}

fn text(name: &str) -> &'static str {
    BOOK.get_file(name)
        .and_then(|file| file.contents_utf8())
        .unwrap_or_default()
}

/// The pages as files to be read from a disk: without what only a server can do.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    gather(&BOOK, &mut found);
    found
}

fn gather(folder: &Dir<'_>, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(inner) => gather(inner, found),
            DirEntry::File(file) => {
                let name = file.path().to_string_lossy().into_owned();
                if [INDEX, TEMPLATE, MISSING].contains(&name.as_str()) {
                    continue;
                }
                let content = match file.contents_utf8() {
                    Some(text) => without_served(text).into_bytes(),
                    None => file.contents().to_vec(),
                };
                found.push((name, content));
            }
        }
    }
}

fn without_served(page: &str) -> String {
    match (page.find(SERVED.0), page.find(SERVED.1)) {
        (Some(from), Some(to)) => {
            let (before, after) = (page.get(..from), page.get(to + SERVED.1.len()..));
            format!("{}{}", before.unwrap_or(page), after.unwrap_or_default())
        }
        _ => page.to_owned(),
    }
}

#[cfg(test)]
mod tests;
