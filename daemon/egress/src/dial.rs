//! TCP and TLS connections to targets that the policy admits, for protocols other than HTTP.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    door::Egress,
    endpoint::Endpoint,
    error::EgressError,
    policy::{Purpose, Target},
    resolve::addresses,
    trust::Trust,
};

impl Egress {
    /// A TCP connection to one of the target's checked addresses.
    pub async fn dial(&self, purpose: Purpose, to: &Endpoint) -> Result<TcpStream, EgressError> {
        let (target, addresses) = self.admitted(purpose, to).await?;
        let connecting = connect(&target, &addresses);
        in_time(self.door.connect_timeout, &target, connecting).await
    }

    /// The addresses that may be dialled, checked; a refusal is told and counted.
    async fn admitted(
        &self,
        purpose: Purpose,
        to: &Endpoint,
    ) -> Result<(Target, Vec<SocketAddr>), EgressError> {
        let found = async {
            let target = self.door.policy.endpoint(purpose, to.clone())?;
            let resolving = addresses(self.door.resolver.as_ref(), &target);
            let found = in_time(self.door.connect_timeout, &target, resolving).await?;
            Ok((target, found))
        };
        self.door.refusals.watch(purpose, found.await)
    }

    /// A UDP socket that sends to, and hears from, one of the target's checked addresses. Nothing is sent.
    pub async fn dial_udp(
        &self,
        purpose: Purpose,
        to: &Endpoint,
    ) -> Result<UdpSocket, EgressError> {
        let (_, addresses) = self.admitted(purpose, to).await?;
        let failed = |detail: String| EgressError::Connect {
            host: to.to_string(),
            detail,
        };
        let Some(address) = addresses.first() else {
            return Err(failed(String::from("the name has no address")));
        };
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "a socket that is bound to one checked address"
        )]
        let socket = UdpSocket::bind(any).await;
        let socket = socket.map_err(|error| failed(error.to_string()))?;
        socket
            .connect(address)
            .await
            .map_err(|error| failed(error.to_string()))?;
        Ok(socket)
    }

    /// [`Egress::dial`], then TLS with the host's name in the certificate.
    pub async fn dial_tls(
        &self,
        purpose: Purpose,
        to: &Endpoint,
    ) -> Result<TlsStream<TcpStream>, EgressError> {
        let stream = self.dial(purpose, to).await?;
        self.tls_over(stream, to, None).await
    }

    /// TLS on a connection that speaks already, with the host's name in the certificate. Without
    /// `trust` the system's authorities count and those of the configuration.
    pub async fn tls_over(
        &self,
        stream: TcpStream,
        to: &Endpoint,
        trust: Option<&Trust>,
    ) -> Result<TlsStream<TcpStream>, EgressError> {
        let failed = |detail: String| EgressError::Tls {
            host: to.to_string(),
            detail,
        };
        let name = ServerName::try_from(to.name()).map_err(|error| failed(error.to_string()))?;
        let tls = trust.map_or(&self.door.tls, |trust| &trust.0);
        let handshake = TlsConnector::from(tls.clone()).connect(name, stream);
        match tokio::time::timeout(self.door.connect_timeout, handshake).await {
            Ok(done) => done.map_err(|error| failed(error.to_string())),
            Err(_) => Err(failed(String::from("the handshake takes too long"))),
        }
    }
}

async fn connect(target: &Target, addresses: &[SocketAddr]) -> Result<TcpStream, EgressError> {
    let mut detail = String::from("the name has no address");
    for address in addresses {
        #[expect(
            clippy::disallowed_methods,
            reason = "the address was checked a moment ago"
        )]
        let connected = TcpStream::connect(address).await;
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => detail = error.to_string(),
        }
    }
    Err(EgressError::Connect {
        host: target.endpoint.to_string(),
        detail,
    })
}

async fn in_time<T>(
    limit: Duration,
    target: &Target,
    work: impl Future<Output = Result<T, EgressError>>,
) -> Result<T, EgressError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(EgressError::Connect {
            host: target.endpoint.to_string(),
            detail: format!("no answer within {} s", limit.as_secs()),
        })
    })
}
