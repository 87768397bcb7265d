//! An assertion, read from the very bytes that were signed (SAML core section 2, profiles section 4.1.4.3).

use chrono::{DateTime, TimeDelta, Utc};
use uppsala::NodeId;

use crate::{
    protocol::{Asked, Attribute, Claims, Refusal},
    xml::{ASSERTION, Xml},
};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const LONGEST_SUBJECT: usize = 255;
const LONGEST_ID: usize = 255;
const MOST_ATTRIBUTES: usize = 200;
const MOST_VALUES: usize = 2_000;

/// The time of the check, and how far it may be off.
#[derive(Clone, Copy)]
struct Hours {
    now: DateTime<Utc>,
    skew: TimeDelta,
}

impl Hours {
    fn begun(self, from: DateTime<Utc>) -> Result<(), Refusal> {
        if from > self.now + self.skew {
            return Err(Refusal::NotYet);
        }
        Ok(())
    }

    fn not_over(self, end: DateTime<Utc>) -> Result<(), Refusal> {
        if self.now >= end + self.skew {
            return Err(Refusal::Expired);
        }
        Ok(())
    }
}

/// `signed` is the canonical form of an assertion that a trusted key signed.
pub(crate) fn read(signed: &[u8], asked: &Asked) -> Result<Claims, Refusal> {
    let text = std::str::from_utf8(signed).map_err(|_| Refusal::Xml)?;
    let xml = Xml::parse(text)?;
    let root = xml.root;
    if !xml.is(root, ASSERTION, "Assertion") || xml.attribute(root, "Version") != Some("2.0") {
        return Err(Refusal::Shape);
    }
    let hours = Hours {
        now: asked.now,
        skew: TimeDelta::seconds(i64::from(asked.skew_seconds)),
    };
    let issuer = one(&xml, root, "Issuer")?;
    if xml.text(issuer)?.trim() != asked.issuer {
        return Err(Refusal::Issuer);
    }
    hours.begun(time(&xml, root, "IssueInstant")?.ok_or(Refusal::Shape)?)?;
    check_conditions(&xml, one(&xml, root, "Conditions")?, hours, asked)?;
    check_statements(&xml, root, hours)?;
    let subject = one(&xml, root, "Subject")?;
    let expires_at = check_confirmed(&xml, subject, hours, asked)?;
    let (subject, subject_format) = name_id(&xml, subject)?;
    Ok(Claims {
        assertion_id: xml
            .attribute(root, "ID")
            .filter(|id| (1..=LONGEST_ID).contains(&id.len()))
            .ok_or(Refusal::Shape)?
            .to_owned(),
        subject,
        subject_format,
        expires_at: expires_at + hours.skew,
        attributes: attributes(&xml, root)?,
    })
}

fn one(xml: &Xml<'_>, parent: NodeId, name: &str) -> Result<NodeId, Refusal> {
    xml.at_most_one(parent, ASSERTION, name)?
        .ok_or(Refusal::Shape)
}

/// Within its time, and for us among its audience: every restriction must name us.
fn check_conditions(
    xml: &Xml<'_>,
    conditions: NodeId,
    hours: Hours,
    asked: &Asked,
) -> Result<(), Refusal> {
    if let Some(from) = time(xml, conditions, "NotBefore")? {
        hours.begun(from)?;
    }
    if let Some(end) = time(xml, conditions, "NotOnOrAfter")? {
        hours.not_over(end)?;
    }
    let mut for_us = false;
    for condition in xml.elements(conditions)? {
        if xml.is(condition, ASSERTION, "AudienceRestriction") {
            let mut named = false;
            for audience in xml.named(condition, ASSERTION, "Audience")? {
                named |= xml.text(audience)?.trim() == asked.audience;
            }
            if !named {
                return Err(Refusal::Audience);
            }
            for_us = true;
        } else if !xml.is(condition, ASSERTION, "OneTimeUse")
            && !xml.is(condition, ASSERTION, "ProxyRestriction")
        {
            // SAML core section 2.5.1.1: what is not understood makes the assertion invalid.
            return Err(Refusal::Condition);
        }
    }
    if for_us {
        Ok(())
    } else {
        Err(Refusal::Audience)
    }
}

