//! People and groups as a provider describes them.

use chrono::{DateTime, Utc};
use kernel::{GroupId, UserId};
use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::{error::IdentityError, sso::person::person_name};

/// RFC 5321 section 4.5.3.1 bounds an address; the other texts have no reason to be longer.
const MOST_TEXT: usize = 254;
const MOST_MAILS: usize = 20;
const MOST_GROUP_NAME: usize = 300;

/// A person as a provider describes it: all that is kept, sealed, in `scim_users`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub user_name: String,
    pub external_id: Option<String>,
    pub display_name: Option<String>,
    pub name: Option<PersonName>,
    pub emails: Vec<Mail>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonName {
    pub formatted: Option<String>,
    pub given: Option<String>,
    pub family: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    pub value: String,
    pub kind: Option<String>,
    pub primary: Option<bool>,
}

impl Profile {
    /// The account's address: the primary one, the first, or the name that the person signs in with.
    pub fn address(&self) -> &str {
        let primary = self.emails.iter().find(|mail| mail.primary == Some(true));
        primary
            .or(self.emails.first())
            .map_or(self.user_name.as_str(), |mail| mail.value.as_str())
    }

    /// What colleagues read.
    pub(crate) fn shown_name(&self) -> String {
        let name = self.name.clone().unwrap_or_default();
        let parts: Vec<String> = [name.given, name.family].into_iter().flatten().collect();
        let told = [
            self.display_name.clone(),
            name.formatted,
            Some(parts.join(" ")),
        ];
        let told = told
            .into_iter()
            .flatten()
            .find(|text| !text.trim().is_empty());
        person_name(told.as_deref(), self.address())
    }

    pub(super) fn check(&self) -> Outcome<()> {
        let name = self.name.clone().unwrap_or_default();
        let texts = [
            &self.external_id,
            &self.display_name,
            &name.formatted,
            &name.given,
            &name.family,
        ];
        let mails = self.emails.iter().all(|mail| {
            sound(&mail.value, MOST_TEXT)
                && mail
                    .kind
                    .as_deref()
                    .is_none_or(|kind| sound(kind, MOST_TEXT))
        });
        let all = sound(&self.user_name, MOST_TEXT)
            && texts
                .into_iter()
                .flatten()
                .all(|text| sound(text, MOST_TEXT))
            && self.emails.len() <= MOST_MAILS
            && mails;
        if all {
            Ok(())
        } else {
            Err(IdentityError::input("userName", "text_invalid"))
        }
    }
}

/// What a provider wants a person to be.
#[derive(Clone, Debug)]
pub struct PersonInput {
    pub profile: Profile,
    /// `None` where the provider did not say: a new person may act, one that exists stays as it is.
    pub active: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupName {
    pub id: GroupId,
    pub name: String,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub id: UserId,
    pub profile: Profile,
    pub active: bool,
    pub groups: Vec<GroupName>,
    /// Changes with every change of the person or of the membership.
    pub version: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct GroupInput {
    pub name: String,
    pub external_id: Option<String>,
    pub members: Vec<UserId>,
}

impl GroupInput {
    pub(super) fn check(&self) -> Outcome<()> {
        let id = self.external_id.as_deref();
        if sound(&self.name, MOST_GROUP_NAME) && id.is_none_or(|id| sound(id, MOST_GROUP_NAME)) {
            Ok(())
        } else {
            Err(IdentityError::input("displayName", "text_invalid"))
        }
    }
}

#[derive(Clone, Debug)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub external_id: Option<String>,
    /// Empty where they were not asked for.
    pub members: Vec<UserId>,
    pub version: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

fn sound(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(value: &str, primary: Option<bool>) -> Mail {
        Mail {
            value: value.to_owned(),
            kind: None,
            primary,
        }
    }

    #[test]
    fn the_primary_address_counts_then_the_first_then_the_sign_in_name() {
        let mut profile = Profile {
            user_name: String::from("ada@acme.example"),
            ..Profile::default()
        };
        assert_eq!(profile.address(), "ada@acme.example");
        profile.emails = vec![
            mail("one@acme.example", None),
            mail("two@acme.example", Some(true)),
        ];
        assert_eq!(profile.address(), "two@acme.example");
        profile.emails[1].primary = Some(false);
        assert_eq!(profile.address(), "one@acme.example");
    }

    #[test]
    fn colleagues_read_the_display_name_or_what_comes_nearest() {
        let mut profile = Profile {
            user_name: String::from("ada@acme.example"),
            ..Profile::default()
        };
        assert_eq!(profile.shown_name(), "ada");
        profile.name = Some(PersonName {
            given: Some(String::from("Ada")),
            family: Some(String::from("Lovelace")),
            formatted: None,
        });
        assert_eq!(profile.shown_name(), "Ada Lovelace");
        profile.display_name = Some(String::from("Countess"));
        assert_eq!(profile.shown_name(), "Countess");
    }

    #[test]
    fn texts_are_bounded_and_hold_no_control_characters() {
        let with = |user_name: String| Profile {
            user_name,
            ..Profile::default()
        };
        assert!(with("a".repeat(254)).check().is_ok());
        for name in [String::new(), "a".repeat(255), String::from("a\r\nb")] {
            assert!(with(name).check().is_err());
        }
        let mut many = with(String::from("a"));
        many.emails = vec![mail("a@b.example", None); 21];
        assert!(many.check().is_err());
    }
}
