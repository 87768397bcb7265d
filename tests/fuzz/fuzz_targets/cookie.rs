//! Any bytes in the cookie header and in the places of tokens: what is read is in the header as it
//! stands, and what is accepted has one writing.

#![no_main]

use actix_web::test::TestRequest;
use http::{read_refresh_cookie, read_sign_in_cookie, read_sso_cookie};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        identity::fuzz::opaque(text);
    }
    let Ok(header) = actix_web::http::header::HeaderValue::from_bytes(bytes) else {
        return;
    };
    let request = TestRequest::default()
        .insert_header(("cookie", header))
        .to_http_request();
    for read in [
        read_refresh_cookie(&request),
        read_sign_in_cookie(&request),
        read_sso_cookie(&request),
    ] {
        let Some(value) = read else { continue };
        assert!(!value.is_empty());
        identity::fuzz::opaque(&value);
    }
});
