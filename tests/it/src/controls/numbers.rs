//! CX-30: numbers that no source states are published as settings, and a site's own hold.

use chrono::TimeDelta;
use identity::{Config, Identity, IdentityError};

use crate::{
    controls::sources::root,
    identity::{EMAIL, House, PASSWORD, caller},
};

const MANUAL: &str = include_str!("../../../../config/revkeep.toml");

/// Setting, and the number that we chose. A new line is a number that a site may want otherwise.
const OURS: [(&str, &str, i64); 5] = [
    ("server", "sign_ins_per_minute", 10),
    ("server", "requests_per_minute", 600),
    ("identity", "inactivity_minutes", 60),
    ("identity", "failures_per_address", 20),
    ("identity", "resets_per_address", 30),
];

/// Settings that the manual does not give with our number, or the page of decisions does not name.
fn unpublished(manual: &str, page: &str) -> Vec<String> {
    let table: toml::Table = toml::from_str(manual).unwrap();
    let mut missing = Vec::new();
    for (section, key, number) in OURS {
        let set = table.get(section).and_then(|section| section.get(key));
        if set.and_then(toml::Value::as_integer) != Some(number) {
            missing.push(format!("{section}.{key} is not in the manual"));
        }
        if !page.contains(&format!("`{section}.{key}`")) {
            missing.push(format!("{section}.{key} is not among the decisions"));
        }
    }
    missing
}

#[test]
fn our_own_numbers_are_settings_and_stand_in_the_manual() {
    let page = std::fs::read_to_string(root().join("docs/security/decisions.md")).unwrap();
    assert_eq!(unpublished(MANUAL, &page), Vec::<String>::new());
    assert_eq!(
        unpublished(&MANUAL.replace("requests_per_minute = 600", ""), &page),
        ["server.requests_per_minute is not in the manual"]
    );
    assert_eq!(
        unpublished(MANUAL, &page.replace("inactivity_minutes", "")).len(),
        1
    );
    let defaults = Config::default();
    assert_eq!(
        (
            defaults.inactivity_minutes,
            defaults.failures_per_address,
            defaults.resets_per_address
        ),
        (60, 20, 30),
        "what the program does by itself is what the manual says"
    );
    for text in [MANUAL, page.as_str()] {
        assert!(
            !text.to_lowercase().contains("seed value"),
            "nobody gave them to us"
        );
    }
}

/// The same house under a site's own numbers.
async fn with(house: &House, change: impl FnOnce(&mut Config)) -> Identity {
    let mut config = Config::default();
    change(&mut config);
    house.with(config).await
}

#[tokio::test]
async fn a_sites_own_numbers_hold_in_place_of_ours() {
    let (mut house, grant) = House::set_up().await;
    house.identity = with(&house, |config| {
        config.inactivity_minutes = 5;
        config.failures_per_address = 2;
        config.resets_per_address = 1;
    })
    .await;
    house.advance(TimeDelta::seconds(5 * 60 - 1));
    assert!(house.who(&grant).await.is_ok(), "five minutes are not over");
    house.advance(TimeDelta::minutes(6));
    let rested = house.who(&grant).await;
    assert!(matches!(rested, Err(IdentityError::SessionExpired)));

    for n in 0..2 {
        let nobody = format!("nobody{n}@acme.example");
        assert!(house.sign_in(&nobody, "wrong", "192.0.2.8").await.is_err());
    }
    let locked = house.sign_in(EMAIL, PASSWORD, "192.0.2.8").await;
    assert!(matches!(locked, Err(IdentityError::RateLimited { .. })));

    let ask = async |email| {
        let from = caller("192.0.2.9");
        house.identity.password_reset_ask(email, &from).await
    };
    assert!(ask(EMAIL).await.is_ok());
    let second = ask("nobody@acme.example").await;
    assert!(matches!(second, Err(IdentityError::RateLimited { .. })));
}

#[test]
fn a_zero_that_would_lock_everybody_out_is_refused() {
    let identity = |manual: &str| -> Result<Config, toml::de::Error> {
        let table: toml::Table = toml::from_str(manual).unwrap();
        table["identity"].clone().try_into()
    };
    assert!(identity(MANUAL).is_ok());
    for (_, key, number) in OURS.iter().filter(|(section, ..)| *section == "identity") {
        let zero = MANUAL.replace(&format!("{key} = {number}"), &format!("{key} = 0"));
        assert_ne!(zero, MANUAL);
        assert!(identity(&zero).is_err(), "{key}");
    }
}
