//! A conversation with a mail server, step by step, so that an error knows how far it went.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use lettre::transport::smtp::{
    Error,
    client::{AsyncSmtpConnection, AsyncTokioStream},
    response::Response,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::error::SmtpError;

pub(super) struct Talk {
    connection: AsyncSmtpConnection,
    limit: Duration,
}

impl Talk {
    pub(super) const fn new(connection: AsyncSmtpConnection, limit: Duration) -> Self {
        Self { connection, limit }
    }

    pub(super) const fn connection(&self) -> &AsyncSmtpConnection {
        &self.connection
    }

    /// A step before the message: whatever happens, nothing was sent.
    pub(super) async fn step(
        &mut self,
        step: &'static str,
        act: impl AsyncFnOnce(&mut AsyncSmtpConnection) -> Result<Response, Error>,
    ) -> Result<(), SmtpError> {
        match tokio::time::timeout(self.limit, act(&mut self.connection)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                self.leave().await;
                Err(refusal(step, &error))
            }
            Err(_) => Err(SmtpError::Broken { step }),
        }
    }

    /// The message itself: without a reply it may have been accepted. What follows the reply
    /// changes nothing any more.
    pub(super) async fn last_step(
        mut self,
        act: impl AsyncFnOnce(&mut AsyncSmtpConnection) -> Result<Response, Error>,
    ) -> Result<(), SmtpError> {
        match tokio::time::timeout(self.limit, act(&mut self.connection)).await {
            Ok(Ok(_)) => {
                self.leave().await;
                Ok(())
            }
            Ok(Err(error)) if error.status().is_some() => Err(refusal("the message", &error)),
            Ok(Err(_)) | Err(_) => Err(SmtpError::InDoubt),
        }
    }

    /// Says QUIT; a server that does not answer it has lost nothing.
    pub(super) async fn leave(&mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(5), self.connection.quit()).await;
    }
}

/// What a failed step means when nothing was sent.
pub(super) fn refusal(step: &'static str, error: &Error) -> SmtpError {
    match error.status() {
        Some(code) => SmtpError::Refused {
            step,
            code: code.into(),
        },
        None if error.is_client() => SmtpError::Unsupported("offers no way to sign in"),
        None => SmtpError::Broken { step },
    }
}

/// TLS from the first byte.
#[derive(Debug)]
pub(super) struct Encrypted(pub(super) TlsStream<TcpStream>);

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, from)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
