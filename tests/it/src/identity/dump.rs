//! What a copy of the rows tells (LR-04, LM-64).

use super::*;

/// LR-04, LM-64: a copy of the database holds no address, password, token, code or browser in clear.
#[tokio::test]
async fn a_dump_of_identitys_rows_tells_nothing() {
    let house = House::empty().await;
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    let grant = house.claim(code.expose(), "203.0.113.77").await.unwrap();
    let renewed = house.refresh(&token(&grant)).await.unwrap();
    let _ = house.sign_in(EMAIL, WRONG, "203.0.113.77").await;
    let mut dump = String::new();
    for table in [
        "users",
        "sessions",
        "refresh_tokens",
        "memberships",
        "signing_keys",
        "known_devices",
        "password_history",
        "reset_links",
        "device_grants",
        "authorization_codes",
        "setup_codes",
        "attempt_counters",
        "audit_log",
        "audit_keys",
        "jobs",
    ] {
        for row in house.rows(&format!("SELECT t::text FROM {table} t")) {
            dump.push_str(&row);
        }
    }
    assert!(dump.contains("Ada Lovelace"), "the search sees the rows");
    let clear = |text: &str| {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        dump.contains(text) || dump.contains(&hex)
    };
    for secret in [
        EMAIL,
        PASSWORD,
        WRONG,
        "canary",
        "203.0.113.77",
        code.expose().as_str(),
        token(&grant).as_str(),
        token(&renewed).as_str(),
        grant.access_token.as_str(),
        "BEGIN PRIVATE KEY",
    ] {
        assert!(!clear(secret), "{secret}");
    }
}