/// Somebody signed in at the provider, in a session that is not over.
fn check_statements(xml: &Xml<'_>, root: NodeId, hours: Hours) -> Result<(), Refusal> {
    let statements = xml.named(root, ASSERTION, "AuthnStatement")?;
    if statements.is_empty() {
        return Err(Refusal::Shape);
    }
    for statement in statements {
        if let Some(end) = time(xml, statement, "SessionNotOnOrAfter")? {
            hours.not_over(end)?;
        }
    }
    Ok(())
}

/// The end of the bearer confirmation that holds: for our address, for our request, in time. Why the last
/// one does not hold is the answer where none does.
fn check_confirmed(
    xml: &Xml<'_>,
    subject: NodeId,
    hours: Hours,
    asked: &Asked,
) -> Result<DateTime<Utc>, Refusal> {
    let mut refusal = Refusal::Subject;
    for confirmation in xml.named(subject, ASSERTION, "SubjectConfirmation")? {
        if xml.attribute(confirmation, "Method") != Some(BEARER) {
            continue;
        }
        match bearer(xml, confirmation, hours, asked) {
            Ok(end) => return Ok(end),
            Err(why) => refusal = why,
        }
    }
    Err(refusal)
}

fn bearer(
    xml: &Xml<'_>,
    confirmation: NodeId,
    hours: Hours,
    asked: &Asked,
) -> Result<DateTime<Utc>, Refusal> {
    let data = one(xml, confirmation, "SubjectConfirmationData")?;
    if xml.attribute(data, "Recipient") != Some(&asked.acs_url) {
        return Err(Refusal::Destination);
    }
    match xml.attribute(data, "InResponseTo") {
        None => return Err(Refusal::Unsolicited),
        Some(told) if told != asked.in_response_to => return Err(Refusal::InResponseTo),
        Some(_) => {}
    }
    if let Some(from) = time(xml, data, "NotBefore")? {
        hours.begun(from)?;
    }
    let end = time(xml, data, "NotOnOrAfter")?.ok_or(Refusal::Shape)?;
    hours.not_over(end)?;
    Ok(end)
}

/// Who it is, under a name that is the same tomorrow.
fn name_id(xml: &Xml<'_>, subject: NodeId) -> Result<(String, Option<String>), Refusal> {
    let name = one(xml, subject, "NameID")?;
    let text = xml.text(name)?.trim().to_owned();
    let format = xml.attribute(name, "Format").map(str::to_owned);
    let sound = (1..=LONGEST_SUBJECT).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && format.as_deref() != Some(TRANSIENT);
    if sound {
        Ok((text, format))
    } else {
        Err(Refusal::Subject)
    }
}

/// Attributes with their text values; a value that holds elements is left out.
fn attributes(xml: &Xml<'_>, root: NodeId) -> Result<Vec<Attribute>, Refusal> {
    let mut found = Vec::new();
    let mut count = 0_usize;
    for statement in xml.named(root, ASSERTION, "AttributeStatement")? {
        for attribute in xml.named(statement, ASSERTION, "Attribute")? {
            let name = xml.attribute(attribute, "Name").ok_or(Refusal::Shape)?;
            let mut values = Vec::new();
            for value in xml.named(attribute, ASSERTION, "AttributeValue")? {
                values.extend(xml.text(value).ok());
            }
            count = count.saturating_add(values.len());
            found.push(Attribute {
                name: name.to_owned(),
                values,
            });
            if found.len() > MOST_ATTRIBUTES || count > MOST_VALUES {
                return Err(Refusal::TooLarge);
            }
        }
    }
    Ok(found)
}

/// An xs:dateTime with its zone.
fn time(xml: &Xml<'_>, id: NodeId, name: &str) -> Result<Option<DateTime<Utc>>, Refusal> {
    xml.attribute(id, name)
        .map(|text| {
            DateTime::parse_from_rfc3339(text)
                .map(|time| time.to_utc())
                .map_err(|_| Refusal::Shape)
        })
        .transpose()
}
