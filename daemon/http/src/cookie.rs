//! The cookies: the refresh token (LM-08), half a sign-in, and what ties a sign-in through a provider to the
//! browser that began it. All are out of reach of scripts, of other sites and of other hosts.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time},
};

const REFRESH: &str = "__Host-revkeep-refresh";
const SIGN_IN: &str = "__Host-revkeep-sign-in";
const SSO: &str = "__Host-revkeep-sso";

/// Keeps `token` in the browser for as long as its session may live.
pub fn refresh_cookie(token: &str, life: Duration) -> Cookie<'static> {
    let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
    build(REFRESH, token.to_owned(), time::Duration::seconds(seconds))
}

/// Makes the browser forget.
pub fn forget_refresh_cookie() -> Cookie<'static> {
    build(REFRESH, String::new(), time::Duration::ZERO)
}

pub fn read_refresh_cookie(request: &HttpRequest) -> Option<String> {
    read(request, REFRESH)
}

/// Keeps a sign-in that waits for its second half.
pub fn sign_in_cookie(token: &str, life: Duration) -> Cookie<'static> {
    let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
    build(SIGN_IN, token.to_owned(), time::Duration::seconds(seconds))
}

pub fn forget_sign_in_cookie() -> Cookie<'static> {
    build(SIGN_IN, String::new(), time::Duration::ZERO)
}

pub fn read_sign_in_cookie(request: &HttpRequest) -> Option<String> {
    read(request, SIGN_IN)
}

fn read(request: &HttpRequest, name: &str) -> Option<String> {
    request
        .cookie(name)
        .map(|cookie| cookie.value().to_owned())
        .filter(|text| !text.is_empty())
}

/// Keeps `value` in the browser while it is away at an identity provider.
pub fn sso_cookie(value: &str, life: Duration) -> Cookie<'static> {
    let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
    build(SSO, value.to_owned(), time::Duration::seconds(seconds))
}

pub fn forget_sso_cookie() -> Cookie<'static> {
    build(SSO, String::new(), time::Duration::ZERO)
}

pub fn read_sso_cookie(request: &HttpRequest) -> Option<String> {
    read(request, SSO)
}

fn build(name: &'static str, value: String, life: time::Duration) -> Cookie<'static> {
    Cookie::build(name, value)
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
        let minute = Duration::from_secs(60);
        for (name, cookie, gone) in [
            (
                "__Host-revkeep-refresh",
                refresh_cookie("abc", minute),
                forget_refresh_cookie(),
            ),
            (
                "__Host-revkeep-sign-in",
                sign_in_cookie("abc", minute),
                forget_sign_in_cookie(),
            ),
        ] {
            let text = cookie.to_string();
            assert!(text.starts_with(&format!("{name}=abc;")), "{text}");
            for part in [
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
            let gone = gone.to_string();
            assert!(gone.starts_with(&format!("{name}=;")) && gone.contains("Max-Age=0"));
        }
    }
}
