//! Knocks at the server as a stranger does: TLS by OpenSSL, which still knows the versions that must be
//! refused, and one request on each connection.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream},
    time::Duration,
};

use egress::{Egress, EgressConfig, Endpoint, Purpose};
use openssl::{
    ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode, SslVersion},
    x509::X509,
};

use crate::{config::Config, verify::verdict::Trouble};

const PATIENCE: Duration = Duration::from_secs(5);
/// Of an answer; its head is what matters.
const MOST: u64 = 64 * 1024;

/// Where people's browsers connect, or what stands before it.
pub(in crate::verify) struct Face {
    egress: Egress,
    endpoint: Endpoint,
    /// The name in the address that people type.
    host: String,
}

/// What a request was answered with. Names of headers are in lower case.
#[derive(Debug)]
pub(in crate::verify) struct Answer {
    pub(in crate::verify) status: u16,
    pub(in crate::verify) headers: Vec<(String, String)>,
}

impl Answer {
    pub(in crate::verify) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Face {
    /// A way out of its own, that leads to this one endpoint and to no other private one.
    pub(in crate::verify) fn new(config: &Config) -> Result<Self, Trouble> {
        let endpoint = match &config.verify.address {
            Some(endpoint) => endpoint.clone(),
            None => {
                let listen = config.server.listen;
                let address = match listen.ip() {
                    IpAddr::V4(any) if any.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
                    IpAddr::V6(any) if any.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
                    own => own,
                };
                Endpoint::new(&address.to_string(), listen.port())?
            }
        };
        let host = config
            .site
            .public_url
            .trim_start_matches("https://")
            .split(['/', ':'])
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            egress: Egress::new(EgressConfig {
                private_endpoints: vec![endpoint.clone()],
                connect_timeout_seconds: PATIENCE.as_secs(),
                ..EgressConfig::default()
            })?,
            endpoint,
            host,
        })
    }

    async fn connection(&self) -> Result<TcpStream, Trouble> {
        let stream = self
            .egress
            .dial(Purpose::OwnFace, &self.endpoint)
            .await?
            .into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// Whether a handshake in exactly this version succeeds.
    pub(in crate::verify) async fn speaks(&self, version: SslVersion) -> Result<bool, Trouble> {
        let (stream, host) = (self.connection().await?, self.host.clone());
        let spoken = tokio::task::spawn_blocking(move || {
            Ok::<_, Trouble>(handshake(stream, &host, Some(version))?.is_some())
        });
        spoken.await?
    }

    /// The certificate that is shown.
    pub(in crate::verify) async fn certificate(&self) -> Result<X509, Trouble> {
        let (stream, host) = (self.connection().await?, self.host.clone());
        let shown = tokio::task::spawn_blocking(move || {
            let spoken = handshake(stream, &host, None)?.ok_or("no handshake succeeds")?;
            let shown = spoken.ssl().peer_certificate();
            Ok::<_, Trouble>(shown.ok_or("no certificate is shown")?)
        });
        shown.await?
    }

    /// What is said to a request without TLS.
    pub(in crate::verify) async fn in_clear(&self) -> Result<Vec<u8>, Trouble> {
        let (mut stream, host) = (self.connection().await?, self.host.clone());
        let said = tokio::task::spawn_blocking(move || {
            let mut said = Vec::new();
            // A connection that is cut is an answer too, and the best one.
            let _ = stream
                .write_all(request("GET", "/", &host, &[]).as_bytes())
                .and_then(|()| stream.take(MOST).read_to_end(&mut said));
            said
        });
        Ok(said.await?)
    }

    pub(in crate::verify) async fn ask(
        &self,
        method: &'static str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, Trouble> {
        let request = request(method, path, &self.host, headers);
        let (stream, host) = (self.connection().await?, self.host.clone());
        let answered = tokio::task::spawn_blocking(move || {
            let mut spoken = handshake(stream, &host, None)?.ok_or("no handshake succeeds")?;
            spoken.write_all(request.as_bytes())?;
            let mut said = Vec::new();
            // Some servers end without TLS's own farewell; the head has come by then.
            let _ = spoken.take(MOST).read_to_end(&mut said);
            head(&said).ok_or_else(|| Trouble::from("the answer is no HTTP"))
        });
        answered.await?
    }
}

fn request(method: &str, path: &str, host: &str, headers: &[(&str, &str)]) -> String {
    let more: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: revkeep-verify\r\nconnection: close\r\n{more}\r\n"
    )
}

/// A handshake in `only` that version, or in the best that both know. `None` when it was refused. Whose
/// certificate it is does not matter here: nothing secret is sent.
fn handshake(
    stream: TcpStream,
    host: &str,
    only: Option<SslVersion>,
) -> Result<Option<SslStream<TcpStream>>, Trouble> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_verify(SslVerifyMode::NONE);
    if only.is_some() {
        builder.set_min_proto_version(only)?;
        builder.set_max_proto_version(only)?;
        // OpenSSL itself offers the old versions at this level alone.
        builder.set_cipher_list("ALL:@SECLEVEL=0")?;
    }
    let connect = builder.build().configure()?.verify_hostname(false);
    Ok(connect.connect(host, stream).ok())
}

fn head(said: &[u8]) -> Option<Answer> {
    let end = said.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(said.get(..end)?).into_owned();
    let mut lines = text.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Answer {
        status: status.parse().ok()?,
        headers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_and_nothing_else_passes_for_one() {
        let answer = head(b"HTTP/1.1 404 Not Found\r\nX-Frame-Options: DENY\r\n\r\nbody").unwrap();
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert!(head(b"HTTP/1.1 200 OK\r\nno end").is_none());
        assert!(head(b"\x15\x03\x03\0\x02\x02\x46").is_none());
    }
}
