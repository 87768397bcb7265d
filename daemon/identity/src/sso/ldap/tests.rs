mod properties;

use chrono::DateTime;
use kernel::{ProviderId, Role, Secret};

use super::{
    ber::{Reader, constructed, element},
    entry::{Attributes, proven, subject},
    fault::Why,
    filter::Template,
    link::Server,
    message::{self, Answer, Entry, Outcome, Search},
    name::{BindTemplate, DN, USER, normal, user_name},
    settings::{LdapInput, LdapSettings, check_change, check_new},
};
use crate::sso::{RoleRule, model::Settled, store::ProviderRow};
use kernel::Classified as _;

fn settings() -> LdapSettings {
    LdapSettings {
        servers: vec![String::from("ldaps://dc1.corp.example")],
        ca: None,
        bind_dn: Some(String::from("cn=revkeep,dc=corp,dc=example")),
        bind_template: None,
        base_dn: String::from("ou=people,dc=corp,dc=example"),
        person_filter: String::from("(&(objectClass=person)(uid={user}))"),
        subject_attribute: String::from("entryuuid"),
        group_base_dn: None,
        group_filter: None,
    }
}

fn input(settings: LdapSettings) -> LdapInput {
    LdapInput {
        settings,
        bind_password: Some(Secret::new(String::from("s"))),
        email_attribute: None,
        name_attribute: Some(String::from(" ")),
    }
}

fn settle(change: impl FnOnce(&mut LdapSettings)) -> Result<Settled, &'static str> {
    let mut settings = settings();
    change(&mut settings);
    input(settings).settle().map_err(|error| error.code())
}

#[test]
fn a_directory_that_could_never_work_or_is_not_safe_is_refused() {
    let refused = |change: fn(&mut LdapSettings)| settle(change).err().unwrap_or("ok");
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(refused(|_| {}), "ok");
    for url in [
        "http://dc1",
        "ldapi:///run/x",
        "ldaps://",
        "ldaps://a@b",
        "ldaps://dc1/ou=x??sub",
        "ldaps://dc1:0",
        "dc1:636",
        "ldap://dc1:389:1",
    ] {
        let done = settle(|s| s.servers = vec![url.to_owned()]);
        assert_eq!(done.err(), Some("ldap_server_invalid"), "{url}");
    }
    assert_eq!(refused(|s| s.servers.clear()), "ldap_server_invalid");
    assert_eq!(
        refused(|s| s.servers = vec![s.servers[0].clone(); 5]),
        "ldap_server_invalid"
    );
    assert_eq!(
        refused(|s| s.ca = Some(String::from("x"))),
        "ldap_ca_invalid"
    );
    assert_eq!(refused(|s| s.bind_dn = None), "ldap_bind_missing");
    let both = settle(|s| s.bind_template = text("uid={user},dc=x"));
    assert_eq!(both.err(), Some("ldap_bind_missing"));
    for template in [
        "{user}",
        "uid=x,dc=y",
        "cn={user}{user},dc=x",
        "{user}x",
        "uid=a{user},dc=x",
        "uid={user}a,dc=x",
        "{user}@a={b}",
    ] {
        let done = settle(|s| (s.bind_dn, s.bind_template) = (None, text(template)));
        assert_eq!(done.err(), Some("ldap_bind_template_invalid"), "{template}");
    }
    for filter in [
        "(uid=x)",
        "uid={user}",
        "(uid=*{user}*)",
        "(uid={user}",
        "(uid={user}))",
        "(|(uid={user})(mail={mail}))",
        "(u id={user})",
        "(&)",
    ] {
        let done = settle(|s| s.person_filter = filter.to_owned());
        assert_eq!(done.err(), Some("ldap_person_filter_invalid"), "{filter}");
    }
    assert_eq!(refused(|s| s.person_filter = String::new()), "text_invalid");
    assert_eq!(
        refused(|s| s.base_dn = String::from("corp")),
        "ldap_dn_invalid"
    );
    for name in [
        "dn",
        "mail",
        "uid",
        "sAMAccountName",
        "userPrincipalName",
        "distinguishedName",
        "",
    ] {
        let done = settle(|s| s.subject_attribute = name.to_owned());
        assert_eq!(done.err(), Some("ldap_subject_invalid"), "{name}");
    }
    assert_eq!(
        refused(|s| s.group_filter = Some(String::from("(member={dn})"))),
        "ldap_group_filter_invalid"
    );
    let groups = settle(|s| {
        (s.group_base_dn, s.group_filter) = (text("ou=groups,dc=x"), text("(member={user})"))
    });
    assert_eq!(groups.err(), Some("ldap_group_filter_invalid"));
}

