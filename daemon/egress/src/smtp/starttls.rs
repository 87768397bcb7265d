//! From a conversation in the clear to one under TLS (RFC 3207).
//!
//! This is done here and not in the mail library because everything that was read in the clear has
//! to be forgotten: an attacker on the way could otherwise append replies to the last clear one,
//! to be believed later. A server that sends bytes after its consent is refused.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::session::Encrypted;
use crate::error::SmtpError;

/// Replies in the clear are short; a longer one is an attack on our memory.
const MOST_REPLY_BYTES: usize = 16 << 10;
const BROKEN: SmtpError = SmtpError::Broken { step: "STARTTLS" };

/// The greeting, EHLO and STARTTLS. After it the server waits for a TLS handshake.
pub(super) async fn ask<S>(stream: &mut S, own_name: &str) -> Result<(), SmtpError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    expect(stream, "the greeting", 220).await?;
    say(stream, &format!("EHLO {own_name}\r\n")).await?;
    let offers = expect(stream, "EHLO", 250).await?;
    if !offers
        .iter()
        .any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"))
    {
        return Err(SmtpError::Unsupported("does not offer STARTTLS"));
    }
    say(stream, "STARTTLS\r\n").await?;
    expect(stream, "STARTTLS", 220).await.map(drop)
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) -> Result<(), SmtpError> {
    stream
        .write_all(line.as_bytes())
        .await
        .map_err(|_| BROKEN)?;
    stream.flush().await.map_err(|_| BROKEN)
}

/// Reads one reply and returns the text of its lines. Bytes after its last line are refused.
async fn expect<S: AsyncRead + Unpin>(
    stream: &mut S,
    step: &'static str,
    wanted: u16,
) -> Result<Vec<String>, SmtpError> {
    let mut read = Vec::new();
    loop {
        let mut part = [0; 1024];
        let length = stream.read(&mut part).await.map_err(|_| BROKEN)?;
        read.extend(part.iter().take(length));
        if length == 0 || read.len() > MOST_REPLY_BYTES {
            return Err(SmtpError::Broken { step });
        }
        if let Some((code, lines)) = complete_reply(&read, step)? {
            return if code == wanted {
                Ok(lines)
            } else {
                Err(SmtpError::Refused { step, code })
            };
        }
    }
}

/// The code and the lines of the one reply in `read`; None while it is not complete.
fn complete_reply(
    read: &[u8],
    step: &'static str,
) -> Result<Option<(u16, Vec<String>)>, SmtpError> {
    let text = std::str::from_utf8(read).map_err(|_| SmtpError::Broken { step })?;
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some((line, after)) = rest.split_once("\r\n") {
        let (code, last, words) = reply_line(line).ok_or(SmtpError::Broken { step })?;
        lines.push(words.to_owned());
        if last {
            return if after.is_empty() {
                Ok(Some((code, lines)))
            } else {
                Err(SmtpError::Broken { step })
            };
        }
        rest = after;
    }
    Ok(None)
}

/// `250-words` or `250 words` (RFC 5321 section 4.2).
fn reply_line(line: &str) -> Option<(u16, bool, &str)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = code
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| code.parse().ok())??;
    match rest.as_bytes().first() {
        None => Some((code, true, "")),
        Some(b' ') => Some((code, true, rest.trim_start())),
        Some(b'-') => Some((code, false, rest.strip_prefix('-')?)),
        Some(_) => None,
    }
}

/// The encrypted stream, with a greeting in front: the mail library begins every conversation by
/// reading one, and after STARTTLS the server sends none.
#[derive(Debug)]
pub(super) struct Greeted {
    greeting: &'static [u8],
    stream: Encrypted,
}

impl Greeted {
    pub(super) const fn new(stream: TlsStream<TcpStream>) -> Self {
        Self {
            greeting: b"220 under TLS\r\n",
            stream: Encrypted(stream),
        }
    }
}

impl AsyncTokioStream for Greeted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Greeted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, into);
        }
        let (now, later) = self
            .greeting
            .split_at(self.greeting.len().min(into.remaining()));
        into.put_slice(now);
        self.greeting = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Greeted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, from)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Option<(u16, Vec<String>)>, SmtpError> {
        complete_reply(text.as_bytes(), "a test")
    }

    #[test]
    fn a_reply_is_complete_with_its_last_line() {
        assert_eq!(read("220 hi\r\n").unwrap().unwrap().0, 220);
        assert_eq!(
            read("250\r\n").unwrap().unwrap(),
            (250, vec![String::new()])
        );
        let (code, lines) = read("250-a\r\n250-STARTTLS\r\n250 c\r\n").unwrap().unwrap();
        assert_eq!(
            (code, lines),
            (250, ["a", "STARTTLS", "c"].map(String::from).to_vec())
        );
        for text in ["", "25", "250-a\r\n", "250 a", "250 a\r", "250-a\r\n250"] {
            assert!(read(text).unwrap().is_none(), "{text:?}");
        }
    }

    #[test]
    fn bytes_after_the_reply_and_nonsense_are_refused() {
        for text in [
            "220 go\r\n250 injected\r\n",
            "220 go\r\nx",
            "hello\r\n",
            "25a x\r\n",
            "\r\n",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_reply_an_error_or_a_wait(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), proptest::sample::select(b"250- \r\n".to_vec())], 0..24),
        ) {
            if let Ok(Some((_, lines))) = complete_reply(&bytes, "a test") {
                prop_assert!(bytes.ends_with(b"\r\n"));
                prop_assert_eq!(bytes.windows(2).filter(|pair| pair == b"\r\n").count(), lines.len());
            }
        }
    }
}
