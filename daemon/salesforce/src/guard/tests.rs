use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const BASE: &str = "/services/data/v65.0/";

fn get(resource: &str) -> Result<(), Forbidden> {
    admit(Verb::Get, &format!("{BASE}{resource}"), None)
}

fn query(text: &str) -> Result<(), Forbidden> {
    get(&format!(
        "query?q={}",
        utf8_percent_encode(text, NON_ALPHANUMERIC)
    ))
}

fn patch(body: &str) -> Result<(), Forbidden> {
    admit(
        Verb::Patch,
        &format!("{BASE}composite/sobjects"),
        Some(body.as_bytes()),
    )
}

fn one_lead() -> Value {
    json!({ "allOrNone": false, "records": [
        { "attributes": { "type": "Lead" }, "id": "00Q000000000ABCEA2", "OwnerId": "005xx000001SwiUAAS" }
    ] })
}

#[test]
fn what_routing_does_is_admitted() {
    for resource in [
        "limits",
        "sobjects/Lead/describe",
        "sobjects/Contact/describe",
        "query/01gRO0000016PIAYA2-500",
    ] {
        assert_eq!(get(resource), Ok(()), "{resource}");
    }
    for text in [
        "SELECT Id FROM Lead WHERE Status = 'Open' AND IsConverted = FALSE ORDER BY SystemModstamp, Id",
        "SELECT COUNT() FROM Contact",
        "SELECT QueueId FROM QueueSobject WHERE SobjectType = 'Lead'",
    ] {
        assert_eq!(query(text), Ok(()), "{text}");
    }
    assert_eq!(patch(&one_lead().to_string()), Ok(()));
}

#[test]
fn other_resources_and_tricks_with_the_path_are_refused() {
    for resource in [
        "",
        "sobjects",
        "sobjects/Lead",
        "sobjects/Lead/00Q000000000ABCEA2",
        "sobjects/Opportunity/describe",
        "sobjects/Lead/describe/layouts",
        "sobjects/Lead/describe?x=1",
        "queryAll?q=SELECT%20Id%20FROM%20Lead",
        "query/../sobjects/Lead",
        "query/..%2fsobjects",
        "query/",
        "query/a/b",
        "tooling/query?q=SELECT%20Id%20FROM%20Lead",
        "limits/",
        "limits?x",
        "jobs/query",
        "composite/sobjects",
        "query?explain=SELECT%20Id%20FROM%20Lead",
        "query?q=SELECT%20Id%20FROM%20Lead&q=SELECT%20Id%20FROM%20User",
        "query?q=SELECT+Id+FROM+Lead",
    ] {
        assert!(get(resource).is_err(), "{resource}");
    }
    for target in [
        "/services/data/v65.0//limits",
        "/services/data/../apexrest/x",
        "/services/data/v65/limits",
        "/services/data/limits",
        "/services/apexrest/limits",
        "services/data/v65.0/limits",
        "/services/data/v65.0/limits\r\nX: y",
        "//evil.example/services/data/v65.0/limits",
        "@evil.example/services/data/v65.0/limits",
    ] {
        assert!(admit(Verb::Get, target, None).is_err(), "{target}");
    }
    assert!(admit(Verb::Get, "/services/data/v65.0/limits", Some(b"{}")).is_err());
    assert!(
        admit(
            Verb::Patch,
            "/services/data/v65.0/sobjects/Lead/00Q000000000ABCEA2",
            Some(b"{\"OwnerId\":\"005xx000001SwiUAAS\"}")
        )
        .is_err()
    );
    assert!(admit(Verb::Patch, "/services/data/v65.0/composite/sobjects", None).is_err());
}

#[test]
fn queries_of_other_objects_are_refused_however_deep() {
    for text in [
        "SELECT Id FROM Opportunity",
        "SELECT Id FROM Lead WHERE Id IN (SELECT WhoId FROM Task)",
        "SELECT Id FROM Lead WHERE NOT (Id = 'x' OR Id IN (SELECT LeadId FROM CampaignMember))",
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT Id FROM Lead FOR VIEW",
        "SELECT Id FROM Lead UPDATE TRACKING",
        "FIND {a} IN ALL FIELDS RETURNING Lead",
        "",
        "SELECT",
    ] {
        assert!(query(text).is_err(), "{text}");
    }
}

#[test]
fn a_write_of_anything_but_an_owner_is_refused() {
    let with = |pointer: &str, value: Value| {
        let mut body = one_lead();
        *body.pointer_mut(pointer).unwrap() = value;
        body.to_string()
    };
    let mut more = one_lead();
    more.pointer_mut("/records/0").unwrap()["Status"] = json!("Closed");
    let mut external = one_lead();
    external.pointer_mut("/records/0/attributes").unwrap()["url"] =
        json!("/services/data/v65.0/sobjects/User/005xx000001SwiUAAS");
    let many: Vec<Value> = vec![one_lead()["records"][0].clone(); 201];
    for body in [
        more.to_string(),
        external.to_string(),
        with("/records/0/attributes/type", json!("Account")),
        with("/records/0/attributes/type", json!("lead")),
        with("/records/0/attributes/type", json!("Contact")),
        with("/records/0/id", json!("005xx000001SwiUAAS")),
        with("/records/0/id", json!("00Q000000000ABC'--")),
        with("/records/0/OwnerId", json!("00Q000000000ABCEA2")),
        with("/records/0/OwnerId", Value::Null),
        with("/allOrNone", json!(true)),
        with("/records", json!([])),
        with("/records", json!(many)),
        r#"{"allOrNone":false,"records":[{"attributes":{"type":"Lead"},"id":"00Q000000000ABCEA2","OwnerId":"005xx000001SwiUAAS","OwnerId":"00G000000000ABCEA2"}]}"#.to_owned(),
        r#"{"allOrNone":false,"allOrNone":false,"records":[]}"#.to_owned(),
        format!("{}{}", one_lead(), one_lead()),
        String::new(),
        "null".to_owned(),
    ] {
        assert!(patch(&body).is_err(), "{body:.200}");
    }
}

proptest! {
    /// Whatever else stands in a record, the write is refused.
    #[test]
    fn no_other_field_passes(name in "[A-Za-z_]{1,20}", value in "[ -~]{0,20}") {
        prop_assume!(!["attributes", "id", "OwnerId"].contains(&name.as_str()));
        let mut body = one_lead();
        body.pointer_mut("/records/0").unwrap()[&name] = json!(value);
        prop_assert!(patch(&body.to_string()).is_err());
    }

    /// A path is admitted only if it is one of those that are written down here.
    #[test]
    fn no_other_path_passes(target in "(/services/data/v65\\.0/)?[a-zA-Z0-9/?=%&.#-]{0,40}") {
        if admit(Verb::Get, &target, None).is_ok() {
            let resource = target.strip_prefix(BASE).unwrap_or("other");
            let expected = resource == "limits"
                || resource.strip_prefix("query/").is_some_and(is_locator)
                || ["sobjects/Lead/describe", "sobjects/Contact/describe"].contains(&resource);
            prop_assert!(expected, "{}", target);
        }
    }
}
