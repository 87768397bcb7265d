//! People and groups as JSON (RFC 7643 section 4), and back.

use chrono::{DateTime, SecondsFormat, Utc};
use identity::scim::{Group, GroupInput, Mail, Person, PersonInput, PersonName, Profile};
use kernel::UserId;
use serde_json::{Map, Value, json};

use super::{
    filter::member,
    wire::{GROUP, Refusal, USER, etag},
};

/// A group may have this many members.
const MOST_MEMBERS: usize = 10_000;

/// Sets what there is.
fn put(body: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        body.insert(name.to_owned(), value.into());
    }
}

fn meta(
    place: String,
    kind: &str,
    version: &str,
    (created, updated): (DateTime<Utc>, DateTime<Utc>),
) -> Value {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({
        "resourceType": kind,
        "created": text(created),
        "lastModified": text(updated),
        "location": place,
        "version": etag(version),
    })
}

pub(crate) fn person_json(base: &str, person: &Person) -> Value {
    let profile = &person.profile;
    let mut body = Map::new();
    body.insert(String::from("schemas"), json!([USER]));
    body.insert(String::from("id"), Value::from(person.id.to_string()));
    put(&mut body, "externalId", profile.external_id.clone());
    put(&mut body, "userName", Some(profile.user_name.clone()));
    put(&mut body, "displayName", profile.display_name.clone());
    put(&mut body, "name", profile.name.as_ref().map(name_json));
    put(&mut body, "active", Some(person.active));
    let emails: Vec<Value> = profile.emails.iter().map(mail_json).collect();
    put(&mut body, "emails", (!emails.is_empty()).then_some(emails));
    let groups: Vec<Value> = person
        .groups
        .iter()
        .map(|group| {
            json!({
                "value": group.id,
                "display": group.name,
                "$ref": format!("{base}/Groups/{}", group.id),
            })
        })
        .collect();
    put(&mut body, "groups", (!groups.is_empty()).then_some(groups));
    let place = format!("{base}/Users/{}", person.id);
    let times = (person.created_at, person.updated_at);
    let meta = meta(place, "User", &person.version, times);
    body.insert(String::from("meta"), meta);
    Value::Object(body)
}

fn name_json(name: &PersonName) -> Value {
    let mut parts = Map::new();
    put(&mut parts, "formatted", name.formatted.clone());
    put(&mut parts, "familyName", name.family.clone());
    put(&mut parts, "givenName", name.given.clone());
    Value::Object(parts)
}

fn mail_json(mail: &Mail) -> Value {
    let mut parts = Map::new();
    put(&mut parts, "value", Some(mail.value.clone()));
    put(&mut parts, "type", mail.kind.clone());
    put(&mut parts, "primary", mail.primary);
    Value::Object(parts)
}

/// A person as a provider describes it. What is not kept is passed over.
pub(crate) fn person_read(body: &Value) -> Result<PersonInput, Refusal> {
    let user_name = text(body, "userName")?
        .ok_or_else(|| Refusal::bad("invalidValue", "userName is required."))?;
    let profile = Profile {
        user_name,
        external_id: text(body, "externalId")?,
        display_name: text(body, "displayName")?,
        name: name_read(body)?,
        emails: mails_read(body)?,
    };
    Ok(PersonInput {
        profile,
        active: flag(body, "active")?,
    })
}

/// `None` where it is absent, null or empty.
fn text(body: &Value, name: &str) -> Result<Option<String>, Refusal> {
    match member(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::bad("invalidValue", &format!("{name} is a text."))),
    }
}

/// Some providers write the word.
fn flag(body: &Value, name: &str) -> Result<Option<bool>, Refusal> {
    match member(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(Value::String(word)) if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(Value::String(word)) if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(Refusal::bad(
            "invalidValue",
            &format!("{name} is true or false."),
        )),
    }
}

fn name_read(body: &Value) -> Result<Option<PersonName>, Refusal> {
    let Some(parts) = member(body, "name").filter(|name| name.is_object()) else {
        return Ok(None);
    };
    let name = PersonName {
        formatted: text(parts, "formatted")?,
        given: text(parts, "givenName")?,
        family: text(parts, "familyName")?,
    };
    Ok((name != PersonName::default()).then_some(name))
}

