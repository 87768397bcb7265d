//! The refresh cookie (LM-08): out of reach of scripts, of other sites and of other hosts.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time},
};

const NAME: &str = "__Host-revkeep-refresh";

/// Keeps `token` in the browser for as long as its session may live.
pub fn refresh_cookie(token: &str, life: Duration) -> Cookie<'static> {
    let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
    build(token.to_owned(), time::Duration::seconds(seconds))
}

/// Makes the browser forget.
pub fn forget_refresh_cookie() -> Cookie<'static> {
    build(String::new(), time::Duration::ZERO)
}

pub fn read_refresh_cookie(request: &HttpRequest) -> Option<String> {
    request
        .cookie(NAME)
        .map(|cookie| cookie.value().to_owned())
        .filter(|text| !text.is_empty())
}

fn build(value: String, life: time::Duration) -> Cookie<'static> {
    Cookie::build(NAME, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(life)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_every_attribute_that_the_prefix_and_the_control_ask_for() {
        let text = refresh_cookie("abc", Duration::from_secs(60)).to_string();
        for part in [
            "__Host-revkeep-refresh=abc",
            "HttpOnly",
            "Secure",
            "SameSite=Strict",
            "Path=/",
            "Max-Age=60",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(
            !text.contains("Domain"),
            "a __Host- cookie has none: {text}"
        );
        assert!(forget_refresh_cookie().to_string().contains("Max-Age=0"));
    }
}
