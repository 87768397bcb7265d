//! Sends one notice as one mail, once.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use db::{Db, Unit};
use egress::{Egress, Login, SmtpError, SmtpServer};
use identity::Identity;
use jobs::{Handler, Job, JobError};
use kernel::{Action, Classified, Principal, Secret};
use lettre::{
    Address, Message,
    message::{Mailbox, MultiPart},
};
use serde_json::json;
use vault::{IfMissing, Vault};

use crate::{
    config::Config,
    error::DeliveryError,
    html::html,
    notice::{Key, Kind},
    people, personal,
    recipients::{self, Recipient},
    store::{self, Notice},
    text::{Text, text},
};

/// The named secret that holds the mail server's password.
pub const SMTP_PASSWORD: &str = "smtp-password";

/// The handler of `notice.send`.
pub(crate) struct NoticeSend {
    pub(crate) db: Db,
    pub(crate) vault: Vault,
    pub(crate) identity: Identity,
    pub(crate) egress: Egress,
    pub(crate) config: Config,
    pub(crate) public_url: String,
}

/// How an attempt ended, as the row says it.
enum Ended {
    Sent,
    InDoubt,
    Failed(&'static str),
    /// Nothing was sent; the notice stays open and is tried again.
    Again(&'static str, String),
}

#[async_trait]
impl Handler for NoticeSend {
    fn kind(&self) -> &'static str {
        "notice.send"
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let key: Key = job.read()?;
        let who = job.principal();
        let last = job.attempts >= job.max_attempts;
        let Some((notice, recipients)) = self.load(&who, &key).await? else {
            return Ok(());
        };
        let ended = match self.message(&who, &key, &notice, &recipients).await? {
            Err(code) => Ended::Failed(code),
            Ok(message) => {
                let server = self.server().await?;
                if !self.begin(&who, &key).await? {
                    return Ok(());
                }
                self.hand_over(server, &message).await
            }
        };
        let count = if key.kind.is_personal() {
            1
        } else {
            recipients.len()
        };
        self.store(&who, &key, &ended, count, last).await?;
        if matches!(ended, Ended::Sent) {
            people::sent(&self.identity, who.tenant, &key).await?;
        }
        match ended {
            Ended::Again(code, detail) => Err(JobError::Retry {
                code,
                detail,
                after: None,
            }),
            Ended::Sent | Ended::InDoubt | Ended::Failed(_) => Ok(()),
        }
    }
}

impl NoticeSend {
    /// The notice if it is to be sent. One that was being sent when a daemon died may have arrived:
    /// it is in doubt and is not sent again.
    async fn load(
        &self,
        who: &Principal,
        key: &Key,
    ) -> Result<Option<(Notice, Vec<Recipient>)>, DeliveryError> {
        let key = key.clone();
        self.db
            .run(who, move |tx| {
                let Some(notice) = store::notice_locked(tx, &key)? else {
                    return Ok(None);
                };
                match notice.state.as_str() {
                    "open" if key.kind.is_personal() => Ok(Some((notice, Vec::new()))),
                    "open" => {
                        let recipients = recipients::recipients(tx)?;
                        Ok(Some((notice, recipients)))
                    }
                    "sending" => {
                        store::notice_state(tx, &key, "in_doubt", None, Some("interrupted"))?;
                        audit::Entry::new(Action::MailSend, "notice", key.id())
                            .failed("interrupted")
                            .write(tx)?;
                        Ok(None)
                    }
                    _ => Ok(None),
                }
            })
            .await
    }

    /// The mail, or the code that says why there can be none.
    async fn message(
        &self,
        who: &Principal,
        key: &Key,
        notice: &Notice,
        recipients: &[Recipient],
    ) -> Result<Result<Message, &'static str>, DeliveryError> {
        if self.config.server.is_none() {
            return Ok(Err("mail_not_configured"));
        }
        let now = self.db.clock().now();
        if key.kind.is_membership() {
            let letter = people::letter(&self.identity, who.tenant, key, &self.public_url).await?;
            return Ok(match letter {
                Some(letter) => {
                    compose(&self.config.from, &[letter.address], letter.text, key, now)
                }
                None => Err("nothing_to_tell"),
            });
        }
        let addresses = self.addresses(key, recipients).await?;
        if addresses.is_empty() {
            return Ok(Err("no_recipient"));
        }
        let text = if key.kind.is_personal() {
            personal::text(&self.identity, key, &self.public_url).await?
        } else {
            self.told_to_administrators(who, key, notice).await?
        };
        let Some(text) = text else {
            return Ok(Err("nothing_to_tell"));
        };
        Ok(compose(&self.config.from, &addresses, text, key, now))
    }

    /// Of an organisation's end the mail names the organisation; of anything else it holds counts.
    async fn told_to_administrators(
        &self,
        who: &Principal,
        key: &Key,
        notice: &Notice,
    ) -> Result<Option<Text>, DeliveryError> {
        if matches!(key.kind, Kind::TenantDeletion | Kind::TenantKept) {
            return people::deletion(&self.identity, who.tenant, key, &self.public_url).await;
        }
        let reasons = notice.reasons();
        Ok(Some(text(
            key.kind,
            notice.records,
            &reasons,
            &self.public_url,
        )))
    }

