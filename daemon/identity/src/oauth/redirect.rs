//! Where the browser may go with a code: an address that the administrator named, letter by letter. On the person's
//! own machine the port is the program's to choose (RFC 8252 section 7.3).

use url::{Host, Url};

const MOST: usize = 200;
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Whether an administrator may name it: https, or http on the loopback interface; without a query, a fragment or
/// a name in front of the host, and spelt as a browser spells it.
pub(super) fn may_be_named(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let plain = url.as_str() == address
        && address.len() <= MOST
        && address.is_ascii()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    plain
        && match url.scheme() {
            "https" => matches!(url.host(), Some(Host::Domain(name)) if is_name(name)),
            "http" => loopback(address).is_some(),
            _ => false,
        }
}

/// A whole name, as a certificate could be for: without what stands for any name.
fn is_name(host: &str) -> bool {
    host.contains('.')
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

/// Whether the address that a program asks for is this named one.
pub(super) fn fits(named: &str, asked: &str) -> bool {
    if asked.len() > MOST {
        return false;
    }
    match (loopback(named), loopback(asked)) {
        (Some(named), Some(asked)) => named == asked,
        (None, None) => named == asked,
        _ => false,
    }
}

/// The host as people are shown it.
pub(super) fn host_of(address: &str) -> String {
    let host = Url::parse(address).ok();
    let host = host.and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_default()
}

/// Host and path of an address on this very machine. It is read letter by letter: what is not parsed is not parsed
/// differently by a browser.
fn loopback(address: &str) -> Option<(&str, &str)> {
    let rest = address.strip_prefix("http://")?;
    let (host, rest) = LOOPBACK
        .iter()
        .find_map(|host| Some((*host, rest.strip_prefix(host)?)))?;
    let path = match rest.strip_prefix(':') {
        Some(rest) => {
            let (port, _) = rest.split_once('/')?;
            let digits = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
            port.parse::<u16>().ok().filter(|_| digits)?;
            rest.strip_prefix(port)?
        }
        None => rest,
    };
    let sound = path.starts_with('/')
        && path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.'))
        && !path.contains("/.");
    sound.then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrator_names_https_and_the_own_machine_alone() {
        for good in [
            "https://assistant.example/api/callback",
            "https://app.example:8443/cb",
            "http://127.0.0.1/callback",
            "http://localhost/oauth/callback",
            "http://[::1]/callback",
        ] {
            assert!(may_be_named(good), "{good}");
        }
        for bad in [
            "",
            "/callback",
            "http://app.example/cb",
            "https://app.example/cb?x=1",
            "https://app.example/cb#x",
            "https://user@app.example/cb",
            "https://user:pass@app.example/cb",
            "https://*.example/cb",
            "https://APP.example/cb",
            "https://app.example/a/../cb",
            "https://intranet/cb",
            "https://10.0.0.1/cb",
            "https://app.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "com.example.app:/callback",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost.evil.example/cb",
            "http://127.0.0.1/cb?x",
            "http://0.0.0.0/cb",
        ] {
            assert!(!may_be_named(bad), "{bad}");
        }
        assert!(!may_be_named(&format!(
            "https://app.example/{}",
            "a".repeat(200)
        )));
    }

    #[test]
    fn an_address_fits_letter_by_letter_and_by_any_port_on_the_own_machine() {
        let web = "https://app.example/cb";
        assert!(fits(web, web));
        for bad in [
            "",
            "https://app.example/cb/",
            "https://app.example/CB",
            "https://app.example:443/cb",
            "https://app.example/cb?x=1",
            "https://app.example.evil.example/cb",
            "https://app.example@evil.example/cb",
            "http://app.example/cb",
            "http://127.0.0.1/cb",
        ] {
            assert!(!fits(web, bad), "{bad}");
        }
        let own = "http://127.0.0.1/callback";
        for good in [
            own,
            "http://127.0.0.1:1/callback",
            "http://127.0.0.1:65535/callback",
        ] {
            assert!(fits(own, good), "{good}");
        }
        for bad in [
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:080/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:1/callback/",
            "http://127.0.0.1:1/callback?x",
            "http://127.0.0.1:1/x/../callback",
            "http://127.0.0.1:1@evil.example/callback",
            "http://localhost:1/callback",
            "http://[::1]:1/callback",
            "https://127.0.0.1:1/callback",
            "http://127.0.0.1.evil.example:1/callback",
            "http://127.1:1/callback",
        ] {
            assert!(!fits(own, bad), "{bad}");
        }
    }
}
