//! Asking a directory who somebody is. The password is proven against the very entry whose id becomes the
//! person's: a name that binds as one entry and is found as another opens neither.

use egress::{Egress, Trust};
use kernel::Secret;

use super::{
    entry::{Attributes, proven, subject},
    fault::{Fault, Why},
    filter::Template,
    link::{Link, SUCCESS, Server},
    message::{Entry, NO_ATTRIBUTES, Outcome, Search},
    name::{BindTemplate, DN, USER, escaped, user_name},
    settings::LdapSettings,
};
use crate::{
    error::IdentityError,
    opaque::random,
    sso::{RoleRule, error::SsoError, model::Proven, store::ProviderRow},
};

/// One answers, and a second shows that the name is not one person's.
const MOST_PERSONS: u32 = 2;
const MOST_GROUPS: u32 = 1_000;
const SEARCH_SECONDS: u32 = 8;
const SIZE_LIMIT: u32 = 4;
const NO_SUCH_OBJECT: u32 = 32;

/// Somebody at the door: what they typed.
pub(crate) struct Typed<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a Secret<String>,
}

pub(crate) enum Verdict {
    Proven(Box<Proven>),
    Refused(Why),
}

/// What a directory's row says, read.
pub(crate) struct Directory<'a> {
    egress: &'a Egress,
    row: &'a ProviderRow,
    settings: &'a LdapSettings,
    /// Of the service account.
    secret: Option<&'a Secret<String>>,
    rules: &'a [RoleRule],
    servers: Vec<Server>,
    trust: Option<Trust>,
    persons: Template,
    groups: Option<Template>,
    attributes: Attributes<'a>,
}

impl<'a> Directory<'a> {
    pub(crate) fn of(
        egress: &'a Egress,
        (row, settings): (&'a ProviderRow, &'a LdapSettings),
        secret: Option<&'a Secret<String>>,
        rules: &'a [RoleRule],
    ) -> Result<Self, IdentityError> {
        let unusable = || IdentityError::Crypto("the stored settings of a directory are unusable");
        let groups = settings
            .group_filter
            .as_ref()
            .map(|filter| Template::parse(filter, DN).ok_or_else(unusable))
            .transpose()?;
        Ok(Self {
            egress,
            row,
            settings,
            secret,
            rules,
            servers: settings
                .servers
                .iter()
                .filter_map(|url| Server::parse(url))
                .collect(),
            trust: settings
                .ca
                .as_ref()
                .map(|pem| Trust::only(pem))
                .transpose()
                .map_err(SsoError::from)?,
            persons: Template::parse(&settings.person_filter, USER).ok_or_else(unusable)?,
            groups,
            attributes: settings.attributes(row),
        })
    }

    /// Whether it is who they say. `may_try` is asked with the id of the entry that is about to be tried, or with
    /// nothing where there is none, and charges for it.
    ///
    /// With a service account an unknown name costs the directory the same conversation as a known one.
    pub(crate) async fn judge(
        &self,
        typed: Typed<'_>,
        may_try: impl AsyncFnOnce(Option<&str>) -> Result<bool, IdentityError>,
    ) -> Result<Verdict, IdentityError> {
        // A bind with an empty password succeeds as nobody (RFC 4513 section 5.1.2).
        let Some(user) = user_name(typed.user).filter(|_| !typed.password.expose().is_empty())
        else {
            return Ok(Verdict::Refused(Why::Credentials));
        };
        let mut link = self.connect().await?;
        let verdict = match &self.settings.bind_template {
            Some(template) => {
                self.as_person(&mut link, template, user, typed.password)
                    .await
            }
            None => {
                self.as_account(&mut link, user, typed.password, may_try)
                    .await
            }
        };
        link.close().await;
        verdict
    }

    async fn as_account(
        &self,
        link: &mut Link,
        user: &str,
        password: &Secret<String>,
        may_try: impl AsyncFnOnce(Option<&str>) -> Result<bool, IdentityError>,
    ) -> Result<Verdict, IdentityError> {
        self.bind_account(link).await?;
        let found = self
            .find(link, user)
            .await?
            .and_then(|entry| self.known(entry));
        let subject = found.as_ref().ok().map(|(subject, _)| subject.as_str());
        let allowed = may_try(subject).await?;
        match found {
            Ok((subject, entry)) if allowed => {
                let outcome = link
                    .bind(&entry.dn, password)
                    .await
                    .map_err(SsoError::from)?;
                if let Some(why) = refusal(&outcome)? {
                    return Ok(Verdict::Refused(why));
                }
                let groups = if self.groups.is_some() {
                    self.bind_account(link).await?;
                    self.groups_of(link, &entry.dn).await?
                } else {
                    Vec::new()
                };
                Ok(self.proven(&entry, subject, &groups))
            }
            other => {
                self.bind_nobody(link).await?;
                Ok(Verdict::Refused(other.err().unwrap_or(Why::Credentials)))
            }
        }
    }

    async fn as_person(
        &self,
        link: &mut Link,
        template: &str,
        user: &str,
        password: &Secret<String>,
    ) -> Result<Verdict, IdentityError> {
        let Some(name) = BindTemplate::parse(template).and_then(|template| template.of(user))
        else {
            return Ok(Verdict::Refused(Why::Credentials));
        };
        let outcome = link.bind(&name, password).await.map_err(SsoError::from)?;
        if let Some(why) = refusal(&outcome)? {
            return Ok(Verdict::Refused(why));
        }
        let (subject, entry) = match self
            .find(link, user)
            .await?
            .and_then(|entry| self.known(entry))
        {
            Ok(known) => known,
            Err(why) => return Ok(Verdict::Refused(why)),
        };
        let outcome = link
            .bind(&entry.dn, password)
            .await
            .map_err(SsoError::from)?;
        if let Some(why) = refusal(&outcome)? {
            return Ok(Verdict::Refused(why));
        }
        let groups = self.groups_of(link, &entry.dn).await?;
        Ok(self.proven(&entry, subject, &groups))
    }

