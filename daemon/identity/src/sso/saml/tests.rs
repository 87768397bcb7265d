use chrono::DateTime;
use kernel::ManualClock;
use saml::protocol::Attribute;

use super::*;

fn us() -> Addresses {
    let provider = ProviderId::generate(&ManualClock::at(1_800_000_000));
    Addresses::new("https://revkeep.example", provider)
}

fn row() -> ProviderRow {
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    ProviderRow {
        tenant_id: uuid::Uuid::from_u128(1),
        provider_id: uuid::Uuid::from_u128(2),
        kind: String::from("saml"),
        name: String::from("P"),
        enabled: true,
        issuer: String::from("https://idp.example/entity"),
        client_id: None,
        client_secret_sealed: None,
        scopes: Vec::new(),
        groups_claim: String::from("groups"),
        role_map: serde_json::json!([]),
        create_members: true,
        version: 1,
        created_at: at,
        updated_at: at,
        sign_in_url: Some(String::from("https://idp.example/in?tenant=a&x=<\"")),
        sign_out_url: None,
        certificates: Vec::new(),
        email_attribute: None,
        name_attribute: None,
        directory: None,
    }
}

/// The message in an address, as the provider reads it.
fn inflated(url: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use std::io::Read;
    let url = url::Url::parse(url).unwrap();
    let value = url
        .query_pairs()
        .find(|(name, _)| name == "SAMLRequest")
        .unwrap()
        .1;
    let bytes = STANDARD.decode(value.as_bytes()).unwrap();
    let mut text = String::new();
    flate2::read::DeflateDecoder::new(bytes.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn a_request_names_us_and_its_id_is_the_states() {
    let (us, row) = (us(), row());
    let url = us.sign_in_url(&row, "state-1", row.created_at).unwrap();
    assert!(
        url.starts_with("https://idp.example/in?tenant=a&x="),
        "{url}"
    );
    assert!(url.ends_with("&RelayState=state-1"), "{url}");
    let request = inflated(&url);
    assert!(
        request.contains(&format!("<saml:Issuer>{}<", us.entity_id)),
        "{request}"
    );
    assert!(request.contains("Destination=\"https://idp.example/in?tenant=a&amp;x=&lt;&quot;\""));
    assert!(request.contains(&format!("ID=\"{}\"", request_id("state-1"))));
    assert_ne!(request_id("state-1"), request_id("state-2"));
    assert_eq!(request_id("state-1").len(), 65);
}

#[test]
fn signing_out_names_the_person_where_the_provider_says_where() {
    let (us, mut row) = (us(), row());
    let out = |row: &ProviderRow| us.sign_out_url(row, "a<b", row.created_at).unwrap();
    assert_eq!(out(&row), None);
    row.sign_out_url = Some(String::from("https://idp.example/out"));
    let request = inflated(&out(&row).unwrap());
    assert!(
        request.contains("<saml:NameID>a&lt;b</saml:NameID>"),
        "{request}"
    );
}

#[test]
fn attributes_say_who_somebody_is() {
    let mut row = row();
    let mut claims = Claims {
        assertion_id: String::from("_a"),
        subject: String::from("ada@acme.example"),
        subject_format: None,
        expires_at: row.created_at,
        attributes: Vec::new(),
    };
    assert_eq!(
        proven(&row, &claims).email,
        None,
        "an unspecified name is no address"
    );
    claims.subject_format = Some(String::from(
        "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    ));
    assert_eq!(
        proven(&row, &claims).email.as_deref(),
        Some("ada@acme.example")
    );
    for (name, values) in [
        ("mail", [" ", "lovelace@acme.example"]),
        ("displayName", ["Ada Lovelace", ""]),
        ("groups", ["ops", "all"]),
        ("other", ["x@acme.example", "secret"]),
    ] {
        claims.attributes.push(Attribute {
            name: name.to_owned(),
            values: values.map(str::to_owned).to_vec(),
        });
    }
    let told = proven(&row, &claims);
    assert_eq!(told.email.as_deref(), Some("lovelace@acme.example"));
    assert_eq!(told.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(told.groups, ["ops", "all"]);
    row.email_attribute = Some(String::from("other"));
    row.groups_claim = String::from("none");
    let told = proven(&row, &claims);
    assert_eq!(told.email.as_deref(), Some("x@acme.example"));
    assert!(told.groups.is_empty());
}
