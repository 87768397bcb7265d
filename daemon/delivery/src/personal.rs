//! Mails to one person about their own account. They go by the account, not by a tenant: whoever
//! belongs to two is told once. The address is opened, and a one-time token made, when the mail is
//! sent; an account that does not exist leaves no notice and no mail.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, Unit};
use identity::{Identity, SessionOrigin};
use jobs::{Handler, Job, JobError};
use kernel::{Event, UserId};

use crate::{
    error::DeliveryError,
    notice::{Key, Kind, THEFT_WINDOW, window},
    store,
    subscribers::send_job,
    text::Text,
};

/// At most one mail about a locked account in this time.
const LOCKED_WINDOW: TimeDelta = TimeDelta::hours(1);

/// With so few recovery codes left, the mail asks for new ones in its subject.
const FEW_CODES: i64 = 2;

/// The events that this module subscribes to.
pub(crate) const EVENTS: [&str; 9] = [
    "event.session_theft",
    "event.password_changed",
    "event.password_reset_asked",
    "event.account_locked",
    "event.new_device",
    "event.factor_added",
    "event.factor_removed",
    "event.recovery_code_used",
    "event.recovery_codes_made",
];

/// Subscribes to one of [`EVENTS`].
pub(crate) struct Personal {
    pub(crate) db: Db,
    pub(crate) identity: Identity,
    pub(crate) kind: &'static str,
}

#[async_trait]
impl Handler for Personal {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let (kind, subject) = match job.read()? {
            Event::SessionTheft { user } => (Kind::SessionTheft, Some(user.to_string())),
            Event::PasswordChanged { user } => (Kind::PasswordChanged, Some(user.to_string())),
            Event::PasswordResetAsked { account } => {
                (Kind::PasswordReset, self.holder(&account).await?)
            }
            Event::AccountLocked { account } => (Kind::AccountLocked, self.holder(&account).await?),
            Event::NewDevice { user, session } => {
                (Kind::NewDevice, Some(format!("{user}/{session}")))
            }
            Event::FactorAdded { user, factor } => {
                (Kind::FactorAdded, Some(format!("{user}/{factor}")))
            }
            Event::FactorRemoved { user, factor } => {
                (Kind::FactorRemoved, Some(format!("{user}/{factor}")))
            }
            Event::RecoveryCodeUsed { user, remaining } => {
                (Kind::RecoveryCodeUsed, Some(format!("{user}/{remaining}")))
            }
            Event::RecoveryCodesMade { user } => (Kind::RecoveryCodesMade, Some(user.to_string())),
            _ => {
                return Err(JobError::Dead {
                    code: "payload_invalid",
                    detail: "the payload is another event's".to_owned(),
                });
            }
        };
        let Some(subject) = subject else {
            return Ok(());
        };
        let who = job.principal();
        Ok(self
            .db
            .run(&who, move |tx| {
                let key = Key {
                    kind,
                    window_start: window_of(kind, tx.now()),
                    subject,
                };
                if store::notice_open(tx, &key)? {
                    jobs::enqueue(tx, send_job(&key)?)?;
                }
                Ok::<_, DeliveryError>(())
            })
            .await?)
    }
}

impl Personal {
    async fn holder(&self, account: &str) -> Result<Option<String>, DeliveryError> {
        let user = self.identity.person_by_account(account).await?;
        Ok(user.map(|user| user.to_string()))
    }
}

fn window_of(kind: Kind, now: DateTime<Utc>) -> DateTime<Utc> {
    match kind {
        Kind::SessionTheft => window(now, THEFT_WINDOW),
        Kind::AccountLocked => window(now, LOCKED_WINDOW),
        _ => now,
    }
}

/// Whom a notice is about, when it is about a person, and the detail that it names.
pub(crate) fn person(key: &Key) -> Option<(UserId, Option<&str>)> {
    let (user, detail) = match key.subject.split_once('/') {
        Some((user, detail)) => (user, Some(detail)),
        None => (key.subject.as_str(), None),
    };
    Some((user.parse().ok()?, detail))
}

