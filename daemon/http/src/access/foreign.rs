//! Requests that another site's page has a browser make.

use actix_web::{HttpRequest, http::StatusCode};

use crate::problem::Problem;

/// The belt to the cookie's SameSite=Strict: what changes something and may carry the cookie must
/// come from a page of ours. A form or a script of another origin cannot set the header.
pub(super) fn refuse_foreign(request: &HttpRequest) -> Result<(), Problem> {
    if request.method().is_safe() {
        return Ok(());
    }
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let marked = header("x-revkeep") == Some("1");
    let same_site =
        header("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let same_origin = header("origin").is_none_or(|origin| {
        header("host").is_some_and(|host| origin.eq_ignore_ascii_case(&format!("https://{host}")))
    });
    if marked && same_site && same_origin {
        return Ok(());
    }
    log::warn!(
        REVKEEP_ACTION = "foreign_request";
        "a request to {} from another site's page was refused (origin {:?})",
        request.path(),
        header("origin").unwrap_or("none")
    );
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "foreign_request",
        "This request does not come from Revkeep's own pages.",
    ))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn post(headers: &[(&str, &str)]) -> HttpRequest {
        let mut request = TestRequest::post().insert_header(("host", "revkeep.example:8443"));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        request.to_http_request()
    }

    #[test]
    fn a_post_of_our_own_page_passes() {
        let own = ("origin", "https://revkeep.example:8443");
        assert!(refuse_foreign(&post(&[("x-revkeep", "1")])).is_ok());
        assert!(refuse_foreign(&post(&[("x-revkeep", "1"), own])).is_ok());
        assert!(
            refuse_foreign(&post(&[
                ("x-revkeep", "1"),
                own,
                ("sec-fetch-site", "same-origin")
            ]))
            .is_ok()
        );
        assert!(refuse_foreign(&TestRequest::get().to_http_request()).is_ok());
    }

    #[test]
    fn a_post_of_any_other_page_does_not() {
        for headers in [
            &[][..],
            &[("x-revkeep", "0")],
            &[("origin", "https://revkeep.example:8443")],
            &[("x-revkeep", "1"), ("origin", "https://evil.example")],
            &[
                ("x-revkeep", "1"),
                ("origin", "http://revkeep.example:8443"),
            ],
            &[("x-revkeep", "1"), ("origin", "https://revkeep.example")],
            &[("x-revkeep", "1"), ("origin", "null")],
            &[("x-revkeep", "1"), ("sec-fetch-site", "same-site")],
            &[("x-revkeep", "1"), ("sec-fetch-site", "cross-site")],
        ] {
            let problem = refuse_foreign(&post(headers)).unwrap_err();
            assert_eq!(problem.code(), "foreign_request", "{headers:?}");
        }
    }
}
