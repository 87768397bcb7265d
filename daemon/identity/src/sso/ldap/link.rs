//! One connection to one server of a directory: TLS before anything is said, every answer bounded in size
//! and time. A directory is a tenant's, so it is believed about that tenant's people and in nothing else.

use std::time::Duration;

use egress::{Egress, Endpoint, Purpose, Trust};
use kernel::Secret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    ber::{SEQUENCE, length, length_bytes},
    fault::Fault,
    message::{
        self, Answer, BIND_RESPONSE, EXTENDED_RESPONSE, Entry, Outcome, SEARCH_DONE, Search,
    },
};

/// Each operation.
const STEP: Duration = Duration::from_secs(10);
const MOST_MESSAGE: usize = 1 << 20;
const MOST_SEARCH: usize = 4 << 20;
pub(super) const SUCCESS: u32 = 0;

/// A server, and how TLS begins there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) endpoint: Endpoint,
    /// `ldap://`: TLS is asked for first (RFC 4511 section 4.14); without it, not another word.
    pub(super) start_tls: bool,
}

impl Server {
    /// From `ldaps://host[:port]` or `ldap://host[:port]`.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let url = url.trim();
        let (start_tls, rest, port) = match url.split_once("://")? {
            (scheme, rest) if scheme.eq_ignore_ascii_case("ldaps") => (false, rest, 636),
            (scheme, rest) if scheme.eq_ignore_ascii_case("ldap") => (true, rest, 389),
            _ => return None,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@', ' ']) {
            return None;
        }
        let endpoint = rest.parse().or_else(|_| Endpoint::new(rest, port)).ok()?;
        Some(Self {
            endpoint,
            start_tls,
        })
    }
}

trait Channel: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Channel for T {}

pub(super) struct Link {
    channel: Box<dyn Channel>,
    last_id: u32,
}

impl Link {
    /// A connection that is encrypted, to a server that has proved its name.
    pub(super) async fn open(
        egress: &Egress,
        server: &Server,
        trust: Option<&Trust>,
    ) -> Result<Self, Fault> {
        let to = &server.endpoint;
        let mut stream = egress
            .dial(Purpose::Directory, to)
            .await
            .map_err(Fault::Connect)?;
        let mut last_id = 0;
        if server.start_tls {
            last_id = 1;
            start_tls(&mut stream, last_id).await?;
        }
        let secured = egress.tls_over(stream, to, trust).await;
        Ok(Self {
            channel: Box::new(secured.map_err(Fault::Tls)?),
            last_id,
        })
    }

    pub(super) async fn bind(
        &mut self,
        name: &str,
        password: &Secret<String>,
    ) -> Result<Outcome, Fault> {
        let id = self.next_id();
        let asked = message::bind(id, name, password);
        in_time("the bind", async {
            send(&mut self.channel, &asked, "the bind").await?;
            one(&mut self.channel, id, BIND_RESPONSE, "the bind").await
        })
        .await
    }

    /// Entries, at most as many as were asked for, and how the search ended. Referrals are not followed.
    pub(super) async fn search(
        &mut self,
        wanted: &Search<'_>,
        step: &'static str,
    ) -> Result<(Vec<Entry>, Outcome), Fault> {
        let id = self.next_id();
        let asked = message::search(id, wanted);
        let most = usize::try_from(wanted.most).unwrap_or(usize::MAX);
        in_time(step, async {
            send(&mut self.channel, &asked, step).await?;
            let (mut entries, mut size) = (Vec::new(), 0_usize);
            loop {
                let bytes = receive(&mut self.channel, step).await?;
                size = size.saturating_add(bytes.len());
                match read(&bytes, id, step)? {
                    Answer::Done(SEARCH_DONE, outcome) => return Ok((entries, outcome)),
                    Answer::Done(..) => return Err(Fault::Malformed(step)),
                    Answer::Entry(entry) => entries.push(entry),
                    Answer::Reference => {}
                }
                if size > MOST_SEARCH || entries.len() > most {
                    return Err(Fault::TooLarge(step));
                }
            }
        })
        .await
    }

    /// Says goodbye. A server that does not hear it has lost nothing.
    pub(super) async fn close(mut self) {
        let id = self.next_id();
        let farewell = message::unbind(id);
        let _ = in_time("the end", async {
            send(&mut self.channel, &farewell, "the end").await?;
            self.channel
                .shutdown()
                .await
                .map_err(|_| Fault::Cut("the end"))
        })
        .await;
    }

    fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }
}

/// Asks for TLS. Not a byte beyond the answer is read, so nothing that somebody put behind it is taken for
/// something that was said under TLS.
async fn start_tls(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    id: u32,
) -> Result<(), Fault> {
    const STEP_NAME: &str = "StartTLS";
    let outcome = in_time(STEP_NAME, async {
        send(stream, &message::start_tls(id), STEP_NAME).await?;
        one(stream, id, EXTENDED_RESPONSE, STEP_NAME).await
    })
    .await?;
    match outcome.code {
        SUCCESS => Ok(()),
        code => Err(Fault::StartTls(code)),
    }
}

async fn in_time<T>(
    step: &'static str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::time::timeout(STEP, work)
        .await
        .unwrap_or(Err(Fault::Late(step)))
}

async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    step: &'static str,
) -> Result<(), Fault> {
    let sent = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    sent.await.map_err(|_| Fault::Cut(step))
}

/// The one answer to `id`, which must be of this kind.
async fn one(
    stream: &mut (impl AsyncRead + Unpin),
    id: u32,
    kind: u8,
    step: &'static str,
) -> Result<Outcome, Fault> {
    let bytes = receive(stream, step).await?;
    match read(&bytes, id, step)? {
        Answer::Done(found, outcome) if found == kind => Ok(outcome),
        _ => Err(Fault::Malformed(step)),
    }
}

fn read(bytes: &[u8], id: u32, step: &'static str) -> Result<Answer, Fault> {
    match message::answer(bytes) {
        // Of its own accord a server says only that it is about to go (RFC 4511 section 4.4.1).
        Some((0, _)) => Err(Fault::Cut(step)),
        Some((of, answer)) if of == id => Ok(answer),
        _ => Err(Fault::Malformed(step)),
    }
}

/// The bytes of one whole message.
async fn receive(
    stream: &mut (impl AsyncRead + Unpin),
    step: &'static str,
) -> Result<Vec<u8>, Fault> {
    let cut = |_| Fault::Cut(step);
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.map_err(cut)?;
    let [tag, first] = head;
    if tag != SEQUENCE {
        return Err(Fault::Malformed(step));
    }
    let mut more = vec![0; length_bytes(first).map_err(|()| Fault::Malformed(step))?];
    stream.read_exact(&mut more).await.map_err(cut)?;
    let size = length(first, &more);
    if size > MOST_MESSAGE {
        return Err(Fault::TooLarge(step));
    }
    let mut message = head.to_vec();
    message.append(&mut more);
    let begin = message.len();
    message.resize(begin.saturating_add(size), 0);
    let content = message.get_mut(begin..).unwrap_or_default();
    stream.read_exact(content).await.map_err(cut)?;
    Ok(message)
}
