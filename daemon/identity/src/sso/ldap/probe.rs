//! A test of a directory, for the administrator who set it up: each step of a sign-in that needs nobody's
//! password, up to the one that fails.

use serde::Serialize;

use super::{
    directory::Directory,
    fault::{Fault, Why},
    name::user_name,
};
use crate::{error::IdentityError, sso::error::SsoError};

/// What was tried, in order; what comes after a step that failed was not.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DirectoryProbe {
    pub steps: Vec<ProbeStep>,
    pub person: Option<ProbedPerson>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ProbeStep {
    /// `connect`, `tls`, `bind`, `search` or `groups`.
    pub step: &'static str,
    /// `None` when it passed.
    pub code: Option<&'static str>,
    pub message: Option<String>,
}

/// Who was found, as a sign-in would see them.
#[derive(Clone, Debug, Serialize)]
pub struct ProbedPerson {
    pub subject: String,
    pub email: Option<String>,
    pub name: Option<String>,
    /// The groups of the provider's rules that the person is in.
    pub groups: Vec<String>,
}

impl DirectoryProbe {
    fn passed(&mut self, step: &'static str) {
        self.steps.push(ProbeStep {
            step,
            code: None,
            message: None,
        });
    }

    fn failed(mut self, step: &'static str, code: &'static str, message: String) -> Self {
        self.steps.push(ProbeStep {
            step,
            code: Some(code),
            message: Some(message),
        });
        self
    }

    fn fault(self, step: &'static str, fault: &Fault) -> Self {
        self.failed(step, fault.code(), fault.message())
    }
}

impl Directory<'_> {
    /// `user` is looked up as a sign-in would. Without a service account only the way there can be tried.
    pub(crate) async fn probe(&self, user: Option<&str>) -> Result<DirectoryProbe, IdentityError> {
        let mut probe = DirectoryProbe::default();
        let mut link = match self.connect().await {
            Ok(link) => link,
            Err(SsoError::Directory(fault @ Fault::Connect(_))) => {
                return Ok(probe.fault("connect", &fault));
            }
            Err(SsoError::Directory(fault)) => {
                probe.passed("connect");
                return Ok(probe.fault("tls", &fault));
            }
            Err(other) => return Err(other.into()),
        };
        probe.passed("connect");
        probe.passed("tls");
        if self.has_account() {
            probe = match self.look(&mut link, user, probe).await {
                Ok(probe) => probe,
                Err(error) => return Err(error.into()),
            };
        }
        link.close().await;
        Ok(probe)
    }

    async fn look(
        &self,
        link: &mut super::link::Link,
        user: Option<&str>,
        mut probe: DirectoryProbe,
    ) -> Result<DirectoryProbe, SsoError> {
        match self.bind_account(link).await {
            Ok(()) => probe.passed("bind"),
            Err(SsoError::Directory(fault)) => return Ok(probe.fault("bind", &fault)),
            Err(other) => return Err(other),
        }
        let Some(user) = user.and_then(user_name) else {
            return Ok(probe);
        };
        let entry = match self.find(link, user).await {
            Ok(Ok(entry)) => entry,
            Ok(Err(Why::NotUnique)) => {
                let told = String::from(
                    "More than one entry fits this name, so nobody gets in by it. Make the filter narrower.",
                );
                return Ok(probe.failed("search", "ldap_not_unique", told));
            }
            Ok(Err(_)) => {
                let told =
                    String::from("Nobody of this name was found. Check the base and the filter.");
                return Ok(probe.failed("search", "ldap_not_found", told));
            }
            Err(SsoError::Directory(fault)) => return Ok(probe.fault("search", &fault)),
            Err(other) => return Err(other),
        };
        if self.person(&entry, &[]).is_none() {
            let told = String::from(
                "The entry was found, and the attribute of its unchanging id is not in it or cannot be read by the service account.",
            );
            return Ok(probe.failed("search", "ldap_no_subject", told));
        }
        probe.passed("search");
        match self.groups_of(link, &entry.dn).await {
            Ok(groups) => {
                probe.passed("groups");
                probe.person = self.person(&entry, &groups).map(|person| ProbedPerson {
                    subject: person.subject,
                    email: person.email,
                    name: person.name,
                    groups: person.groups,
                });
                Ok(probe)
            }
            Err(SsoError::Directory(fault)) => Ok(probe.fault("groups", &fault)),
            Err(other) => Err(other),
        }
    }
}