fn row(settings: &LdapSettings) -> ProviderRow {
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let id = uuid::Uuid::from_u128(2);
    ProviderRow {
        tenant_id: uuid::Uuid::from_u128(1),
        provider_id: id,
        kind: String::from("ldap"),
        name: String::from("P"),
        enabled: true,
        issuer: super::issuer(ProviderId::from_uuid(id)),
        client_id: None,
        client_secret_sealed: None,
        scopes: Vec::new(),
        groups_claim: String::from("memberOf"),
        role_map: serde_json::json!([]),
        create_members: true,
        version: 1,
        created_at: at,
        updated_at: at,
        sign_in_url: None,
        sign_out_url: None,
        certificates: Vec::new(),
        email_attribute: None,
        name_attribute: None,
        directory: Some(serde_json::to_value(settings).unwrap()),
    }
}

#[test]
fn a_stored_password_goes_only_where_it_went_and_ids_keep_their_attribute() {
    let before = row(&settings());
    let change = |change: fn(&mut LdapSettings), typed| {
        let mut after = settings();
        change(&mut after);
        let after = serde_json::to_value(after).unwrap();
        check_change(&before, &after, typed)
            .err()
            .map_or("ok", |error| error.code())
    };
    assert_eq!(
        change(|s| s.base_dn = String::from("dc=other"), false),
        "ok"
    );
    let moves: [fn(&mut LdapSettings); 4] = [
        |s| s.servers = vec![String::from("ldaps://evil.example")],
        |s| s.servers.push(String::from("ldaps://evil.example")),
        |s| s.ca = Some(String::from("x")),
        |s| s.bind_dn = Some(String::from("cn=other")),
    ];
    for elsewhere in moves {
        assert_eq!(change(elsewhere, false), "ldap_password_again");
        assert_eq!(change(elsewhere, true), "ok");
    }
    assert_eq!(
        change(|s| s.subject_attribute = String::from("objectGUID"), true),
        "ldap_subject_fixed"
    );
    let mut bare = input(settings());
    bare.bind_password = None;
    assert_eq!(
        check_new(&bare.settle().unwrap()).unwrap_err().code(),
        "ldap_password_missing"
    );
    assert!(check_new(&settle(|_| {}).unwrap()).is_ok());
}

#[test]
fn servers_are_spoken_to_under_tls_alone() {
    let read = |url: &str| {
        Server::parse(url).map(|server| (server.endpoint.to_string(), server.start_tls))
    };
    assert_eq!(
        read("ldaps://DC1.corp.example/"),
        Some((String::from("dc1.corp.example:636"), false))
    );
    assert_eq!(
        read("LDAP://dc1.corp.example"),
        Some((String::from("dc1.corp.example:389"), true))
    );
    assert_eq!(
        read("ldap://[::1]:3389"),
        Some((String::from("[::1]:3389"), true))
    );
    assert_eq!(
        read("ldaps://[::1]"),
        Some((String::from("[::1]:636"), false))
    );
}

#[test]
fn names_that_are_none_and_names_that_would_be_more_than_a_name() {
    assert_eq!(user_name(" ada "), Some("ada"));
    for typed in ["", "  ", "a\0b", "a\nb", &"x".repeat(257)] {
        assert_eq!(user_name(typed), None, "{typed:?}");
    }
    let dn = BindTemplate::parse("uid={user},ou=people,dc=x").unwrap();
    assert_eq!(dn.of("ada").as_deref(), Some("uid=ada,ou=people,dc=x"));
    assert_eq!(
        dn.of("ada,ou=admins+cn=a\\").as_deref(),
        Some("uid=ada\\2cou\\3dadmins\\2bcn\\3da\\5c,ou=people,dc=x")
    );
    for other in ["ada lovelace", "\u{ff41}da", "\u{e4}da", ""] {
        assert_eq!(dn.of(other), None, "{other}");
    }
    let upn = BindTemplate::parse("{user}@corp.example").unwrap();
    assert_eq!(upn.of("ada.l").as_deref(), Some("ada.l@corp.example"));
    for other in ["ada@evil", "CORP\\ada", "ada,cn=x", "a\u{301}da", "*"] {
        assert_eq!(upn.of(other), None, "{other}");
    }
    assert_eq!(
        BindTemplate::parse("CORP\\{user}")
            .unwrap()
            .of("ada")
            .as_deref(),
        Some("CORP\\ada")
    );
}

