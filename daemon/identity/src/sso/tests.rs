use kernel::{Role, Secret};

use super::{
    browser::{Browser, challenge},
    model::{RoleRule, check_rules, domain_of, domain_text, mapped_roles},
    person::person_name,
};

fn rule(group: &str, roles: &[Role]) -> RoleRule {
    RoleRule {
        group: group.to_owned(),
        roles: roles.to_vec(),
    }
}

#[test]
fn groups_give_roles_of_the_tenant_and_never_the_appliances() {
    let rules = [
        rule("sales-ops", &[Role::Admin]),
        rule("legal", &[Role::Reviewer, Role::Member]),
        rule("evil", &[Role::SuperAdmin]),
    ];
    let of = |groups: &[&str]| {
        let groups: Vec<String> = groups.iter().map(|g| (*g).to_owned()).collect();
        mapped_roles(&rules, &groups).unwrap()
    };
    assert_eq!(of(&["sales-ops", "legal"]), ["member", "admin", "reviewer"]);
    assert_eq!(of(&["Sales-Ops"]), ["member"], "names are exact");
    assert_eq!(of(&[]), ["member"]);
    assert_eq!(of(&["evil"]), ["member"]);
    assert!(mapped_roles(&[], &[String::from("legal")]).is_none());
    assert!(check_rules(&rules[..2]).is_ok());
    assert!(check_rules(&rules).is_err());
    assert!(check_rules(&[rule("g", &[])]).is_err());
    assert!(check_rules(&[rule("", &[Role::Member])]).is_err());
}

#[test]
fn a_domain_has_one_form() {
    assert_eq!(
        domain_text(" Acme.Example. ").as_deref(),
        Some("acme.example")
    );
    assert_eq!(
        domain_of("a@b@Acme.example").as_deref(),
        Some("acme.example")
    );
    for text in [
        "",
        "acme",
        "-a.example",
        "a..example",
        "a_b.example",
        "bücher.example",
        ".example",
    ] {
        assert!(domain_text(text).is_none(), "{text}");
    }
    assert!(domain_of("nobody").is_none());
}

#[test]
fn verifier_and_nonce_are_the_browsers_and_the_states() {
    let (one, two) = (Browser::generate().unwrap(), Browser::generate().unwrap());
    let text = |secret: Secret<String>| secret.expose().clone();
    let verifier = text(one.verifier("s").unwrap());
    assert_eq!(verifier.len(), 43, "RFC 7636 section 4.1");
    assert_eq!(verifier, text(one.verifier("s").unwrap()));
    assert_ne!(verifier, text(one.verifier("t").unwrap()));
    assert_ne!(verifier, text(two.verifier("s").unwrap()));
    assert_ne!(verifier, text(one.nonce("s").unwrap()));
    let again = Browser::parse(one.into_text().expose()).unwrap();
    assert_eq!(verifier, text(again.verifier("s").unwrap()));
    assert!(Browser::parse("short").is_none());
}

/// The example of RFC 7636, appendix B.
#[test]
fn the_challenge_is_the_standards() {
    let verifier = Secret::new(String::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
    assert_eq!(
        challenge(&verifier),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
}

#[test]
fn a_name_is_never_empty_nor_holds_control_characters() {
    assert_eq!(
        person_name(Some(" Ada\n Lovelace "), "a@b.example"),
        "Ada Lovelace"
    );
    assert_eq!(person_name(Some("\t"), "ada@b.example"), "ada");
    assert_eq!(person_name(None, "ada@b.example"), "ada");
}
