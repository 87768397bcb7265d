//! Mail out: one conversation per message (RFC 5321), through the same guard as everything else.

mod session;
mod starttls;

use std::time::Duration;

use kernel::Secret;
use lettre::{
    Address, Message,
    address::Envelope,
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, AsyncTokioStream},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};

use crate::{
    door::Egress,
    endpoint::Endpoint,
    error::{EgressError, SmtpError},
    policy::Purpose,
};
use session::{Talk, refusal};

/// RFC 5321 section 4.5.3.2 allows ten minutes after the final dot; mail here is a page long.
const STEP: Duration = Duration::from_secs(60);

/// How the conversation is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// In the clear at first, then STARTTLS or nothing (RFC 3207).
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// In the clear: to this machine only.
    None,
}

pub struct Login {
    pub user: String,
    pub password: Secret<String>,
}

pub struct SmtpServer {
    pub endpoint: Endpoint,
    pub security: Security,
    pub login: Option<Login>,
    /// How this machine calls itself in EHLO.
    pub own_name: String,
}

/// Sends mail through one server.
pub struct Smtp {
    egress: Egress,
    server: SmtpServer,
}

impl Smtp {
    pub(crate) const fn new(egress: Egress, server: SmtpServer) -> Self {
        Self { egress, server }
    }

    /// Hands one message over. `Ok` means that the server took responsibility for it.
    pub async fn send(&self, message: &Message) -> Result<(), SmtpError> {
        let mut talk = Talk::new(self.connect().await?, STEP);
        if let Some(login) = &self.server.login {
            let credentials = Credentials::new(login.user.clone(), login.password.expose().clone());
            talk.step("sign-in", async |connection| {
                connection
                    .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
                    .await
            })
            .await?;
        }
        let (envelope, content) = (message.envelope(), message.formatted());
        let options = options(talk.connection(), envelope, &content)?;
        let sender = Mail::new(envelope.from().cloned(), options);
        talk.step("the sender", async |connection| {
            connection.command(sender).await
        })
        .await?;
        for recipient in envelope.to() {
            let recipient = Rcpt::new(recipient.clone(), Vec::new());
            talk.step("the recipient", async |connection| {
                connection.command(recipient).await
            })
            .await?;
        }
        talk.step("the message", async |connection| {
            connection.command(Data).await
        })
        .await?;
        talk.last_step(async |connection| connection.message(&content).await)
            .await
    }

    /// Greets the server under the protection that is configured, and leaves. Nothing is sent.
    pub async fn greet(&self) -> Result<(), SmtpError> {
        Talk::new(self.connect().await?, STEP).leave().await;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let to = &self.server.endpoint;
        let stream: Box<dyn AsyncTokioStream> = match self.server.security {
            Security::Tls => Box::new(session::Encrypted(
                self.egress.dial_tls(Purpose::Smtp, to).await?,
            )),
            Security::Starttls => {
                let mut stream = self.egress.dial(Purpose::Smtp, to).await?;
                let upgrade = starttls::ask(&mut stream, &self.server.own_name);
                tokio::time::timeout(STEP, upgrade)
                    .await
                    .map_err(|_| SmtpError::Broken { step: "STARTTLS" })??;
                let stream = self.egress.tls_over(stream, to, None).await?;
                Box::new(starttls::Greeted::new(stream))
            }
            Security::None => {
                let stream = self.egress.dial(Purpose::Smtp, to).await?;
                let local = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
                if !local {
                    return Err(SmtpError::Connection(EgressError::Refused {
                        host: to.to_string(),
                        why: "mail leaves this machine with TLS only",
                    }));
                }
                Box::new(stream)
            }
        };
        let own_name = ClientId::Domain(self.server.own_name.clone());
        let greeting = AsyncSmtpConnection::connect_with_transport(stream, &own_name);
        match tokio::time::timeout(STEP, greeting).await {
            Ok(greeted) => greeted.map_err(|error| refusal("the greeting", &error)),
            Err(_) => Err(SmtpError::Broken {
                step: "the greeting",
            }),
        }
    }
}

/// The parameters of MAIL FROM that the message needs (RFC 6152, RFC 6531).
fn options(
    connection: &AsyncSmtpConnection,
    envelope: &Envelope,
    content: &[u8],
) -> Result<Vec<MailParameter>, SmtpError> {
    let offers = |extension| connection.server_info().supports_feature(extension);
    let mut options = Vec::new();
    let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    if !envelope.from().into_iter().chain(envelope.to()).all(ascii) {
        if !offers(Extension::SmtpUtfEight) {
            return Err(SmtpError::Unsupported(
                "does not take addresses outside ASCII",
            ));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    if !content.is_ascii() {
        if !offers(Extension::EightBitMime) {
            return Err(SmtpError::Unsupported("does not take text outside ASCII"));
        }
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(options)
}