    async fn addresses(
        &self,
        key: &Key,
        recipients: &[Recipient],
    ) -> Result<Vec<Secret<String>>, DeliveryError> {
        if !key.kind.is_personal() {
            return recipients::addresses(&self.vault, recipients).await;
        }
        let Some((user, _)) = personal::person(key) else {
            return Ok(Vec::new());
        };
        let address = self.identity.person_address(user).await?;
        Ok(address.into_iter().collect())
    }

    async fn server(&self) -> Result<Option<SmtpServer>, DeliveryError> {
        let Some(endpoint) = self.config.server.clone() else {
            return Ok(None);
        };
        let login = match &self.config.user {
            None => None,
            Some(user) => {
                let password = self
                    .vault
                    .named_secret(SMTP_PASSWORD, IfMissing::Fail)
                    .await?;
                let password = String::from_utf8_lossy(password.expose()).into_owned();
                Some(Login {
                    user: user.clone(),
                    password: Secret::new(password),
                })
            }
        };
        Ok(Some(SmtpServer {
            endpoint,
            security: self.config.security.into(),
            login,
            own_name: self.config.own_name.clone(),
        }))
    }

    /// Says `sending` before a byte leaves; `false` when another daemon was first.
    async fn begin(&self, who: &Principal, key: &Key) -> Result<bool, DeliveryError> {
        let key = key.clone();
        self.db
            .run(who, move |tx| {
                let open =
                    store::notice_locked(tx, &key)?.is_some_and(|notice| notice.state == "open");
                if open {
                    store::notice_state(tx, &key, "sending", None, None)?;
                }
                Ok(open)
            })
            .await
    }

    async fn hand_over(&self, server: Option<SmtpServer>, message: &Message) -> Ended {
        let Some(server) = server else {
            return Ended::Failed("mail_not_configured");
        };
        match self.egress.smtp(server).send(message).await {
            Ok(()) => Ended::Sent,
            Err(SmtpError::InDoubt) => Ended::InDoubt,
            Err(error) if error.is_permanent() => {
                log::warn!("a mail was refused for good: {error}");
                Ended::Failed(error.code())
            }
            Err(error) => Ended::Again(error.code(), error.to_string()),
        }
    }

    async fn store(
        &self,
        who: &Principal,
        key: &Key,
        ended: &Ended,
        recipients: usize,
        last: bool,
    ) -> Result<(), DeliveryError> {
        let (state, code) = match ended {
            Ended::Sent => ("sent", None),
            Ended::InDoubt => ("in_doubt", Some("smtp_in_doubt")),
            Ended::Failed(code) => ("failed", Some(*code)),
            Ended::Again(code, _) if last => ("failed", Some(*code)),
            Ended::Again(code, _) => ("open", Some(*code)),
        };
        let key = key.clone();
        self.db
            .run(who, move |tx| {
                let sent_at = (state == "sent").then(|| tx.now());
                store::notice_state(tx, &key, state, sent_at, code)?;
                if state == "open" {
                    return Ok(());
                }
                let entry = audit::Entry::new(Action::MailSend, "notice", key.id())
                    .after(json!({ "recipients": recipients }));
                match code {
                    None => entry.write(tx)?,
                    Some(code) => entry.failed(code).write(tx)?,
                }
                Ok(())
            })
            .await
    }
}

/// Builds the message. Its id is the notice's, so that a copy is recognised as one.
fn compose(
    from: &str,
    addresses: &[Secret<String>],
    text: Text,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Message, &'static str> {
    let from: Mailbox = from.parse().map_err(|_| "mail_from_invalid")?;
    let local = key.id().replace([':', '/'], ".");
    let id = format!("<{local}@{}>", from.email.domain());
    let mut message = Message::builder()
        .message_id(Some(id))
        .date(now.into())
        .from(from)
        .subject(text.subject.clone());
    for address in addresses {
        let address: Address = address
            .expose()
            .parse()
            .map_err(|_| "recipient_address_invalid")?;
        message = message.to(Mailbox::new(None, address));
    }
    let page = html(&text.subject, &text.body);
    message
        .multipart(MultiPart::alternative_plain_html(text.body, page))
        .map_err(|_| "mail_not_buildable")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(from: &str, to: &str) -> Result<Message, &'static str> {
        let key = Key {
            kind: Kind::RoutingFailures,
            window_start: DateTime::UNIX_EPOCH,
            subject: String::new(),
        };
        let text = Text {
            subject: "Revkeep: 2 records could not be routed".to_owned(),
            body: "In the last five minutes …\n".to_owned(),
        };
        compose(
            from,
            &[Secret::new(to.to_owned())],
            text,
            &key,
            DateTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn an_address_cannot_smuggle_a_header() {
        let sound = composed("Revkeep <revkeep@acme.example>", "ada@acme.example").unwrap();
        let text = String::from_utf8(sound.formatted()).unwrap();
        assert!(text.contains("To: ada@acme.example\r\n") && text.contains("@acme.example>\r\n"));
        let smuggled = composed(
            "Revkeep <revkeep@acme.example>",
            "ada@acme.example\r\nBcc: eve@acme.example",
        );
        assert_eq!(smuggled.unwrap_err(), "recipient_address_invalid");
        assert_eq!(
            composed("nobody", "ada@acme.example").unwrap_err(),
            "mail_from_invalid"
        );
    }
}
