//! Sign-in and its locks: what a wrong password tells, and how often one may be wrong (LR-09, LR-12, LM-09, LM-12).

use super::*;

/// LR-12: same answer, same rows, same work.
#[tokio::test]
async fn an_unknown_address_cannot_be_told_from_a_wrong_password() {
    let (house, _) = House::set_up().await;
    let known = house.sign_in(EMAIL, WRONG, "192.0.2.10").await;
    let unknown = house
        .sign_in("nobody@acme.example", WRONG, "192.0.2.11")
        .await;
    for refused in [known, unknown] {
        assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    }
    let traces = house.rows(
        "SELECT actor_kind || actor_id || outcome || code || resource_type || length(resource_id) || length(origin_sealed) || tenant_id \
         FROM audit_log WHERE action = 'sign_in_refuse'",
    );
    assert_eq!(traces.len(), 2);
    assert_eq!(traces.first(), traces.last());
    let counters = house.rows(
        "SELECT scope || failures || (locked_until IS NULL) FROM attempt_counters WHERE scope LIKE 'sign_in%' AND failures > 0 ORDER BY 1",
    );
    assert_eq!(
        counters,
        [
            "sign_in_account1true",
            "sign_in_account1true",
            "sign_in_address1true",
            "sign_in_address1true"
        ]
    );
}

#[tokio::test]
async fn a_deactivated_account_is_an_unknown_one_and_its_sessions_end() {
    let (house, grant) = House::set_up().await;
    house.bed.owner("UPDATE users SET state = 'deactivated'");
    let refused = house.sign_in(EMAIL, PASSWORD, "192.0.2.10").await;
    assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    assert!(is_revoked(house.refresh(&token(&grant)).await));
    assert!(matches!(
        house.who(&grant).await,
        Err(IdentityError::SessionRevoked)
    ));
}

/// LM-09, LM-12.
#[tokio::test]
async fn five_failures_lock_the_account_for_that_network_for_a_quarter_of_an_hour() {
    let (house, _) = House::set_up().await;
    for _ in 0..5 {
        let refused = house.sign_in(EMAIL, WRONG, "2001:db8:1:2::1").await;
        assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    }
    let sibling = house.sign_in(EMAIL, PASSWORD, "2001:db8:1:2:aaaa::9").await;
    let Err(IdentityError::RateLimited { retry_after }) = sibling else {
        panic!("the right password from the same /64 must wait");
    };
    assert!(
        (890..=901).contains(&retry_after.as_secs()),
        "{retry_after:?}"
    );
    assert_eq!(
        house.rows("SELECT code || count(*) FROM audit_log WHERE action = 'sign_in_refuse' GROUP BY code ORDER BY 1"),
        ["invalid_credentials4", "locked_out1"]
    );
    assert!(
        house
            .sign_in(EMAIL, PASSWORD, "2001:db8:1:3::1")
            .await
            .is_ok(),
        "nobody else is locked out"
    );
    house.advance(TimeDelta::minutes(15));
    assert!(
        house
            .sign_in(EMAIL, PASSWORD, "2001:db8:1:2::1")
            .await
            .is_ok()
    );
}

/// Failures that are spread over the quarter of an hour lock for a whole one, not for what is left of it.
#[tokio::test]
async fn a_lock_lasts_from_the_failure_that_made_it() {
    let (house, _) = House::set_up().await;
    for wait in [0, 0, 0, 0, 14] {
        house.advance(TimeDelta::minutes(wait));
        let refused = house.sign_in(EMAIL, WRONG, "192.0.2.10").await;
        assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    }
    house.advance(TimeDelta::minutes(14));
    let held = house.sign_in(EMAIL, PASSWORD, "192.0.2.10").await;
    assert!(matches!(held, Err(IdentityError::RateLimited { .. })));
    house.advance(TimeDelta::minutes(1));
    assert!(house.sign_in(EMAIL, PASSWORD, "192.0.2.10").await.is_ok());
}

/// A hundred guesses at once are a hundred guesses.
#[tokio::test]
async fn guessing_in_parallel_gains_nothing_on_two_daemons() {
    let (house, _) = House::set_up().await;
    let other = house.second_daemon().await;
    let guesses = (0..40).map(|n| {
        let identity = if n % 2 == 0 {
            house.identity.clone()
        } else {
            other.clone()
        };
        async move {
            let input = SignIn {
                email: EMAIL.to_owned(),
                password: Secret::new(format!("{WRONG}{n}")),
                tenant: None,
            };
            identity.sign_in(input, &caller("192.0.2.66")).await
        }
    });
    let answers = join_all(guesses).await;
    let judged = answers
        .iter()
        .filter(|answer| matches!(answer, Err(IdentityError::InvalidCredentials)))
        .count();
    let held = answers
        .iter()
        .filter(|answer| matches!(answer, Err(IdentityError::RateLimited { .. })))
        .count();
    assert_eq!((judged, held), (5, 35));
    assert_eq!(
        house.rows("SELECT count(*) FROM audit_log WHERE code = 'locked_out'"),
        ["1"]
    );
}

/// LR-09: many accounts from one network.
#[tokio::test]
async fn twenty_failures_of_one_network_lock_it_whatever_the_accounts() {
    let (house, _) = House::set_up().await;
    for n in 0..20 {
        let refused = house
            .sign_in(&format!("user{n}@acme.example"), WRONG, "192.0.2.66")
            .await;
        assert!(
            matches!(refused, Err(IdentityError::InvalidCredentials)),
            "{n}"
        );
    }
    let locked = house.sign_in(EMAIL, PASSWORD, "192.0.2.66").await;
    assert!(matches!(locked, Err(IdentityError::RateLimited { .. })));
    assert!(house.sign_in(EMAIL, PASSWORD, "192.0.2.67").await.is_ok());
}

#[tokio::test]
async fn success_clears_the_accounts_count_and_is_not_a_failure_of_the_network() {
    let (house, _) = House::set_up().await;
    for _ in 0..4 {
        let _ = house.sign_in(EMAIL, WRONG, "192.0.2.10").await;
    }
    assert!(house.sign_in(EMAIL, PASSWORD, "192.0.2.10").await.is_ok());
    assert_eq!(
        house.rows(
            "SELECT scope || failures FROM attempt_counters WHERE scope LIKE 'sign_in%' ORDER BY 1"
        ),
        ["sign_in_account0", "sign_in_address4"]
    );
}
