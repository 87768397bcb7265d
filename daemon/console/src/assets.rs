//! The web app: the files of `web/dist`, embedded when the daemon is built.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
};
use http::Problem;
use include_dir::{Dir, File, include_dir};

static DIST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/web/dist");

/// Below this the build names files by their content, so they never change.
const HASHED: &str = "assets/";
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Revkeep</title></head><body><h1>The web app was not built into this daemon</h1><p>Run <code>cargo xtask web</code> and build the daemon again. The API works without it.</p></body></html>";

/// What the API does not know is no page of the app.
pub(crate) async fn unknown_api() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found())
}

/// A file of the app, or the app itself, which finds the page by the address.
pub(crate) async fn serve(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Pages can be read only.",
        ));
    }
    let path = request.path().trim_start_matches('/');
    match find(&DIST, path) {
        Found::File(file) => Ok(answer(file, &request)),
        Found::Missing => Err(Problem::not_found()),
        Found::NotBuilt => Ok(HttpResponse::ServiceUnavailable()
            .content_type("text/html; charset=utf-8")
            .body(NOT_BUILT)),
    }
}

enum Found<'a> {
    File(&'a File<'a>),
    Missing,
    NotBuilt,
}

/// An address with a dot in its last part asks for a file; any other is a page of the app.
fn find<'a>(dist: &'a Dir<'a>, path: &str) -> Found<'a> {
    let Some(index) = dist.get_file("index.html") else {
        return Found::NotBuilt;
    };
    if let Some(file) = dist.get_file(path) {
        return Found::File(file);
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    let belongs_to_machines =
        path == "api" || path.starts_with("api/") || path.starts_with(".well-known/");
    if last.contains('.') || belongs_to_machines || path.starts_with(HASHED) {
        return Found::Missing;
    }
    Found::File(index)
}

pub(crate) fn answer(file: &'static File<'static>, request: &HttpRequest) -> HttpResponse {
    let path = file.path().to_string_lossy();
    let hashed = path.starts_with(HASHED);
    let etag = entity_tag(file.contents());
    let cache = if hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let unchanged = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|tag| tag.trim() == etag));
    let mut response = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((header::CACHE_CONTROL, cache))
        .insert_header((header::ETAG, etag))
        .content_type(media_type(&path));
    if unchanged {
        response.finish()
    } else {
        response.body(file.contents())
    }
}

/// FNV-1a over the bytes: tells one build's file from another's, and guards nothing.
fn entity_tag(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("\"{hash:016x}\"")
}

/// What the build makes; anything else is bytes, which no browser runs (nosniff).
fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml; charset=utf-8",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use include_dir::DirEntry;

    use super::*;

    static BUILT: Dir<'_> = Dir::new(
        "",
        &[
            DirEntry::File(File::new("index.html", b"<!doctype html>")),
            DirEntry::File(File::new("assets/app-1a2b.js", b"1")),
        ],
    );
    static EMPTY: Dir<'_> = Dir::new("", &[]);

    fn shown(path: &str) -> Option<&'static str> {
        match find(&BUILT, path) {
            Found::File(file) => file.path().to_str(),
            Found::Missing | Found::NotBuilt => None,
        }
    }

    #[test]
    fn pages_are_the_app_and_files_are_files() {
        for page in ["", "routing/rules", "connect/salesforce", "sign-in"] {
            assert_eq!(shown(page), Some("index.html"), "{page}");
        }
        assert_eq!(shown("assets/app-1a2b.js"), Some("assets/app-1a2b.js"));
    }

    #[test]
    fn what_is_not_there_is_not_the_app() {
        for path in [
            "assets/app-0000.js",
            "assets/none",
            "favicon.ico",
            "api",
            "api/console/v2/rules",
            "../Cargo.toml",
            "assets/../../Cargo.toml",
            ".well-known/openid-configuration",
        ] {
            assert_eq!(shown(path), None, "{path}");
        }
        assert!(matches!(find(&EMPTY, ""), Found::NotBuilt));
    }

    #[test]
    fn a_script_is_a_script_and_the_unknown_is_bytes() {
        assert_eq!(media_type("assets/x.js"), "text/javascript; charset=utf-8");
        assert_eq!(media_type("assets/x.exe"), "application/octet-stream");
        assert_eq!(media_type("none"), "application/octet-stream");
    }
}
