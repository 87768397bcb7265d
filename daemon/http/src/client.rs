//! Where a request comes from: the connection's address, or what a trusted proxy says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use ipnet::IpNet;

use crate::{config::ForwardedHeader, proxy::trusts};

/// The first address, read from our side outwards, that is not one of our own proxies. A header that
/// anyone else sends is not read at all, nor is the other header than the one that the proxies write:
/// they pass it on as the client wrote it.
pub(crate) fn address(request: &HttpRequest, trusted: &[IpNet], header: ForwardedHeader) -> IpAddr {
    let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let peer = request
        .peer_addr()
        .map_or(unknown, |peer| peer.ip().to_canonical());
    let name = match header {
        ForwardedHeader::XForwardedFor => "x-forwarded-for",
        ForwardedHeader::Forwarded => "forwarded",
    };
    let hops: Vec<&str> = request
        .headers()
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut address = peer;
    for hop in hops.iter().rev() {
        if !trusts(trusted, address) {
            break;
        }
        let next = match header {
            ForwardedHeader::XForwardedFor => hop.parse().ok(),
            ForwardedHeader::Forwarded => forwarded_for(hop),
        };
        match next {
            Some(next) => address = next.to_canonical(),
            None => break,
        }
    }
    address
}

/// The address of one element's `for` (RFC 7239 sections 4 and 6); `None` for `unknown`, for a name that
/// a proxy made up, and for what is malformed.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let node = element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| value.trim())
    })?;
    let node = node
        .strip_prefix('"')
        .and_then(|node| node.strip_suffix('"'))
        .unwrap_or(node);
    if let Some(bare) = node
        .strip_prefix('[')
        .and_then(|node| node.strip_suffix(']'))
    {
        return bare.parse().ok();
    }
    let with_port = node.parse::<SocketAddr>().map(|found| found.ip());
    with_port.or_else(|_| node.parse()).ok()
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

    fn seen_by(
        header: ForwardedHeader,
        peer: &str,
        headers: &[(&str, &str)],
        trusted: &[&str],
    ) -> String {
        let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        address(&request.to_http_request(), &trusted, header).to_string()
    }

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let headers: Vec<_> = forwarded
            .iter()
            .map(|value| ("x-forwarded-for", *value))
            .collect();
        seen_by(ForwardedHeader::XForwardedFor, peer, &headers, trusted)
    }

    fn told(forwarded: &[&str]) -> String {
        let headers: Vec<_> = forwarded
            .iter()
            .map(|value| ("forwarded", *value))
            .collect();
        let header = ForwardedHeader::Forwarded;
        seen_by(header, "10.0.0.1:1000", &headers, &["10.0.0.0/8"])
    }

    #[test]
    fn the_standard_header_is_read_in_all_its_forms() {
        assert_eq!(told(&["for=192.0.2.7"]), "192.0.2.7");
        assert_eq!(
            told(&["proto=https;For=192.0.2.7;by=10.0.0.1"]),
            "192.0.2.7"
        );
        assert_eq!(told(&["for=\"192.0.2.7:4711\""]), "192.0.2.7");
        assert_eq!(told(&["for=\"[2001:db8::7]:4711\""]), "2001:db8::7");
        assert_eq!(told(&["for=\"[2001:db8::7]\""]), "2001:db8::7");
        assert_eq!(told(&["for=203.0.113.66, for=192.0.2.7"]), "192.0.2.7");
        assert_eq!(
            told(&["for=203.0.113.66", "for=192.0.2.7, for=10.0.0.2"]),
            "192.0.2.7"
        );
        for nobody in [
            "for=unknown",
            "for=_hidden",
            "by=192.0.2.7",
            "for",
            "for=\"192.0.2.7",
        ] {
            assert_eq!(told(&[nobody]), "10.0.0.1", "{nobody}");
        }
    }

    #[test]
    fn the_header_that_the_proxies_do_not_write_is_the_clients_own() {
        let both = [
            ("x-forwarded-for", "203.0.113.66"),
            ("forwarded", "for=192.0.2.7"),
        ];
        let (trusted, peer) = (["10.0.0.0/8"], "10.0.0.1:1000");
        let by = |header| seen_by(header, peer, &both, &trusted);
        assert_eq!(by(ForwardedHeader::Forwarded), "192.0.2.7");
        assert_eq!(by(ForwardedHeader::XForwardedFor), "203.0.113.66");
        let only = [("forwarded", "for=192.0.2.7")];
        let by = seen_by(ForwardedHeader::XForwardedFor, peer, &only, &trusted);
        assert_eq!(by, "10.0.0.1");
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
