//! Mails about membership: invitations, sign-ups, roles, ownership, visits, trials. Whom a mail goes to
//! and what it says is read when it is sent; an invitation's or a sign-up's link is made then (its token
//! is stored as a hash, and an older link is void).

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use db::{Db, Unit};
use identity::{Identity, SignUpLetter};
use jobs::{Handler, Job, JobError};
use kernel::{Event, Role, Secret, TenantId, UserId};

use crate::{
    error::DeliveryError,
    notice::{Key, Kind},
    store,
    subscribers::send_job,
    text::Text,
};

/// The events that this module subscribes to.
pub(crate) const EVENTS: [&str; 13] = [
    "event.invitation",
    "event.sign_up",
    "event.roles_changed",
    "event.member_deactivated",
    "event.member_reactivated",
    "event.factors_reset",
    "event.owner_changed",
    "event.support_visit",
    "event.trial_ending",
    "event.trial_ended",
    "event.tenant_deletion",
    "event.tenant_kept",
    "event.webhook_stopped",
];

/// Subscribes to one of [`EVENTS`].
pub(crate) struct People {
    pub(crate) db: Db,
    pub(crate) kind: &'static str,
}

/// A mail that is ready but for the envelope.
pub(crate) struct Letter {
    pub(crate) address: Secret<String>,
    pub(crate) text: Text,
}

#[async_trait]
impl Handler for People {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let notices = notices(&job.read()?);
        if notices.is_empty() {
            return Err(JobError::Dead {
                code: "payload_invalid",
                detail: "the payload is another event's".to_owned(),
            });
        }
        let who = job.principal();
        Ok(self
            .db
            .run(&who, move |tx| {
                for (kind, subject) in notices {
                    let key = Key {
                        kind,
                        window_start: tx.now(),
                        subject,
                    };
                    if store::notice_open(tx, &key)? {
                        jobs::enqueue(tx, send_job(&key)?)?;
                    }
                }
                Ok::<_, DeliveryError>(())
            })
            .await?)
    }
}

/// What is to be told of an event, and of whom or what.
fn notices(event: &Event) -> Vec<(Kind, String)> {
    match event {
        Event::Invitation { invitation } => vec![(Kind::Invitation, invitation.to_string())],
        Event::SignUp { sign_up } => vec![(Kind::SignUp, sign_up.to_string())],
        Event::RolesChanged { user } => vec![(Kind::RolesChanged, user.to_string())],
        Event::MemberDeactivated { user } => vec![(Kind::MemberDeactivated, user.to_string())],
        Event::MemberReactivated { user } => vec![(Kind::MemberReactivated, user.to_string())],
        Event::FactorsReset { user } => vec![(Kind::FactorsReset, user.to_string())],
        Event::OwnerChanged { from, to } => vec![
            (Kind::OwnerLost, from.to_string()),
            (Kind::OwnerGained, to.to_string()),
        ],
        Event::SupportVisit { visit } => vec![(Kind::SupportVisit, visit.to_string())],
        Event::TrialEnding => vec![(Kind::TrialEnding, String::new())],
        Event::TrialEnded => vec![(Kind::TrialEnded, String::new())],
        Event::TenantDeletion { due_at } => vec![(Kind::TenantDeletion, due_at.to_rfc3339())],
        Event::TenantKept => vec![(Kind::TenantKept, String::new())],
        Event::WebhookStopped { webhook } => vec![(Kind::WebhookStopped, webhook.to_string())],
        _ => Vec::new(),
    }
}

/// The mail of a notice. `None`: there is nobody to tell, or nothing any more.
pub(crate) async fn letter(
    identity: &Identity,
    tenant: TenantId,
    key: &Key,
    public_url: &str,
) -> Result<Option<Letter>, DeliveryError> {
    match key.kind {
        Kind::Invitation => invitation(identity, tenant, key, public_url).await,
        Kind::SignUp => sign_up(identity, key, public_url).await,
        Kind::SupportVisit => visit(identity, tenant, key, public_url).await,
        Kind::WebhookStopped => webhook_stopped(identity, tenant, public_url).await,
        Kind::TrialEnding | Kind::TrialEnded => trial(identity, tenant, key.kind, public_url).await,
        _ => member(identity, tenant, key, public_url).await,
    }
}

