//! What somebody types who is not who they say: guesses, names that would be more than a name, no password at all.

use chrono::TimeDelta;
use identity::IdentityError;
use stack::directory::{BASE, PASSWORD};

use super::{ADA, BOB, Table, WRONG};
use crate::sso::code;

#[tokio::test]
async fn an_unknown_name_cannot_be_told_from_a_wrong_password() {
    let table = Table::lay().await;
    let provider = table.provider(table.settings()).await;
    let counters = || {
        table.rows("SELECT count(*)::text || ' ' || sum(failures)::text FROM attempt_counters WHERE scope = 'directory_account'")
    };
    let mut told = Vec::new();
    for user in ["ada", "nobody-at-all"] {
        let (_, before) = table.slapd.heard();
        let refused = table.enter(&provider, user, WRONG).await;
        assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
        told.push((table.slapd.heard().1 - before, counters()));
    }
    let [(known_binds, known), (unknown_binds, unknown)] = &told[..] else {
        panic!("two answers");
    };
    assert_eq!(
        (known_binds, unknown_binds),
        (&2, &2),
        "the account's, and one more"
    );
    assert_eq!(
        (&known[..], &unknown[..]),
        (&["2 2".to_owned()][..], &["4 4".to_owned()][..])
    );
    assert_eq!(
        table.refusals(),
        ["invalid_credentials", "invalid_credentials"]
    );
    let written = table.rows(
        "SELECT count(*) FROM audit_log WHERE audit_log::text ~ '(Canary-directory|nobody-at-all)'",
    );
    assert_eq!(written, ["0"]);
}

#[tokio::test]
async fn an_empty_password_is_refused_before_the_directory_hears_of_it() {
    let table = Table::lay().await;
    let provider = table.provider(table.settings()).await;
    let heard = table.slapd.heard();
    assert_eq!(
        code(table.enter(&provider, "ada", "").await),
        "invalid_credentials"
    );
    assert_eq!(table.slapd.heard(), heard);
    assert_eq!(table.refusals(), ["invalid_credentials"], "and it counts");
    // It would have let somebody in: this server takes a bind without a password for nobody's.
    let mut template = table.settings();
    (template.bind_dn, template.bind_template) =
        (None, Some(format!("uid={{user}},ou=people,{BASE}")));
    let provider = table.provider(template).await;
    assert_eq!(
        code(table.enter(&provider, "ada", "").await),
        "invalid_credentials"
    );
    assert_eq!(table.slapd.heard(), heard);
}