/// What the mail says. `None`: there is nothing to say any more.
pub(crate) async fn text(
    identity: &Identity,
    key: &Key,
    public_url: &str,
) -> Result<Option<Text>, DeliveryError> {
    let Some((user, detail)) = person(key) else {
        return Ok(None);
    };
    Ok(match key.kind {
        Kind::SessionTheft => Some(theft(public_url)),
        Kind::PasswordChanged => Some(password_changed(public_url)),
        Kind::AccountLocked => Some(account_locked(public_url)),
        Kind::PasswordReset => {
            let token = identity.reset_link_create(user).await?;
            Some(password_reset(public_url, token.expose()))
        }
        Kind::NewDevice => match detail.and_then(|session| session.parse().ok()) {
            Some(session) => identity
                .session_origin(user, session)
                .await?
                .map(|origin| new_device(public_url, &origin)),
            None => None,
        },
        Kind::FactorAdded => detail.map(|factor| factor_added(public_url, factor)),
        Kind::FactorRemoved => detail.map(|factor| factor_removed(public_url, factor)),
        Kind::RecoveryCodeUsed => detail
            .and_then(|remaining| remaining.parse().ok())
            .map(|remaining| recovery_code_used(public_url, remaining)),
        Kind::RecoveryCodesMade => Some(recovery_codes_made(public_url)),
        _ => None,
    })
}

fn theft(public_url: &str) -> Text {
    Text {
        subject: "Revkeep: all your sessions were ended".to_owned(),
        body: format!(
            "Somebody used a sign-in key of yours that had been replaced already. That happens when\n\
             a browser's data was copied, so Revkeep ended all your sessions.\n\n\
             Sign in again, and if this was not you, change your password and tell your\n\
             administrator:\n{public_url}/sign-in\n"
        ),
    }
}

fn password_changed(public_url: &str) -> Text {
    Text {
        subject: "Revkeep: your password was changed".to_owned(),
        body: format!(
            "The password of your account was changed, and your other sessions were ended.\n\n\
             If this was you, there is nothing to do. If it was not, ask for a new password at once\n\
             and tell your administrator:\n{public_url}/forgot-password\n"
        ),
    }
}

fn account_locked(public_url: &str) -> Text {
    Text {
        subject: "Revkeep: sign-in to your account was locked for 15 minutes".to_owned(),
        body: format!(
            "Somebody typed wrong passwords for your account, so sign-in from that network is locked\n\
             for 15 minutes. You can still sign in from elsewhere.\n\n\
             If this was you, wait and try again, or ask for a new password. If it was not, your\n\
             password has not been found; tell your administrator if it happens again:\n\
             {public_url}/forgot-password\n\n\
             You are told at most once an hour.\n"
        ),
    }
}

fn password_reset(public_url: &str, token: &str) -> Text {
    Text {
        subject: "Revkeep: choose a new password".to_owned(),
        body: format!(
            "Somebody asked for a new password for your account. Choose it here:\n\
             {public_url}/reset#{token}\n\n\
             The link works once, for an hour, and voids every earlier one. If you did not ask for\n\
             it, do nothing: your password stays as it is.\n"
        ),
    }
}

fn new_device(public_url: &str, origin: &SessionOrigin) -> Text {
    let what = origin.device.as_ref().map_or_else(
        || "an unknown program".to_owned(),
        |device| format!("{} on {}", device.browser, device.system),
    );
    let place = origin.address.as_deref().unwrap_or("unknown");
    let at = origin.at.format("%Y-%m-%d %H:%M");
    Text {
        subject: "Revkeep: you signed in from a new device".to_owned(),
        body: format!(
            "Your account was used from a device or network that was not seen before:\n\n\
             \u{20}   {what}\n\
             \u{20}   address {place}\n\
             \u{20}   {at} UTC\n\n\
             If this was you, there is nothing to do. If it was not, end that session, change your\n\
             password and tell your administrator:\n{public_url}/account/sessions\n"
        ),
    }
}