#[test]
fn one_distinguished_name_has_one_form() {
    let same = |one: &str, other: &str| {
        assert_eq!(
            normal(one).unwrap(),
            normal(other).unwrap(),
            "{one} | {other}"
        )
    };
    same(
        "CN=Sales Ops, OU=Groups,DC=corp",
        "cn=sales ops,ou=groups,dc=CORP",
    );
    same("cn=a\\,b,dc=x", "cn=a\\2Cb,dc=x");
    same("cn=a+uid=b,dc=x", "UID=b + cn=A,dc=x");
    same("cn=\u{dc}ber,dc=x", "cn=\u{fc}ber,dc=x");
    assert_ne!(
        normal("cn=a\\,ou=b,dc=x"),
        normal("cn=a,ou=b,dc=x"),
        "an escaped comma parts nothing"
    );
    assert_ne!(
        normal("cn=a\\ ,dc=x"),
        normal("cn=a,dc=x"),
        "an escaped space counts"
    );
    for none in ["", "x", "cn", "=a", "cn=", "cn=a,", "cn=a\\", "cn=a,,dc=x"] {
        assert_eq!(normal(none), None, "{none}");
    }
}

/// The examples of RFC 4515 section 4, with a place to look for somebody in beside them.
#[test]
fn filters_are_written_as_the_standard_writes_them() {
    let inner = |text: &str| {
        let whole = format!("(&{text}(x={{user}}))");
        let encoded = Template::parse(&whole, USER)
            .unwrap_or_else(|| panic!("{text}"))
            .of(b"w");
        let mut outer = Reader::new(&encoded);
        let content = outer.expect(0xa0).unwrap();
        let mut parts = Reader::new(content);
        let (tag, content) = parts.element().unwrap();
        element(tag, content)
    };
    let text = |text: &str| element(0x04, text.as_bytes());
    let equal = |name: &str, value: &[u8]| constructed(0xa3, &[text(name), element(0x04, value)]);
    assert_eq!(inner("(cn=Babs Jensen)"), equal("cn", b"Babs Jensen"));
    assert_eq!(
        inner("(!(cn=Tim Howes))"),
        element(0xa2, &equal("cn", b"Tim Howes"))
    );
    assert_eq!(
        inner("(o=Parens R Us \\28for all your parenthetical needs\\29)"),
        equal("o", b"Parens R Us (for all your parenthetical needs)")
    );
    assert_eq!(inner("(bin=\\00\\00\\00\\04)"), equal("bin", &[0, 0, 0, 4]));
    assert_eq!(inner("(seeAlso=)"), equal("seeAlso", b""));
    assert_eq!(inner("(objectClass=*)"), element(0x87, b"objectClass"));
    assert_eq!(
        inner("(age>=5)"),
        constructed(0xa5, &[text("age"), text("5")])
    );
    let pieces = constructed(
        0x30,
        &[
            element(0x80, b"univ"),
            element(0x81, b"of"),
            element(0x82, b"mich"),
        ],
    );
    assert_eq!(
        inner("(o=univ*of*mich)"),
        constructed(0xa4, &[text("o"), pieces])
    );
    assert_eq!(
        inner("(cn:caseExactMatch:=Fred)"),
        constructed(
            0xa9,
            &[
                element(0x81, b"caseExactMatch"),
                element(0x82, b"cn"),
                element(0x83, b"Fred")
            ]
        )
    );
    assert_eq!(
        inner("(:DN:2.4.6.8.10:=Dino)"),
        constructed(
            0xa9,
            &[
                element(0x81, b"2.4.6.8.10"),
                element(0x83, b"Dino"),
                element(0x84, &[0xff])
            ]
        )
    );
    for wrong in [
        "(cn=a*{user})",
        "(=a)",
        "(cn)",
        "()",
        "(a=b(c)",
        "(cn=\\zz)",
        "(cn=a**b)",
        "(:=x)",
        "(a:b:c:d:=x)",
    ] {
        assert!(
            Template::parse(&format!("(&{wrong}(x={{user}}))"), USER).is_none(),
            "{wrong}"
        );
    }
    let deep = format!("{}(x={{user}}){}", "(!".repeat(9), ")".repeat(9));
    assert!(Template::parse(&deep, USER).is_some());
    assert!(Template::parse(&format!("(!{deep})"), USER).is_none());
    // Nested groups of Active Directory.
    assert!(Template::parse("(member:1.2.840.113556.1.4.1941:={dn})", DN).is_some());
}

fn ada() -> Entry {
    let attribute = |name: &str, values: &[&str]| {
        (
            name.to_owned(),
            values
                .iter()
                .map(|value| value.as_bytes().to_vec())
                .collect(),
        )
    };
    Entry {
        dn: String::from("uid=ada,dc=x"),
        attributes: vec![
            attribute("entryUUID", &["6F1D3A2E-0000-103c-8000-000000000001"]),
            attribute("MAIL", &["ada@acme.example", "second@acme.example"]),
            attribute("cn", &["Ada"]),
            attribute("displayName", &[" "]),
            attribute("memberOf", &["CN=Ops, OU=g,DC=x", "no name"]),
        ],
    }
}

