//! The headers of every answer (LM-32, LM-35, LM-36 as CX-23 narrows it, LR-44).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// One origin: nothing is loaded from, sent to or framed by another. Scripts and styles are files of
/// ours (stricter than LM-36, as CX-23 wants it); `data:` images are the component library's icons.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; \
    style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const ALWAYS: [(&str, &str); 9] = [
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains; preload",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    // The old filter of browsers that still have one could itself be turned against a page.
    ("x-xss-protection", "0"),
];

/// Sets them, whatever the handler said. An answer that does not speak of caching is not cached.
pub(crate) fn apply(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let cache = HeaderName::from_static("cache-control");
    if !headers.contains_key(&cache) {
        headers.insert(cache, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_never_allows_foreign_origins_eval_or_inline_scripts() {
        assert!(!CONTENT_SECURITY_POLICY.contains("unsafe-"));
        assert!(!CONTENT_SECURITY_POLICY.contains("http"));
        assert!(!CONTENT_SECURITY_POLICY.contains('*'));
        let script = CONTENT_SECURITY_POLICY
            .split(';')
            .find(|part| part.trim().starts_with("script-src"))
            .unwrap();
        assert_eq!(script.trim(), "script-src 'self'");
    }

    #[test]
    fn a_handler_cannot_weaken_them() {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static("content-security-policy"),
            HeaderValue::from_static("default-src *"),
        );
        headers.insert(
            HeaderName::from_static("cache-control"),
            HeaderValue::from_static("public, max-age=60"),
        );
        apply(&mut headers);
        assert_eq!(
            headers.get("content-security-policy").unwrap(),
            CONTENT_SECURITY_POLICY
        );
        assert_eq!(headers.get_all("content-security-policy").count(), 1);
        assert_eq!(headers.get("cache-control").unwrap(), "public, max-age=60");
    }
}