/// A factor as people call it.
fn factor_name(factor: &str) -> &'static str {
    match factor {
        "totp" => "an authenticator app",
        "passkey" => "a passkey",
        _ => "a second factor",
    }
}

fn factor_added(public_url: &str, factor: &str) -> Text {
    let name = factor_name(factor);
    Text {
        subject: format!("Revkeep: {name} was added to your account"),
        body: format!(
            "From now on {name} answers when your account asks for a second factor.\n\n\
             If this was you, there is nothing to do. If it was not, somebody can sign in as you:\n\
             remove it, end your sessions, change your password, and tell your administrator:\n\
             {public_url}/account/factors\n"
        ),
    }
}

fn factor_removed(public_url: &str, factor: &str) -> Text {
    let name = factor_name(factor);
    Text {
        subject: format!("Revkeep: {name} was removed from your account"),
        body: format!(
            "It no longer answers when your account asks for a second factor.\n\n\
             If this was you, there is nothing to do. If it was not, change your password, end your\n\
             sessions, and tell your administrator:\n\
             {public_url}/account/factors\n"
        ),
    }
}

fn recovery_code_used(public_url: &str, remaining: i64) -> Text {
    let left = match remaining {
        0 => "none is left".to_owned(),
        1 => "one is left".to_owned(),
        more => format!("{more} are left"),
    };
    let (subject, advice) = if remaining <= FEW_CODES {
        (
            format!("Revkeep: a recovery code was used, {left}"),
            "Make new ones now: without a factor and without a code only an administrator lets you in.",
        )
    } else {
        (
            "Revkeep: a recovery code was used".to_owned(),
            "A used code is void. You can make new ones at any time.",
        )
    };
    Text {
        subject,
        body: format!(
            "Your account was signed in to with a recovery code in place of a second factor. Of your\n\
             codes, {left}.\n\n\
             {advice}\n\n\
             If this was not you, end that session, change your password and tell your administrator:\n\
             {public_url}/account/factors\n"
        ),
    }
}

fn recovery_codes_made(public_url: &str) -> Text {
    Text {
        subject: "Revkeep: you have new recovery codes".to_owned(),
        body: format!(
            "New recovery codes were made for your account, and the old ones are void.\n\n\
             If this was you, keep them where you keep no password. If it was not, somebody can sign\n\
             in as you: make new ones, end your sessions, change your password, and tell your\n\
             administrator:\n{public_url}/account/factors\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use identity::Device;

    use super::*;

    #[test]
    fn a_subject_names_a_person_and_perhaps_a_detail() {
        let user = UserId::generate(&kernel::SystemClock);
        let key = |subject: String| Key {
            kind: Kind::NewDevice,
            window_start: DateTime::UNIX_EPOCH,
            subject,
        };
        assert_eq!(person(&key(user.to_string())), Some((user, None)));
        assert_eq!(
            person(&key(format!("{user}/passkey"))),
            Some((user, Some("passkey")))
        );
        assert_eq!(person(&key(String::new())), None);
    }

    #[test]
    fn a_mail_about_a_used_code_is_louder_when_few_are_left() {
        let subject = |left| recovery_code_used("https://revkeep.example", left).subject;
        assert_eq!(subject(3), "Revkeep: a recovery code was used");
        assert_eq!(subject(2), "Revkeep: a recovery code was used, 2 are left");
        assert!(subject(0).ends_with("none is left"));
    }

    #[test]
    fn a_mail_about_a_device_says_what_where_and_when() {
        let origin = SessionOrigin {
            address: Some("192.0.2.7".to_owned()),
            device: Some(Device {
                browser: "Firefox".to_owned(),
                system: "Linux".to_owned(),
            }),
            at: DateTime::UNIX_EPOCH,
        };
        let text = new_device("https://revkeep.example", &origin);
        for part in ["Firefox on Linux", "address 192.0.2.7", "1970-01-01 00:00"] {
            assert!(text.body.contains(part), "{}", text.body);
        }
    }
}
