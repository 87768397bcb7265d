//! Passwords of people who have one: change, the last five, breaches, the cost (LR-04, LM-13 to
//! LM-16, CX-15 to CX-17), and that nothing tells who has an account (LR-12).

use std::io::Write;

use chrono::TimeDelta;
use identity::{BreachConfig, Config, Grant, Identity, IdentityError, PasswordProfile};
use kernel::Secret;

use crate::{
    identity::{EMAIL, House, PASSWORD, WRONG, caller, is_revoked, token},
    statements,
};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

impl House {
    pub(crate) async fn change(
        &self,
        grant: &Grant,
        current: &str,
        new: &str,
    ) -> Result<(), IdentityError> {
        let who = self.who(grant).await.unwrap();
        let from = caller("192.0.2.1");
        let (current, new) = (secret(current), secret(new));
        self.identity
            .password_change(&who, &current, &new, &from)
            .await
    }

    /// Another daemon with another configuration on the same rows.
    pub(crate) async fn with(&self, config: Config) -> Identity {
        let identity = Identity::new(self.bed.db.clone(), self.bed.vault.clone(), config);
        identity.unlock().await.unwrap();
        identity
    }
}

fn code(result: &Result<(), IdentityError>) -> &str {
    match result {
        Ok(()) => "ok",
        Err(IdentityError::Input { code, .. }) => code,
        Err(IdentityError::CurrentPassword) => "current",
        Err(_) => "other",
    }
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_only_it_signs_in() {
    let (house, grant) = House::set_up().await;
    let elsewhere = house.sign_in(EMAIL, PASSWORD, "192.0.2.20").await.unwrap();
    let changed = house
        .change(&grant, PASSWORD, "Walking-otters-9-quietly")
        .await;
    assert_eq!(code(&changed), "ok");
    assert!(
        house.who(&grant).await.is_ok(),
        "the one that changed it stays"
    );
    assert!(matches!(
        house.who(&elsewhere).await,
        Err(IdentityError::SessionRevoked)
    ));
    assert!(is_revoked(house.refresh(&token(&elsewhere)).await));
    let old = house.sign_in(EMAIL, PASSWORD, "192.0.2.20").await;
    assert!(matches!(old, Err(IdentityError::InvalidCredentials)));
    assert!(
        house
            .sign_in(EMAIL, "Walking-otters-9-quietly", "192.0.2.20")
            .await
            .is_ok()
    );
    assert_eq!(
        house.rows("SELECT outcome FROM audit_log WHERE action = 'password_change'"),
        ["done"]
    );
}

/// A stolen session is no password.
#[tokio::test]
async fn guessing_the_current_password_ends_after_five() {
    let (house, grant) = House::set_up().await;
    for _ in 0..5 {
        let refused = house
            .change(&grant, WRONG, "Walking-otters-9-quietly")
            .await;
        assert_eq!(code(&refused), "current");
    }
    let held = house
        .change(&grant, PASSWORD, "Walking-otters-9-quietly")
        .await;
    assert!(
        matches!(held, Err(IdentityError::RateLimited { .. })),
        "even with the right one"
    );
    assert_eq!(
        house.rows("SELECT code || count(*) FROM audit_log WHERE action = 'password_change' GROUP BY code ORDER BY code"),
        ["invalid_credentials4", "locked_out1"]
    );
    assert!(
        house.sign_in(EMAIL, PASSWORD, "192.0.2.1").await.is_ok(),
        "nothing was changed"
    );
}

/// LM-15: the current one and the four before it; the sixth may come back.
#[tokio::test]
async fn the_last_five_passwords_do_not_come_back() {
    let (house, grant) = House::set_up().await;
    let chosen: Vec<String> = (1..=5)
        .map(|n| format!("Walking-otters-{n}-quietly"))
        .collect();
    let mut current = PASSWORD.to_owned();
    for new in &chosen {
        assert_eq!(
            code(&house.change(&grant, &current, new).await),
            "ok",
            "{new}"
        );
        house.advance(TimeDelta::seconds(1));
        current.clone_from(new);
    }
    for new in &chosen {
        assert_eq!(
            code(&house.change(&grant, &current, new).await),
            "password_reused",
            "{new}"
        );
    }
    assert_eq!(house.rows("SELECT count(*) FROM password_history"), ["4"]);
    assert_eq!(
        code(&house.change(&grant, &current, PASSWORD).await),
        "ok",
        "the sixth"
    );
    let hashes = house.rows("SELECT password_hash FROM password_history");
    assert!(
        hashes.iter().all(|hash| hash.starts_with("p1:$2b$12$")),
        "{hashes:?}"
    );
}

#[tokio::test]
async fn a_breached_password_is_refused_whatever_its_composition() {
    let (house, grant) = House::set_up().await;
    let mut list = tempfile::NamedTempFile::new().unwrap();
    // SHA-1 of "Walking-otters-9-quietly" among its neighbours.
    let mut lines = vec![
        sha1("Walking-otters-9-quietly"),
        sha1("another"),
        sha1("third"),
    ];
    lines.sort();
    for line in lines {
        writeln!(list, "{line}:7").unwrap();
    }
    let breach = BreachConfig {
        hash_file: Some(list.path().to_owned()),
        mirror: None,
    };
    let listed = house
        .with(Config {
            breach,
            ..Config::default()
        })
        .await;
    let who = house.who(&grant).await.unwrap();
    let from = caller("192.0.2.1");
    let change = async |new: &str| {
        let (current, new) = (secret(PASSWORD), secret(new));
        listed.password_change(&who, &current, &new, &from).await
    };
    assert_eq!(
        code(&change("Walking-otters-9-quietly").await),
        "password_breached"
    );
    assert_eq!(code(&change("Password1234").await), "password_breached");
    assert_eq!(code(&change("Walking-otters-8-quietly").await), "ok");
    list.as_file().set_len(0).unwrap();
    writeln!(
        list,
        "this is no list of hashes, so nothing is taken on trust"
    )
    .unwrap();
    let refused = listed
        .password_change(
            &who,
            &secret("Walking-otters-8-quietly"),
            &secret("Walking-otters-7-quietly"),
            &from,
        )
        .await;
    assert!(
        matches!(refused, Err(IdentityError::BreachList(_))),
        "fails closed"
    );
}

pub(crate) fn sha1(text: &str) -> String {
    let digest = openssl::sha::sha1(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[tokio::test]
async fn the_asvs_profile_asks_for_length_alone() {
    let (house, grant) = House::set_up().await;
    let asvs = house
        .with(Config {
            password_profile: PasswordProfile::Asvs,
            ..Config::default()
        })
        .await;
    let who = house.who(&grant).await.unwrap();
    let from = caller("192.0.2.1");
    let short = asvs
        .password_change(&who, &secret(PASSWORD), &secret("Otters-9-walk"), &from)
        .await;
    assert_eq!(code(&short), "password_too_short");
    let long = "quietly walking otters in the long grass beside the slow river at noon";
    assert!(long.len() > 64);
    let taken = asvs
        .password_change(&who, &secret(PASSWORD), &secret(long), &from)
        .await;
    assert_eq!(code(&taken), "ok");
    let cut = &long[..64];
    assert!(
        house.sign_in(EMAIL, cut, "192.0.2.1").await.is_err(),
        "nothing is cut off"
    );
    assert!(house.sign_in(EMAIL, long, "192.0.2.1").await.is_ok());
}

/// LM-14: a stored hash of a lower cost is made anew by the next sign-in, and by no failed one.
#[tokio::test]
async fn the_cost_is_raised_when_the_person_signs_in() {
    let (house, _) = House::set_up().await;
    let dearer = house
        .with(Config {
            bcrypt_cost: 13,
            ..Config::default()
        })
        .await;
    let sign_in = async |password: &str| {
        let input = identity::SignIn {
            email: EMAIL.to_owned(),
            password: secret(password),
            tenant: None,
        };
        dearer.sign_in(input, &caller("192.0.2.1")).await
    };
    let cost = || {
        house
            .rows("SELECT substr(password_hash, 1, 10) FROM users")
            .remove(0)
    };
    assert!(sign_in(WRONG).await.is_err());
    assert_eq!(cost(), "p1:$2b$12$");
    assert!(sign_in(PASSWORD).await.is_ok());
    assert_eq!(cost(), "p1:$2b$13$");
    assert!(sign_in(PASSWORD).await.is_ok(), "the new hash is right");
    assert_eq!(
        house.rows("SELECT count(*) FROM audit_log WHERE action = 'password_upgrade'"),
        ["1"]
    );
    assert_eq!(
        house.rows("SELECT count(*) FROM password_history"),
        ["0"],
        "no new password"
    );
}

/// LR-12: the same number of bcrypt runs and of statements for an address that somebody has and for
/// one that nobody has.
#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_cost_the_same() {
    statements::begin();
    let (house, _) = House::set_up().await;
    let name = house.bed.database.config().name;
    let cost = async |email: &str, from: &str| {
        let before = (house.identity.passwords_worked(), statements::sent(&name));
        assert!(house.sign_in(email, WRONG, from).await.is_err());
        let after = (house.identity.passwords_worked(), statements::sent(&name));
        (after.0 - before.0, after.1 - before.1)
    };
    // Pools and audit keys are made once.
    cost("somebody@acme.example", "192.0.2.10").await;
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for _ in 0..5 {
        known.push(cost(EMAIL, "192.0.2.11").await);
        unknown.push(cost("nobody@acme.example", "192.0.2.12").await);
    }
    assert_eq!(known, unknown, "up to the failure that locks");
    assert_eq!(known[0].0, 1);
    assert!(known[0].1 > 5, "statements were counted: {known:?}");
    let signed_in = house.bed.database.config().name;
    let before = statements::sent(&signed_in);
    assert!(house.sign_in(EMAIL, PASSWORD, "192.0.2.13").await.is_ok());
    assert_ne!(
        statements::sent(&signed_in) - before,
        known[0].1,
        "the count tells paths apart"
    );
}

/// CX-13: another way to write the address or the network is the same attempt, and another address
/// is not hers.
#[tokio::test]
async fn a_lockout_is_not_got_round() {
    let (house, _) = House::set_up().await;
    for spelling in [
        EMAIL,
        "CANARY-ADA@acme.example",
        "canary-ada@ACME.EXAMPLE",
        " canary-ada@acme.example ",
        "Canary-Ada@Acme.Example",
    ] {
        let refused = house.sign_in(spelling, WRONG, "2001:db8:1:2::1").await;
        assert!(
            matches!(refused, Err(IdentityError::InvalidCredentials)),
            "{spelling}"
        );
    }
    for (spelling, from) in [
        (EMAIL, "2001:db8:1:2::1"),
        ("CANARY-ADA@ACME.EXAMPLE", "2001:db8:1:2::1"),
        (EMAIL, "2001:db8:1:2:ffff:ffff:ffff:ffff"),
    ] {
        let held = house.sign_in(spelling, PASSWORD, from).await;
        assert!(
            matches!(held, Err(IdentityError::RateLimited { .. })),
            "{spelling} {from}"
        );
    }
    let plus = house
        .sign_in("canary-ada+1@acme.example", PASSWORD, "2001:db8:1:2::1")
        .await;
    assert!(
        matches!(plus, Err(IdentityError::InvalidCredentials)),
        "nobody's address"
    );

    for _ in 0..5 {
        let refused = house.sign_in(EMAIL, WRONG, "192.0.2.77").await;
        assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    }
    let mapped = house.sign_in(EMAIL, PASSWORD, "::ffff:192.0.2.77").await;
    assert!(matches!(mapped, Err(IdentityError::RateLimited { .. })));
}

#[tokio::test]
async fn the_meter_says_what_the_change_will_say() {
    let (house, _) = House::set_up().await;
    let judge = async |text: &str| {
        house
            .identity
            .password_strength(&secret(text), EMAIL, "Ada Lovelace")
            .await
            .unwrap()
    };
    assert_eq!(
        judge("short").await.problems.first(),
        Some(&"password_too_short")
    );
    assert_eq!(judge("Password1234").await.problems, ["password_breached"]);
    let good = judge("Walking-otters-9-quietly").await;
    assert!(good.problems.is_empty() && good.score >= 3, "{good:?}");
}