/// The mail has left: an invitation says so in its list.
pub(crate) async fn sent(
    identity: &Identity,
    tenant: TenantId,
    key: &Key,
) -> Result<(), DeliveryError> {
    if let (Kind::Invitation, Ok(id)) = (key.kind, key.subject.parse()) {
        identity.invitation_sent(tenant, id).await?;
    }
    Ok(())
}

async fn invitation(
    identity: &Identity,
    tenant: TenantId,
    key: &Key,
    public_url: &str,
) -> Result<Option<Letter>, DeliveryError> {
    let Ok(id) = key.subject.parse() else {
        return Ok(None);
    };
    let Some(letter) = identity.invitation_letter(tenant, id).await? else {
        return Ok(None);
    };
    let organisation = line(&letter.organisation);
    let by = letter
        .inviter
        .map_or_else(|| "An administrator".to_owned(), |name| line(&name));
    let body = format!(
        "{by} invites you to {organisation} on Revkeep, as {}.\n\n\
         Open this link to accept; you choose your own password there:\n\
         {public_url}/invitation#{}\n\n\
         The link works once, until {} UTC. If you did not expect it, do nothing.\n",
        roles(&letter.roles),
        letter.token.expose(),
        letter.expires_at.format("%Y-%m-%d %H:%M"),
    );
    Ok(Some(Letter {
        address: letter.address,
        text: Text {
            subject: format!("Revkeep: you are invited to {organisation}"),
            body,
        },
    }))
}

async fn sign_up(
    identity: &Identity,
    key: &Key,
    public_url: &str,
) -> Result<Option<Letter>, DeliveryError> {
    let Ok(id) = key.subject.parse() else {
        return Ok(None);
    };
    let (address, text) = match identity.sign_up_letter(id).await? {
        None => return Ok(None),
        Some(SignUpLetter::Confirm {
            token,
            address,
            organisation,
            expires_at,
        }) => (
            address,
            Text {
                subject: "Revkeep: confirm your address".to_owned(),
                body: format!(
                    "Somebody signed up with this address for {}.\n\n\
                     Open this link to choose a password and begin a trial of 14 days:\n\
                     {public_url}/sign-up/complete#{}\n\n\
                     The link works once, until {} UTC. If this was not you, do nothing.\n",
                    line(&organisation),
                    token.expose(),
                    expires_at.format("%Y-%m-%d %H:%M"),
                ),
            },
        ),
        Some(SignUpLetter::HasAccount { address }) => (
            address,
            Text {
                subject: "Revkeep: you have an account already".to_owned(),
                body: format!(
                    "Somebody signed up with this address, which has an account. Nothing was changed.\n\n\
                     If this was you, sign in instead:\n{public_url}/sign-in\n"
                ),
            },
        ),
    };
    Ok(Some(Letter { address, text }))
}