#[tokio::test]
async fn a_typed_name_is_never_a_part_of_a_filter_or_of_a_bind_name() {
    let table = Table::lay().await;
    let searched = table.provider(table.settings()).await;
    let mut template = table.settings();
    (template.bind_dn, template.bind_template) =
        (None, Some(format!("uid={{user}},ou=people,{BASE}")));
    let bound = table.provider(template).await;
    for (at, user) in [
        "*",
        "a*",
        "*)(uid=*",
        "ada)(|(a=b",
        "ada)(objectClass=*",
        "ad\\61",
        "ada\0",
        "ada\0)(uid=bob",
        "ada,ou=people",
        "ada+cn=Ada Lovelace",
        "#616461",
        "\"ada\"",
        "ada;x",
        "\\61da",
        "uid=ada",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        // Each from a network of its own, for the counters count these too.
        let network = format!("198.51.100.{at}");
        for provider in [&searched, &bound] {
            let refused = table.enter_from(provider, user, PASSWORD, &network).await;
            assert_eq!(code(refused), "invalid_credentials", "{user:?}");
        }
    }
    assert_eq!(table.slapd.binds(ADA), 0, "nobody was tried as ada");
    assert_eq!(table.slapd.binds(BOB), 0);
    assert!(table.enter(&searched, "ada", PASSWORD).await.is_ok());
    assert!(table.enter(&bound, "ada", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn guessing_ends_before_the_directory_locks_the_account() {
    let table = Table::lay().await;
    let provider = table.provider(table.settings()).await;
    table.enter(&provider, "bob", PASSWORD).await.unwrap();
    let known = table.slapd.binds(BOB);
    // Two names of one entry, from five networks.
    for at in 0..5 {
        let user = if at % 2 == 0 { "bob" } else { "Robert" };
        let network = format!("198.51.100.{at}");
        let refused = table.enter_from(&provider, user, WRONG, &network).await;
        assert_eq!(code(refused), "invalid_credentials");
    }
    assert_eq!(table.slapd.binds(BOB), known + 5);
    assert_eq!(
        table.refusals().last().map(String::as_str),
        Some("locked_out")
    );
    assert_eq!(
        table.rows("SELECT count(*) FROM jobs WHERE kind = 'event.account_locked'"),
        ["1"]
    );
    // The entry is locked: whatever name, network or password, the directory does not hear of it.
    for (user, password) in [
        ("bob", WRONG),
        ("robert", WRONG),
        ("bob", PASSWORD),
        ("ROBERT", PASSWORD),
    ] {
        let refused = table
            .enter_from(&provider, user, password, "203.0.113.9")
            .await;
        assert!(matches!(
            code(refused),
            "invalid_credentials" | "rate_limited"
        ));
    }
    assert_eq!(table.slapd.binds(BOB), known + 5);
    // One name of it alone: its own counter says so to everybody.
    for at in 0..5 {
        let refused = table
            .enter_from(&provider, "ada", WRONG, &format!("203.0.113.{at}"))
            .await;
        assert_eq!(code(refused), "invalid_credentials");
    }
    let heard = table.slapd.heard();
    for address in ["203.0.113.8", "2001:db8::1"] {
        let refused = table.enter_from(&provider, "ada", PASSWORD, address).await;
        assert_eq!(code(refused), "rate_limited");
    }
    assert_eq!(table.slapd.heard(), heard);
    table.place.house.bed.clock.advance(TimeDelta::minutes(15));
    assert!(table.enter(&provider, "ada", PASSWORD).await.is_ok());
    assert!(table.enter(&provider, "robert", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn many_names_from_one_network_end_as_passwords_do() {
    let table = Table::lay().await;
    let provider = table.provider(table.settings()).await;
    for at in 0..20 {
        let refused = table.enter(&provider, &format!("guess-{at}"), WRONG).await;
        assert_eq!(code(refused), "invalid_credentials");
    }
    let heard = table.slapd.heard();
    assert_eq!(
        code(table.enter(&provider, "ada", PASSWORD).await),
        "rate_limited"
    );
    assert_eq!(table.slapd.heard(), heard);
    let password = table
        .place
        .house
        .sign_in("x@acme.example", "x", "192.0.2.1")
        .await;
    assert_eq!(code(password), "rate_limited", "the counter is one");
    assert!(
        table
            .enter_from(&provider, "ada", PASSWORD, "192.0.2.2")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn who_binds_as_one_entry_and_is_found_as_another_is_neither() {
    let table = Table::lay().await;
    table
        .slapd
        .modify(&format!(
            "dn: {BOB}\nchangetype: modify\nreplace: userPassword\nuserPassword: Bobs-own\n-\nreplace: cn\ncn: Robert\n\n\
             dn: {ADA}\nchangetype: modify\nadd: cn\ncn: bob\n"
        ))
        .unwrap();
    let mut settings = table.settings();
    (settings.bind_dn, settings.bind_template) =
        (None, Some(format!("uid={{user}},ou=people,{BASE}")));
    let sound = table.provider(settings.clone()).await;
    let grant = table.enter(&sound, "bob", "Bobs-own").await.unwrap();
    assert_eq!(grant.view.name, "Robert");
    settings.person_filter = String::from("(cn={user})");
    let careless = table.provider(settings).await;
    assert_eq!(
        code(table.enter(&careless, "bob", "Bobs-own").await),
        "invalid_credentials"
    );
    assert_eq!(
        table.slapd.binds(ADA),
        1,
        "the password was tried where it would have led"
    );
    assert_eq!(table.rows("SELECT count(*) FROM sso_identities"), ["1"]);
}
