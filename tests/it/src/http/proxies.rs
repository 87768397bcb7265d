//! Proxies: those that are listed are believed about whose connection they pass on, and nobody else is
//! (design of the server: PROXY protocol version 2, forwarding headers, IPv6 by /64).

use std::io::{Read, Write};

use super::*;

/// A connection through a proxy that says PROXY version 2 with this source, then TLS and one sign-in;
/// the status, or why there was no answer.
fn knock(address: SocketAddr, ca: PathBuf, said: &[u8]) -> Result<u16, String> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_ca_file(ca).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a proxy's socket")]
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    socket.write_all(said).unwrap();
    let mut stream = builder
        .build()
        .connect("127.0.0.1", socket)
        .map_err(|error| error.to_string())?;
    let body = r#"{"email":"nobody","password":"x"}"#;
    let request = format!(
        "POST /session HTTP/1.1\r\nhost: 127.0.0.1\r\nx-revkeep: 1\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream
        .write_all(request.as_bytes())
        .map_err(|error| error.to_string())?;
    let mut answer = [0; 12];
    stream
        .read_exact(&mut answer)
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or(text)
}

fn proxy(source: &str) -> Vec<u8> {
    let mut said = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    match source.parse().unwrap() {
        std::net::IpAddr::V4(source) => {
            said.extend([0x21, 0x11, 0, 12]);
            said.extend(source.octets());
            said.extend([127, 0, 0, 1]);
        }
        std::net::IpAddr::V6(source) => {
            said.extend([0x21, 0x21, 0, 36]);
            said.extend(source.octets());
            said.extend([0; 16]);
        }
    }
    said.extend([0x1f, 0x90, 1, 187]);
    said
}

impl Site {
    async fn knock(&self, said: Vec<u8>) -> Result<u16, String> {
        let (address, ca) = (
            self.running.address(),
            self.ca.write(self.directory.path()).unwrap(),
        );
        tokio::task::spawn_blocking(move || knock(address, ca, &said))
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_listed_proxy_is_believed_about_each_of_its_clients() {
    let (house, _) = House::set_up().await;
    let site = Site::start_with(house, |config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    for _ in 0..10 {
        assert_eq!(site.knock(proxy("203.0.113.9")).await, Ok(400));
    }
    assert_eq!(site.knock(proxy("203.0.113.9")).await, Ok(429));
    assert_eq!(site.knock(proxy("203.0.113.10")).await, Ok(400));
    // One who has a /64 has ever new addresses, and one bucket.
    for host in 1..=10 {
        let source = format!("2001:db8:0:7::{host}");
        assert_eq!(site.knock(proxy(&source)).await, Ok(400));
    }
    assert_eq!(site.knock(proxy("2001:db8:0:7:ffff::1")).await, Ok(429));
    assert_eq!(site.knock(proxy("2001:db8:0:8::1")).await, Ok(400));
    // The proxy itself: without a word, and with its own health check.
    assert_eq!(site.knock(Vec::new()).await, Ok(400));
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0".to_vec();
    assert_eq!(site.knock(local).await, Ok(400));
    for broken in [
        b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\x0c".to_vec(),
        b"\r\n\r\n and so on, and on and on".to_vec(),
    ] {
        assert!(site.knock(broken).await.is_err());
    }
    site.running.stop().await;
}

#[tokio::test]
async fn whoever_is_not_listed_is_who_they_are_whatever_they_say() {
    let (house, _) = House::set_up().await;
    let site = Site::start_with(house, |config| {
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    })
    .await;
    // PROXY from a stranger is not TLS, and nothing else is spoken here.
    let refused = site.knock(proxy("203.0.113.9")).await;
    assert!(refused.is_err(), "{refused:?}");
    let body = json!({"email": "nobody", "password": "x"});
    for number in 0..11 {
        let answer = site
            .post("/session", &body)
            .header("x-forwarded-for", format!("203.0.113.{number}"))
            .header("forwarded", format!("for=203.0.113.{number}"))
            .send()
            .await
            .unwrap();
        let wanted = if number < 10 { 400 } else { 429 };
        assert_eq!(answer.status(), wanted, "header {number} was believed");
    }
    site.running.stop().await;
}

#[tokio::test]
async fn a_listed_proxy_that_sends_the_standard_header_is_read_by_it_alone() {
    let (house, _) = House::set_up().await;
    let site = Site::start_with(house, |config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        config.forwarded_header = http::ForwardedHeader::Forwarded;
    })
    .await;
    let body = json!({"email": "nobody", "password": "x"});
    // The proxy writes Forwarded and passes on what the client itself wrote into the other header.
    for number in 0..11 {
        let answer = site
            .post("/session", &body)
            .header("x-forwarded-for", format!("198.51.100.{number}"))
            .header("forwarded", "for=203.0.113.9")
            .send()
            .await
            .unwrap();
        let wanted = if number < 10 { 400 } else { 429 };
        assert_eq!(answer.status(), wanted, "request {number}");
    }
    let another = site
        .post("/session", &body)
        .header("forwarded", "for=203.0.113.10")
        .send()
        .await
        .unwrap();
    assert_eq!(another.status(), 400);
    site.running.stop().await;
}
