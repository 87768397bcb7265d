//! Refresh tokens: each is good once, a stolen one ends everything, and none lives for ever (LR-07, LR-08, LM-06, CX-01, CX-02).

use super::*;

#[tokio::test]
async fn a_refresh_token_is_exchanged_once_and_a_lost_answer_is_sent_again() {
    let (house, grant) = House::set_up().await;
    let first = token(&grant);
    let second = token(&house.refresh(&first).await.unwrap());
    assert_ne!(first, second);
    house.advance(TimeDelta::seconds(30));
    let again = token(&house.refresh(&first).await.unwrap());
    assert_eq!(again, second, "the answer was lost: the same successor");
    let third = token(&house.refresh(&second).await.unwrap());
    assert_ne!(third, second);
}

#[tokio::test]
async fn a_tab_that_lost_the_race_gets_an_access_token_and_no_refresh_token() {
    let (house, grant) = House::set_up().await;
    let first = token(&grant);
    let second = token(&house.refresh(&first).await.unwrap());
    let third = token(&house.refresh(&second).await.unwrap());
    house.advance(TimeDelta::seconds(30));
    let late = house.refresh(&first).await.unwrap();
    assert!(late.refresh.is_none());
    assert!(house.who(&late).await.is_ok());
    assert!(house.refresh(&third).await.is_ok(), "the chain goes on");
}

async fn assert_theft(house: &House, stolen: &str, alive: &[&Grant]) {
    assert!(is_revoked(house.refresh(stolen).await));
    for grant in alive {
        assert!(matches!(
            house.who(grant).await,
            Err(IdentityError::SessionRevoked)
        ));
        assert!(
            is_revoked(house.refresh(&token(grant)).await),
            "every device"
        );
    }
    assert_eq!(
        house.rows("SELECT outcome || code FROM audit_log WHERE action = 'session_theft'"),
        ["refusedrefresh_token_reused"]
    );
    assert_eq!(
        house.rows("SELECT payload->>'event' FROM jobs WHERE kind = 'event.session_theft'"),
        ["session_theft"]
    );
    assert_eq!(
        house.rows("SELECT count(*) FROM sessions WHERE ended_at IS NULL"),
        ["0"]
    );
}

/// LR-07, LM-06, CX-02.
#[tokio::test]
async fn a_token_that_comes_back_late_ends_every_session() {
    let (house, grant) = House::set_up().await;
    let elsewhere = house.sign_in(EMAIL, PASSWORD, "192.0.2.20").await.unwrap();
    let stolen = token(&grant);
    let current = house.refresh(&stolen).await.unwrap();
    house.advance(TimeDelta::seconds(31));
    assert_theft(&house, &stolen, &[&current, &elsewhere]).await;
}

#[tokio::test]
async fn a_token_two_steps_back_ends_every_session_within_the_grace_too() {
    let (house, grant) = House::set_up().await;
    let elsewhere = house.sign_in(EMAIL, PASSWORD, "192.0.2.20").await.unwrap();
    let stolen = token(&grant);
    let second = token(&house.refresh(&stolen).await.unwrap());
    let third = token(&house.refresh(&second).await.unwrap());
    let current = house.refresh(&third).await.unwrap();
    assert_theft(&house, &stolen, &[&current, &elsewhere]).await;
}

/// LR-08, on two daemons: all get the one successor.
#[tokio::test]
async fn refreshes_at_once_share_one_result() {
    let (house, grant) = House::set_up().await;
    let other = house.second_daemon().await;
    let first = token(&grant);
    let answers = join_all((0..20).map(|n| {
        let identity = if n % 2 == 0 {
            house.identity.clone()
        } else {
            other.clone()
        };
        let first = first.clone();
        async move { identity.session_refresh(&first, &caller("192.0.2.1")).await }
    }))
    .await;
    let successors: std::collections::BTreeSet<String> = answers
        .iter()
        .map(|answer| token(answer.as_ref().unwrap()))
        .collect();
    assert_eq!(successors.len(), 1);
    assert_eq!(house.rows("SELECT count(*) FROM refresh_tokens"), ["2"]);
}

#[tokio::test]
async fn an_unknown_or_malformed_token_opens_nothing_and_ends_nothing() {
    let (house, grant) = House::set_up().await;
    for forged in [
        String::new(),
        String::from("x"),
        "A".repeat(43),
        grant.access_token.clone(),
    ] {
        assert!(is_revoked(house.refresh(&forged).await));
    }
    assert!(house.refresh(&token(&grant)).await.is_ok());
}

/// CX-01: seven days, however busy.
#[tokio::test]
async fn no_chain_outlives_seven_days() {
    let (house, grant) = House::set_up().await;
    let mut current = token(&grant);
    for _ in 0..(7 * 24 * 2 - 1) {
        house.advance(TimeDelta::minutes(30));
        current = token(&house.refresh(&current).await.unwrap());
    }
    house.advance(TimeDelta::minutes(20));
    let last = house.refresh(&current).await.unwrap();
    assert_eq!(
        last.expires_in.as_secs(),
        600,
        "no access token outlives its session"
    );
    current = token(&last);
    house.advance(TimeDelta::minutes(10));
    assert!(matches!(
        house.refresh(&current).await,
        Err(IdentityError::SessionExpired)
    ));
    assert!(house.who(&last).await.is_err());
}

#[tokio::test]
async fn an_hour_without_use_ends_a_session_and_use_keeps_it() {
    let (house, grant) = House::set_up().await;
    house.advance(TimeDelta::minutes(14));
    assert!(house.who(&grant).await.is_ok(), "use is written down");
    house.advance(TimeDelta::minutes(59));
    let renewed = house.refresh(&token(&grant)).await.unwrap();
    house.advance(TimeDelta::minutes(60));
    let refused = house.refresh(&token(&renewed)).await;
    assert!(matches!(refused, Err(IdentityError::SessionExpired)));
}