async fn visit(
    identity: &Identity,
    tenant: TenantId,
    key: &Key,
    public_url: &str,
) -> Result<Option<Letter>, DeliveryError> {
    let Ok(id) = key.subject.parse() else {
        return Ok(None);
    };
    let Some(visit) = identity.visit_show(tenant, id).await? else {
        return Ok(None);
    };
    let brief = identity.tenant_brief(tenant).await?;
    let (by, organisation) = (line(&visit.by_name), line(&brief.name));
    let (subject, may) = match (visit.wants_write, visit.break_glass) {
        (true, true) => (
            format!("Revkeep: {by} changes things in {organisation} without your consent"),
            "They broke the glass: they may change routing without your consent.".to_owned(),
        ),
        (true, false) => (
            format!("Revkeep: {by} asks to change things in {organisation}"),
            "They read, and ask to change routing. That takes your consent.".to_owned(),
        ),
        (false, _) => (
            format!("Revkeep: {by} visits {organisation}"),
            "They read and change nothing.".to_owned(),
        ),
    };
    let body = format!(
        "{by}, who operates this appliance, entered {organisation}.\n\n\
         Reason: {}\n\n\
         {may} No visitor lets people in, makes keys, or changes settings of access. The visit ends by\n\
         itself at {} UTC.\n\n\
         You see the visit, consent to more, or end it here:\n\
         {public_url}/settings/organisation\n",
        line(&visit.reason),
        visit.ends_at.format("%Y-%m-%d %H:%M"),
    );
    to_owner(identity, brief.owner, Text { subject, body }).await
}

async fn webhook_stopped(
    identity: &Identity,
    tenant: TenantId,
    public_url: &str,
) -> Result<Option<Letter>, DeliveryError> {
    let brief = identity.tenant_brief(tenant).await?;
    let organisation = line(&brief.name);
    let text = Text {
        subject: format!("Revkeep: a webhook of {organisation} was switched off"),
        body: format!(
            "A webhook of {organisation} has taken nothing for a day or longer, or its receiver said that it\n\
             is gone. It was switched off, and is told of no more events.\n\n\
             You see which one, and why, and can switch it on again here:\n\
             {public_url}/settings/webhooks\n"
        ),
    };
    to_owner(identity, brief.owner, text).await
}

async fn trial(
    identity: &Identity,
    tenant: TenantId,
    kind: Kind,
    public_url: &str,
) -> Result<Option<Letter>, DeliveryError> {
    let brief = identity.tenant_brief(tenant).await?;
    let organisation = line(&brief.name);
    let over = "Nothing is deleted: everything can be read, and routing goes on once the operator of this\n\
                appliance has activated the organisation.";
    let text = match (kind, brief.trial_ends_at) {
        (Kind::TrialEnding, Some(end)) if brief.state == "trial" => Text {
            subject: format!("Revkeep: the trial of {organisation} ends soon"),
            body: format!(
                "The trial of {organisation} ends at {} UTC. From then on nothing can be changed, and\n\
                 routing rests.\n\n{over}\n\n{public_url}\n",
                end.format("%Y-%m-%d %H:%M")
            ),
        },
        (Kind::TrialEnded, _) if brief.state == "read_only" => Text {
            subject: format!("Revkeep: the trial of {organisation} is over"),
            body: format!(
                "The trial of {organisation} is over: nothing can be changed, and routing rests.\n\n\
                 {over}\n\n{public_url}\n"
            ),
        },
        _ => return Ok(None),
    };
    to_owner(identity, brief.owner, text).await
}

/// What all administrators are told of the end of their organisation, and of its being taken back.
pub(crate) async fn deletion(
    identity: &Identity,
    tenant: TenantId,
    key: &Key,
    public_url: &str,
) -> Result<Option<Text>, DeliveryError> {
    let organisation = line(&identity.tenant_brief(tenant).await?.name);
    if matches!(key.kind, Kind::TenantKept) {
        return Ok(Some(Text {
            subject: format!("Revkeep: {organisation} is kept"),
            body: format!(
                "The deletion of {organisation} was taken back. Nothing was erased.\n\n{public_url}/settings/data\n"
            ),
        }));
    }
    let Ok(due_at) = key.subject.parse::<DateTime<Utc>>() else {
        return Ok(None);
    };
    let due = due_at.format("%Y-%m-%d %H:%M");
    Ok(Some(Text {
        subject: format!(
            "Revkeep: {organisation} will be deleted on {}",
            due_at.format("%Y-%m-%d")
        ),
        body: format!(
            "The deletion of {organisation} was asked for.\n\n\
             Until {due} UTC everything works as before, and the owner can take it back and export the data:\n\
             {public_url}/settings/data\n\n\
             From then on everything is erased: records, rules, the log of routing, members, and the keys of\n\
             all secrets. It cannot be undone.\n\n\
             Keep this mail: afterwards the certificate of the erasure stands at\n\
             {public_url}/erasure#{tenant}\n"
        ),
    }))
}