fn mails_read(body: &Value) -> Result<Vec<Mail>, Refusal> {
    let items = match member(body, "emails") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(Refusal::bad("invalidValue", "emails is a list.")),
    };
    let mut mails = Vec::with_capacity(items.len());
    for item in items {
        // One without an address says nothing.
        if let Some(value) = text(item, "value")? {
            mails.push(Mail {
                value,
                kind: text(item, "type")?,
                primary: flag(item, "primary")?,
            });
        }
    }
    if mails
        .iter()
        .filter(|mail| mail.primary == Some(true))
        .count()
        > 1
    {
        return Err(Refusal::bad(
            "invalidValue",
            "At most one address is primary.",
        ));
    }
    Ok(mails)
}

pub(crate) fn group_json(base: &str, group: &Group) -> Value {
    let mut body = Map::new();
    body.insert(String::from("schemas"), json!([GROUP]));
    body.insert(String::from("id"), Value::from(group.id.to_string()));
    put(&mut body, "externalId", group.external_id.clone());
    put(&mut body, "displayName", Some(group.name.clone()));
    let members: Vec<Value> = group
        .members
        .iter()
        .map(|user| {
            json!({
                "value": user,
                "type": "User",
                "$ref": format!("{base}/Users/{user}"),
            })
        })
        .collect();
    put(
        &mut body,
        "members",
        (!members.is_empty()).then_some(members),
    );
    let place = format!("{base}/Groups/{}", group.id);
    let times = (group.created_at, group.updated_at);
    let meta = meta(place, "Group", &group.version, times);
    body.insert(String::from("meta"), meta);
    Value::Object(body)
}

pub(crate) fn group_read(body: &Value) -> Result<GroupInput, Refusal> {
    let name = text(body, "displayName")?
        .ok_or_else(|| Refusal::bad("invalidValue", "displayName is required."))?;
    let members = match member(body, "members") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) if items.len() <= MOST_MEMBERS => items
            .iter()
            .map(|item| {
                let id = member(item, "value").and_then(Value::as_str);
                id.and_then(|id| id.parse::<UserId>().ok()).ok_or_else(|| {
                    Refusal::bad("invalidValue", "A member is named by the id of a person.")
                })
            })
            .collect::<Result<_, _>>()?,
        Some(_) => {
            return Err(Refusal::bad(
                "invalidValue",
                "members is a list of at most 10,000.",
            ));
        }
    };
    Ok(GroupInput {
        name,
        external_id: text(body, "externalId")?,
        members,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_read_in_any_case_and_a_password_is_not_kept() {
        let input = person_read(&json!({
            "USERNAME": "ada@acme.example", "password": "canary", "Active": "False",
            "Name": { "GIVENNAME": "Ada" }, "emails": [{ "VALUE": "a@acme.example", "primary": true }],
        }))
        .unwrap();
        assert_eq!(input.active, Some(false));
        assert_eq!(input.profile.address(), "a@acme.example");
        assert!(!format!("{input:?}").contains("canary"));
        assert_eq!(
            person_read(&json!({ "userName": "a" })).unwrap().active,
            None
        );
    }

    #[test]
    fn what_is_no_person_or_group_is_refused() {
        for body in [
            json!({}),
            json!([]),
            json!({ "userName": 1 }),
            json!({ "userName": "a", "active": "maybe" }),
            json!({ "userName": "a", "emails": "a@b.example" }),
            json!({ "userName": "a", "emails": [
                { "value": "a", "primary": true }, { "value": "b", "primary": true } ] }),
        ] {
            assert!(person_read(&body).is_err(), "{body}");
        }
        for body in [
            json!({}),
            json!({ "displayName": "g", "members": [{ "value": "tenant_1" }] }),
            json!({ "displayName": "g", "members": {} }),
        ] {
            assert!(group_read(&body).is_err(), "{body}");
        }
    }
}
