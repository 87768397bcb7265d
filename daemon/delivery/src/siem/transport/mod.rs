//! Connections to targets. A link sends a batch whole or fails; what it promised about what it sent is
//! the transport's ([`Transport::acknowledges`]). Every socket is egress's.

mod collector;
mod file;
mod journal;
mod relp;
mod stream;

use std::time::Duration;

use chrono::{DateTime, Utc};
use egress::{Egress, Endpoint, Purpose, Trust};
use kernel::Secret;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UdpSocket,
};

use super::{
    config::SiemConfig,
    event::Event,
    format::{payload, syslog},
    target::{Format, Transport, der_ends_at, ends_at},
};
use crate::error::DeliveryError;
use collector::Collector;
use file::LogFile;
use journal::Journal;
use relp::Relp;
use stream::Stream;

/// Within this a batch is taken, or confirmed.
pub(crate) const STEP: Duration = Duration::from_secs(10);
/// Larger datagrams are cut on many ways (RFC 5426 section 3.2 asks for 2048 at least).
const MOST_DATAGRAM: usize = 8_192;

/// Where events go and how.
pub(crate) struct Route {
    pub(crate) transport: Transport,
    pub(crate) format: Format,
    pub(crate) address: String,
    pub(crate) authorities: Option<String>,
    pub(crate) client_certificate: Option<String>,
    pub(crate) client_key: Option<Secret<String>>,
    pub(crate) token: Option<Secret<String>>,
    /// What this machine calls itself.
    pub(crate) host: String,
    pub(crate) files: SiemConfig,
}

/// A connection in both directions.
pub(crate) trait Channel: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Channel for T {}

pub(crate) struct Link {
    kind: Kind,
    certificate_ends_at: Option<DateTime<Utc>>,
}

enum Kind {
    Stream(Stream),
    Udp(UdpSocket),
    Relp(Relp),
    Collector(Collector),
    File(LogFile),
    Journal(Journal),
}

impl Link {
    pub(crate) async fn open(egress: &Egress, route: &Route) -> Result<Self, DeliveryError> {
        let mut certificate_ends_at = route.own_ends_at();
        let kind = match route.transport {
            Transport::SyslogTls | Transport::RelpTls => {
                let (channel, theirs) = tls(egress, route).await?;
                certificate_ends_at = certificate_ends_at.into_iter().chain(theirs).min();
                if route.transport == Transport::RelpTls {
                    Kind::Relp(in_time(Relp::open(channel)).await?)
                } else {
                    Kind::Stream(Stream::new(channel))
                }
            }
            Transport::SyslogTcp => Kind::Stream(Stream::new(tcp(egress, route).await?)),
            Transport::Relp => {
                let channel = tcp(egress, route).await?;
                Kind::Relp(in_time(Relp::open(channel)).await?)
            }
            Transport::SyslogUdp => {
                Kind::Udp(egress.dial_udp(Purpose::Siem, &route.endpoint()?).await?)
            }
            Transport::Https => Kind::Collector(Collector::new(egress, route)?),
            Transport::File => Kind::File(LogFile::open(&route.files, &route.address).await?),
            Transport::Journal => Kind::Journal(Journal::open()?),
        };
        Ok(Self {
            kind,
            certificate_ends_at,
        })
    }

    /// The first end among the certificates in use, as far as they are seen: a collector's with its first answer.
    pub(crate) fn certificate_ends_at(&self) -> Option<DateTime<Utc>> {
        let theirs = match &self.kind {
            Kind::Collector(collector) => collector.certificate_ends_at(),
            Kind::Stream(_) | Kind::Relp(_) | Kind::Udp(_) | Kind::File(_) | Kind::Journal(_) => {
                None
            }
        };
        self.certificate_ends_at.into_iter().chain(theirs).min()
    }

    /// Sends all of them in their order, within [`STEP`]. After an error the link is of no use.
    pub(crate) async fn send(
        &mut self,
        route: &Route,
        events: &[Event],
    ) -> Result<(), DeliveryError> {
        if events.is_empty() {
            return Ok(());
        }
        in_time(self.kind.send(route, events)).await
    }

