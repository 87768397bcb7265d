use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use actix_web::{
    App,
    http::StatusCode,
    test::{TestRequest, call_and_read_body, call_service, init_service, read_body},
};

use super::*;

/// Every page with its text, by its path below `/help/`.
fn pages() -> BTreeMap<String, String> {
    files()
        .into_iter()
        .filter(|(name, _)| name.ends_with(".html"))
        .map(|(name, content)| (name, String::from_utf8(content).unwrap()))
        .collect()
}

/// The values of an attribute in a page.
fn values<'t>(page: &'t str, attribute: &str) -> Vec<&'t str> {
    page.split(&format!(" {attribute}=\""))
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

fn joined(page: &str, path: &str) -> String {
    let mut whole = PathBuf::from(page).parent().unwrap().to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => assert!(whole.pop(), "{page}: {path} leads out of the book"),
            other => whole.push(other),
        }
    }
    whole.to_string_lossy().into_owned()
}

#[test]
fn every_link_leads_to_a_page_and_a_heading_that_are_there() {
    let pages = pages();
    assert!(pages.len() > 25, "{:?}", pages.keys());
    let anchors: BTreeMap<&str, BTreeSet<&str>> = pages
        .iter()
        .map(|(name, page)| (name.as_str(), values(page, "id").into_iter().collect()))
        .collect();
    let mut looked = 0;
    for (name, page) in &pages {
        for href in values(page, "href") {
            if href.starts_with("https://")
                || href.ends_with("book.css")
                || href.ends_with("icon.svg")
            {
                continue;
            }
            looked += 1;
            let (path, anchor) = href.split_once('#').unwrap_or((href, ""));
            let to = if path.is_empty() {
                name.clone()
            } else {
                joined(name, path)
            };
            let there = anchors
                .get(to.as_str())
                .unwrap_or_else(|| panic!("{name}: {href}"));
            assert!(
                anchor.is_empty() || there.contains(anchor),
                "{name}: {href}"
            );
        }
    }
    assert!(looked > 1_000, "{looked}");
}

/// Nothing is fetched from elsewhere and nothing runs: what our policy for content would refuse is not there.
#[test]
fn a_page_needs_nothing_from_outside_and_no_script() {
    for (name, page) in pages() {
        for forbidden in [
            "<script",
            " style=\"",
            "<img",
            "<iframe",
            " onclick",
            "javascript:",
            "<style",
        ] {
            assert!(!page.contains(forbidden), "{name}: {forbidden}");
        }
        let sheets = values(&page, "rel");
        assert_eq!(sheets, ["icon", "stylesheet"], "{name}");
        assert!(!page.contains("<!--"), "{name}: what only a server can do");
    }
    let style = text("book.css");
    assert!(
        !style.contains("url(") && !style.contains("@import"),
        "{style}"
    );
}

#[actix_web::test]
async fn pages_are_served_and_nothing_beside_them() {
    let app = init_service(App::new().configure(configure)).await;
    let ask = async |path: &str| {
        let request = TestRequest::get().uri(path).to_request();
        let answer = call_service(&app, request).await;
        let status = answer.status();
        (
            status,
            String::from_utf8_lossy(&read_body(answer).await).into_owned(),
        )
    };
    for there in [
        "/help/",
        "/help/install.html",
        "/help/security/verify.html",
        "/help/book.css",
    ] {
        assert_eq!(ask(there).await.0, StatusCode::OK, "{there}");
    }
    assert_eq!(ask("/help").await.0, StatusCode::PERMANENT_REDIRECT);
    for outside in [
        "/help/../index.html",
        "/help/%2e%2e/Cargo.toml",
        "/help/..%2f..%2fCargo.toml",
        "/help/security/../../Cargo.toml",
        "/help//etc/passwd",
        "/help/%2fetc%2fpasswd",
        "/help/install.md",
        "/help/search.tsv",
        "/help/search.html",
        "/help/security",
        "/help/x%00.html",
    ] {
        let (status, body) = ask(outside).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{outside}");
        assert!(
            !body.contains("root:") && !body.contains("[package]"),
            "{outside}"
        );
    }
    let (_, missing) = ask("/help/no/such/page.html").await;
    assert!(missing.contains("href=\"/help/book.css\""), "{missing}");
    assert!(missing.contains("href=\"/help/install.html\""), "{missing}");
    let post = TestRequest::post().uri("/help/install.html").to_request();
    let refused = call_service(&app, post).await.status();
    assert_eq!(refused, StatusCode::METHOD_NOT_ALLOWED);
}

#[actix_web::test]
async fn a_search_finds_headings_first_and_shows_what_was_typed_as_text() {
    let app = init_service(App::new().configure(configure)).await;
    let ask = async |query: &str| {
        let path = format!("/help/search?q={query}");
        let request = TestRequest::get().uri(&path).to_request();
        let answer = call_and_read_body(&app, request).await;
        String::from_utf8(answer.to_vec()).unwrap()
    };
    let page = ask("Vault%20SEALED").await;
    let first = page.split("class=\"found\">").nth(1).unwrap_or(&page);
    assert!(
        first.starts_with("<li><a href=\"admin-guide.html#vault-is-sealed-or-does-not-answer\">"),
        "{first}"
    );
    let attack = ask("%3Cscript%3Ealert(1)%3C/script%3E%22%27%26").await;
    assert!(!attack.contains("<script"), "{attack}");
    assert!(attack.contains("&lt;script&gt;alert(1)"), "{attack}");
    assert!(
        ask("zzzzzz%20nothing")
            .await
            .contains("Nothing has all of these words")
    );
    assert!(ask("").await.contains("Type a word"));
    // Letters of several bytes, around the place that is cut.
    let long = "%C3%A9".repeat(300);
    assert!(ask(&long).await.contains("Nothing has all"));
}
