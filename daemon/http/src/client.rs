//! Where a request comes from: the connection's address, or what a trusted proxy says.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The first address, read from our side outwards, that is not one of our own proxies. A header that
/// anyone else sends is not read at all.
pub(crate) fn address(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let peer = request
        .peer_addr()
        .map_or(unknown, |peer| peer.ip().to_canonical());
    let forwarded: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut address = peer;
    for hop in forwarded.iter().rev() {
        if !trusted.iter().any(|net| net.contains(&address)) {
            break;
        }
        match hop.parse::<IpAddr>() {
            Ok(next) => address = next.to_canonical(),
            Err(_) => break,
        }
    }
    address
}

/// Bounded, because it is stored (sealed) with the session and in the audit log.
pub(crate) fn user_agent(request: &HttpRequest) -> String {
    request
        .headers()
        .get("user-agent")
        .and_then(|value| value.to_str().ok())
        .map(|text| text.chars().take(300).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
        for value in forwarded {
            request = request.append_header(("x-forwarded-for", *value));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        address(&request.to_http_request(), &trusted).to_string()
    }

    #[test]
    fn nobody_chooses_their_own_address() {
        assert_eq!(seen("192.0.2.7:1000", &["10.9.9.9"], &[]), "192.0.2.7");
        assert_eq!(
            seen("192.0.2.7:1000", &["10.9.9.9"], &["10.0.0.0/8"]),
            "192.0.2.7"
        );
    }

    #[test]
    fn a_trusted_proxy_is_believed_about_its_own_peer_alone() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.1:1000", &["192.0.2.7"], &trusted), "192.0.2.7");
        assert_eq!(
            seen("10.0.0.1:1000", &["203.0.113.66, 192.0.2.7"], &trusted),
            "192.0.2.7"
        );
        assert_eq!(
            seen(
                "10.0.0.1:1000",
                &["203.0.113.66", "192.0.2.7, 10.0.0.2"],
                &trusted
            ),
            "192.0.2.7"
        );
        assert_eq!(seen("10.0.0.1:1000", &["nonsense"], &trusted), "10.0.0.1");
        assert_eq!(
            seen("[::ffff:10.0.0.1]:1000", &["192.0.2.7"], &trusted),
            "192.0.2.7"
        );
    }
}