    /// Ends when the other side has ended the connection: while nothing is sent it is noticed here.
    pub(crate) async fn ended(&mut self) -> DeliveryError {
        match &mut self.kind {
            Kind::Stream(stream) => stream.ended().await,
            Kind::Relp(relp) => relp.ended().await,
            Kind::Udp(_) | Kind::Collector(_) | Kind::File(_) | Kind::Journal(_) => {
                std::future::pending().await
            }
        }
    }

    /// Says that it is over, so that what was sent is not thrown away with the connection.
    pub(crate) async fn close(self) -> Result<(), DeliveryError> {
        match self.kind {
            Kind::Stream(stream) => in_time(stream.close()).await,
            Kind::Relp(relp) => in_time(relp.close()).await,
            Kind::Udp(_) | Kind::Collector(_) | Kind::File(_) | Kind::Journal(_) => Ok(()),
        }
    }
}

impl Kind {
    async fn send(&mut self, route: &Route, events: &[Event]) -> Result<(), DeliveryError> {
        let lines = || events.iter().map(|event| route.line(event));
        match self {
            Self::Stream(stream) => stream.send(lines()).await,
            Self::Relp(relp) => relp.send(lines()).await,
            Self::Udp(socket) => {
                for line in lines() {
                    let datagram = cut(&line, MOST_DATAGRAM);
                    socket.send(datagram.as_bytes()).await.map_err(ended)?;
                }
                Ok(())
            }
            Self::Collector(collector) => collector.send(route, events).await,
            Self::File(file) => file.append(lines()).await,
            Self::Journal(journal) => {
                for event in events {
                    journal.send(event, &route.line(event)).await?;
                }
                Ok(())
            }
        }
    }
}

impl Route {
    fn endpoint(&self) -> Result<Endpoint, DeliveryError> {
        Ok(self.address.parse()?)
    }

    /// Whom a TLS connection trusts and what it shows.
    fn trust(&self, egress: &Egress) -> Result<Trust, DeliveryError> {
        let own = self
            .client_certificate
            .as_deref()
            .zip(self.client_key.as_ref());
        Ok(egress.trust(self.authorities.as_deref(), own)?)
    }

    /// The first end among our certificate and the authorities that were given.
    fn own_ends_at(&self) -> Option<DateTime<Utc>> {
        [&self.authorities, &self.client_certificate]
            .into_iter()
            .flatten()
            .filter_map(|pem| ends_at(pem))
            .min()
    }

    /// The event as a line: a syslog message, and where syslog is not spoken the bare format.
    fn line(&self, event: &Event) -> String {
        let message = payload(self.format, event).map(super::format::Payload::into_text);
        match (self.transport, message) {
            (Transport::File | Transport::Journal, Some(message)) => message,
            (_, message) => syslog(event, &self.host, message.as_deref()),
        }
    }
}

async fn tcp(egress: &Egress, route: &Route) -> Result<Box<dyn Channel>, DeliveryError> {
    let stream = egress.dial(Purpose::Siem, &route.endpoint()?).await?;
    Ok(Box::new(stream))
}

/// With the end of the other side's own certificate.
async fn tls(
    egress: &Egress,
    route: &Route,
) -> Result<(Box<dyn Channel>, Option<DateTime<Utc>>), DeliveryError> {
    let (to, trust) = (route.endpoint()?, route.trust(egress)?);
    let stream = egress.dial(Purpose::Siem, &to).await?;
    let secured = egress.tls_over(stream, &to, Some(&trust)).await?;
    let theirs = secured.get_ref().1.peer_certificates();
    let ends_at = theirs
        .and_then(<[_]>::first)
        .and_then(|leaf| der_ends_at(leaf));
    Ok((Box::new(secured), ends_at))
}

async fn in_time<T>(
    work: impl Future<Output = Result<T, DeliveryError>>,
) -> Result<T, DeliveryError> {
    tokio::time::timeout(STEP, work)
        .await
        .unwrap_or(Err(DeliveryError::Slow))
}

fn ended(error: std::io::Error) -> DeliveryError {
    DeliveryError::Cut(error.to_string())
}

/// At most so many bytes of the text, whole characters.
fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