#[test]
fn an_entry_says_who_somebody_is_and_only_groups_of_the_rules_count() {
    let attributes = Attributes {
        subject: "entryuuid",
        email: "mail",
        names: vec!["displayName", "cn"],
        groups: "memberof",
    };
    let rule = |group: &str| RoleRule {
        group: group.to_owned(),
        roles: vec![Role::Admin],
    };
    let rules = [
        "cn=ops,ou=g,dc=x",
        "cn=ops,ou=other,dc=x",
        "Ops",
        "cn=more,dc=x",
    ]
    .map(rule);
    let id = subject(&ada(), "entryuuid").unwrap();
    let told = proven(
        &ada(),
        "ldap:p",
        id,
        &attributes,
        &rules,
        &[String::from("CN=More,dc=x")],
    );
    assert_eq!(told.subject, "6f1d3a2e-0000-103c-8000-000000000001");
    assert_eq!(told.email.as_deref(), Some("ada@acme.example"));
    assert_eq!(told.name.as_deref(), Some("Ada"));
    assert_eq!(told.groups, ["cn=ops,ou=g,dc=x", "cn=more,dc=x"]);
    assert_eq!(subject(&ada(), "mail"), None, "there are two");
    assert_eq!(subject(&ada(), "nsUniqueId"), None);
}

/// [MS-DTYP] section 2.3.4.2: the first three fields are little-endian on the wire.
#[test]
fn an_object_guid_is_read_as_active_directory_shows_it() {
    let with = |value: Vec<u8>| Entry {
        dn: String::from("cn=x"),
        attributes: vec![(String::from("objectguid"), vec![value])],
    };
    let bytes = [
        0x33, 0x05, 0x14, 0x6a, 0xd0, 0x23, 0x44, 0x42, 0x8a, 0x1b, 0x01, 0x02, 0x03, 0x04, 0x05,
        0x06,
    ];
    assert_eq!(
        subject(&with(bytes.to_vec()), "objectGUID").as_deref(),
        Some("6a140533-23d0-4244-8a1b-010203040506")
    );
    assert_eq!(subject(&with(bytes[..15].to_vec()), "objectGUID"), None);
    assert_eq!(subject(&with(Vec::new()), "objectGUID"), None);
}

#[test]
fn what_active_directory_has_against_somebody_is_read_by_its_code_alone() {
    let told = |data: &str| {
        Why::of_bind(&format!(
            "80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data {data}, v4563"
        ))
    };
    for (data, code) in [
        ("52e", "invalid_credentials"),
        ("525", "invalid_credentials"),
        ("530", "ldap_not_now"),
        ("531", "ldap_not_now"),
        ("532", "ldap_password_expired"),
        ("533", "ldap_account_disabled"),
        ("701", "ldap_account_expired"),
        ("773", "ldap_password_must_change"),
        ("775", "ldap_account_locked"),
    ] {
        assert_eq!(told(data).code(), code, "{data}");
    }
    assert_eq!(Why::of_bind("data 775"), Why::Credentials);
}

#[test]
fn messages_are_what_the_standard_says_they_are() {
    let password = Secret::new(String::from("p"));
    assert_eq!(
        message::bind(1, "n", &password).as_slice(),
        b"\x30\x0e\x02\x01\x01\x60\x09\x02\x01\x03\x04\x01n\x80\x01p"
    );
    assert_eq!(message::unbind(2), b"\x30\x05\x02\x01\x02\x42\x00");
    assert_eq!(
        message::start_tls(1),
        b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
    );
    let wanted = Search {
        base: "b",
        filter: element(0x87, b"f"),
        attributes: &["1.1"],
        most: 128,
        seconds: 8,
    };
    assert_eq!(
        message::search(3, &wanted),
        b"\x30\x22\x02\x01\x03\x63\x1d\x04\x01b\x0a\x01\x02\x0a\x01\x00\x02\x02\x00\x80\x02\x01\x08\x01\x01\x00\x87\x01f\x30\x05\x04\x031.1".as_slice()
    );
    let refused = b"\x30\x0c\x02\x01\x05\x61\x07\x0a\x01\x31\x04\x00\x04\x00";
    let outcome = Outcome {
        code: 49,
        diagnostic: String::new(),
    };
    assert_eq!(
        message::answer(refused),
        Some((5, Answer::Done(0x61, outcome)))
    );
    assert_eq!(
        message::answer(b"\x30\x05\x02\x01\x02\x42\x00"),
        None,
        "a request is no answer"
    );
    assert_eq!(
        message::answer(&[refused.as_slice(), b"\x00"].concat()),
        None,
        "something follows"
    );
    assert_eq!(
        message::answer(b"\x30\x80\x02\x01\x05\x00\x00"),
        None,
        "the indefinite form"
    );
}