async fn to_owner(
    identity: &Identity,
    owner: Option<(UserId, String)>,
    text: Text,
) -> Result<Option<Letter>, DeliveryError> {
    let Some((user, _)) = owner else {
        return Ok(None);
    };
    let address = identity.person_address(user).await?;
    Ok(address.map(|address| Letter { address, text }))
}

async fn member(
    identity: &Identity,
    tenant: TenantId,
    key: &Key,
    public_url: &str,
) -> Result<Option<Letter>, DeliveryError> {
    let Ok(user) = key.subject.parse::<UserId>() else {
        return Ok(None);
    };
    let organisation = line(&identity.tenant_brief(tenant).await?.name);
    let (subject, what) = match key.kind {
        Kind::RolesChanged => {
            let held = identity.member_roles(tenant, user).await?;
            (
                format!("Revkeep: your roles in {organisation} were changed"),
                format!(
                    "An administrator changed your roles in {organisation}. You are now {}.",
                    roles(&held)
                ),
            )
        }
        Kind::MemberDeactivated => (
            format!("Revkeep: you are no longer in {organisation}"),
            format!(
                "An administrator of {organisation} deactivated your membership and ended your sessions there."
            ),
        ),
        Kind::MemberReactivated => (
            format!("Revkeep: you are in {organisation} again"),
            format!(
                "An administrator of {organisation} reactivated your membership. Sign in as before."
            ),
        ),
        Kind::FactorsReset => (
            "Revkeep: your second factors were taken away".to_owned(),
            format!(
                "An administrator of {organisation} reset your second factors and ended your sessions.\n\
                 Sign in with your password and set up a new one."
            ),
        ),
        Kind::OwnerGained => (
            format!("Revkeep: you own {organisation} now"),
            format!("Ownership of {organisation} was transferred to you."),
        ),
        Kind::OwnerLost => (
            format!("Revkeep: {organisation} has another owner"),
            format!(
                "You transferred the ownership of {organisation}. You are still an administrator."
            ),
        ),
        _ => return Ok(None),
    };
    let body = format!(
        "{what}\n\nIf you did not expect this, speak to an administrator of {organisation}.\n\n{public_url}/sign-in\n"
    );
    let address = identity.person_address(user).await?;
    let text = Text { subject, body };
    Ok(address.map(|address| Letter { address, text }))
}

fn roles(held: &[Role]) -> String {
    let names: Vec<&str> = held
        .iter()
        .map(|role| match role {
            Role::Member => "member",
            Role::Admin => "administrator",
            Role::Reviewer => "reviewer",
            Role::SuperAdmin => "operator",
        })
        .collect();
    names.join(" and ")
}

/// A name that people typed, as part of one line: no control characters, no address that a mail
/// program would turn into a link.
fn line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect();
    text.replace("://", ":/ /")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_the_list_is_told_and_no_other() {
        let user = UserId::generate(&kernel::SystemClock);
        assert_eq!(
            notices(&Event::OwnerChanged {
                from: user,
                to: user
            })
            .len(),
            2
        );
        assert_eq!(notices(&Event::TrialEnded).len(), 1);
        assert!(notices(&Event::SessionTheft { user }).is_empty());
    }

    #[test]
    fn a_name_adds_no_line_and_no_link() {
        let hostile = line("Acme\r\nBcc: eve@x.example https://evil.example");
        assert!(!hostile.contains('\n') && !hostile.contains('\r') && !hostile.contains("://"));
    }
}