    /// A connection to the first server that can be reached and is trusted.
    pub(super) async fn connect(&self) -> Result<Link, SsoError> {
        let mut failed = None;
        for server in &self.servers {
            match Link::open(self.egress, server, self.trust.as_ref()).await {
                Ok(link) => return Ok(link),
                Err(fault) if fault.tries_next() => {
                    log::warn!("{} of a directory: {fault}", server.endpoint);
                    failed = Some(fault);
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(failed.unwrap_or(Fault::Cut("the connection")).into())
    }

    pub(super) async fn bind_account(&self, link: &mut Link) -> Result<(), SsoError> {
        let (Some(name), Some(secret)) = (&self.settings.bind_dn, self.secret) else {
            return Err(Fault::Account(0).into());
        };
        match link.bind(name, secret).await?.code {
            SUCCESS => Ok(()),
            code => Err(Fault::Account(code).into()),
        }
    }

    /// The one entry of a name, or why there is none to try.
    pub(super) async fn find(
        &self,
        link: &mut Link,
        user: &str,
    ) -> Result<Result<Entry, Why>, SsoError> {
        let attributes = self.attributes.all();
        let wanted = Search {
            base: &self.settings.base_dn,
            filter: self.persons.of(user.as_bytes()),
            attributes: &attributes,
            most: MOST_PERSONS,
            seconds: SEARCH_SECONDS,
        };
        const STEP: &str = "the search for a person";
        let (mut entries, outcome) = link.search(&wanted, STEP).await?;
        match (outcome.code, entries.len()) {
            (SUCCESS, 1) => Ok(entries.pop().ok_or(Why::Credentials)),
            (SUCCESS, 0) => Ok(Err(Why::Credentials)),
            (SUCCESS | SIZE_LIMIT, _) => Ok(Err(Why::NotUnique)),
            (code, _) => Err(Fault::Result { step: STEP, code }.into()),
        }
    }

    fn known(&self, entry: Entry) -> Result<(String, Entry), Why> {
        match subject(&entry, self.attributes.subject) {
            Some(subject) if !entry.dn.is_empty() => Ok((subject, entry)),
            _ => Err(Why::NoSubject),
        }
    }

    /// The distinguished names of the groups that name the entry as a member.
    pub(super) async fn groups_of(
        &self,
        link: &mut Link,
        dn: &str,
    ) -> Result<Vec<String>, SsoError> {
        let (Some(base), Some(filter)) = (&self.settings.group_base_dn, &self.groups) else {
            return Ok(Vec::new());
        };
        let wanted = Search {
            base,
            filter: filter.of(dn.as_bytes()),
            attributes: &[NO_ATTRIBUTES],
            most: MOST_GROUPS,
            seconds: SEARCH_SECONDS,
        };
        const STEP: &str = "the search for groups";
        let (entries, outcome) = link.search(&wanted, STEP).await?;
        match outcome.code {
            SUCCESS => Ok(entries.into_iter().map(|entry| entry.dn).collect()),
            code => Err(Fault::Result { step: STEP, code }.into()),
        }
    }

    /// Tries an entry that does not exist, so that the time that an answer takes says nothing.
    async fn bind_nobody(&self, link: &mut Link) -> Result<(), IdentityError> {
        let nobody: String = random::<16>()?.iter().map(|b| format!("{b:02x}")).collect();
        let dn = format!("cn={},{}", escaped(&nobody), self.settings.base_dn);
        link.bind(&dn, &Secret::new(nobody))
            .await
            .map_err(SsoError::from)?;
        Ok(())
    }

    pub(super) fn person(&self, entry: &Entry, groups: &[String]) -> Option<Proven> {
        let subject = subject(entry, self.attributes.subject)?;
        let issuer = &self.row.issuer;
        Some(proven(
            entry,
            issuer,
            subject,
            &self.attributes,
            self.rules,
            groups,
        ))
    }

    fn proven(&self, entry: &Entry, subject: String, groups: &[String]) -> Verdict {
        let issuer = &self.row.issuer;
        let told = proven(entry, issuer, subject, &self.attributes, self.rules, groups);
        Verdict::Proven(Box::new(told))
    }

    pub(super) const fn has_account(&self) -> bool {
        self.settings.bind_dn.is_some()
    }
}

/// `None` for a bind that succeeded. Results that say something about the directory and nothing about the person
/// are faults.
fn refusal(outcome: &Outcome) -> Result<Option<Why>, SsoError> {
    const CONSTRAINT: u32 = 19;
    const INVALID_DN: u32 = 34;
    const INAPPROPRIATE: u32 = 48;
    const INVALID_CREDENTIALS: u32 = 49;
    const INSUFFICIENT_RIGHTS: u32 = 50;
    const UNWILLING: u32 = 53;
    match outcome.code {
        SUCCESS => Ok(None),
        CONSTRAINT | NO_SUCH_OBJECT | INVALID_DN | INAPPROPRIATE | INVALID_CREDENTIALS
        | INSUFFICIENT_RIGHTS | UNWILLING => Ok(Some(Why::of_bind(&outcome.diagnostic))),
        code => Err(Fault::Result {
            step: "the bind of a person",
            code,
        }
        .into()),
    }
}
