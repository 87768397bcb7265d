//! The last look at a request before a byte leaves. It knows nothing of who asks or why: method,
//! path and body are held against what lead routing may do, and anything else is an error
//! (LR-26, LR-27, CX-05). Bodies are parsed, not searched: unknown and repeated keys are refused.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use soql::{
    Query, SalesforceId,
    ast::{Condition, Select, SelectExpression, SelectItem, Set, Source},
    guard::Object,
};

use crate::owner::MOST_OWNERS;

/// The two methods that lead routing uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Patch,
}

/// A request that lead routing may not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this request is not one that lead routing makes: {0}")]
pub struct Forbidden(&'static str);

/// Admits the request or says why not. `target` is everything after the host.
pub(crate) fn admit(verb: Verb, target: &str, body: Option<&[u8]>) -> Result<(), Forbidden> {
    let resource = versioned(target).ok_or(Forbidden("the path is not of the REST API"))?;
    match (verb, body) {
        (Verb::Get, None) => admit_get(resource),
        (Verb::Patch, Some(body)) if resource == "composite/sobjects" => admit_owners(body),
        (Verb::Patch, Some(_)) => Err(Forbidden("only owners are written")),
        (Verb::Get, Some(_)) => Err(Forbidden("a read carries no body")),
        (Verb::Patch, None) => Err(Forbidden("a write carries a body")),
    }
}

/// What follows `/services/data/v65.0/`.
fn versioned(target: &str) -> Option<&str> {
    let (version, resource) = target.strip_prefix("/services/data/v")?.split_once('/')?;
    let (major, minor) = version.split_once('.')?;
    let number = |text: &str| {
        (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    (number(major) && number(minor)).then_some(resource)
}

fn admit_get(resource: &str) -> Result<(), Forbidden> {
    if let Some(query) = resource.strip_prefix("query?q=") {
        return admit_query(query);
    }
    if let Some(locator) = resource.strip_prefix("query/") {
        return is_locator(locator)
            .then_some(())
            .ok_or(Forbidden("this is not a query locator"));
    }
    match resource {
        "limits" | "sobjects/Lead/describe" | "sobjects/Contact/describe" => Ok(()),
        _ => Err(Forbidden("the resource is not one that is read")),
    }
}

/// `01gRO0000016PIAYA2-500`
pub(crate) fn is_locator(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The text was printed from a guarded query; here it is read once more, as Salesforce will.
fn admit_query(encoded: &str) -> Result<(), Forbidden> {
    let unreadable = Forbidden("the query is not readable");
    if encoded.contains(['&', '#', '+']) {
        return Err(Forbidden("the query carries more than one parameter"));
    }
    let text = percent_decode_str(encoded)
        .decode_utf8()
        .map_err(|_| unreadable)?;
    let query = soql::parse(&text).map_err(|_| unreadable)?;
    if query.view.is_some() || !query.update.is_empty() {
        return Err(Forbidden("the query would write what it looks at"));
    }
    if !reads_listed_objects(&query) {
        return Err(Forbidden("the query reads an object that routing does not"));
    }
    Ok(())
}

/// The query itself and every query inside it.
fn reads_listed_objects(query: &Query) -> bool {
    let listed = |source: &Source| Object::named(&source.path.to_string()).is_some();
    let plain = |item: &SelectItem| match &item.expression {
        SelectExpression::Field(_) | SelectExpression::Call(_) => true,
        SelectExpression::Children(_) | SelectExpression::TypeOf(_) => false,
    };
    let selected = match &query.select {
        Select::Count => true,
        Select::Items(items) => !items.is_empty() && items.iter().all(plain),
    };
    let [source] = query.from.as_slice() else {
        return false;
    };
    selected && listed(source) && query.filter.as_ref().is_none_or(condition_reads_listed)
}

fn condition_reads_listed(condition: &Condition) -> bool {
    match condition {
        Condition::And(terms) | Condition::Or(terms) => terms.iter().all(condition_reads_listed),
        Condition::Not(term) => condition_reads_listed(term),
        Condition::In(membership) => match &membership.set {
            Set::Values(_) => true,
            Set::Query(inner) => reads_listed_objects(inner),
        },
        Condition::Compare(_) | Condition::Multi(_) => true,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Owners {
    #[serde(rename = "allOrNone")]
    all_or_none: bool,
    records: Vec<OwnerRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerRow {
    attributes: Attributes,
    id: String,
    #[serde(rename = "OwnerId")]
    owner_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    #[serde(rename = "type")]
    kind: String,
}

fn admit_owners(body: &[u8]) -> Result<(), Forbidden> {
    let owners: Owners = serde_json::from_slice(body)
        .map_err(|_| Forbidden("the body writes something other than an owner"))?;
    if owners.all_or_none {
        return Err(Forbidden(
            "one record's refusal must not undo another's owner",
        ));
    }
    if owners.records.is_empty() || owners.records.len() > MOST_OWNERS {
        return Err(Forbidden("a write names from 1 to 200 records"));
    }
    owners.records.iter().try_for_each(|row| {
        let prefix = match row.attributes.kind.as_str() {
            "Lead" => "00Q",
            "Contact" => "003",
            _ => return Err(Forbidden("only leads and contacts get an owner")),
        };
        if !is_id(&row.id, &[prefix]) {
            return Err(Forbidden("the record's id is not one of its object"));
        }
        if !is_id(&row.owner_id, &["005", "00G"]) {
            return Err(Forbidden("the owner is neither a user nor a queue"));
        }
        Ok(())
    })
}

fn is_id(text: &str, prefixes: &[&str]) -> bool {
    text.parse::<SalesforceId>()
        .is_ok_and(|id| prefixes.contains(&id.key_prefix()))
}

#[cfg(test)]
mod tests;
