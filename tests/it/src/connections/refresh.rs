//! Refreshes: once for everybody, never with a token that was presented before (LR-21 to LR-23).

use chrono::TimeDelta;
use connections::{BrokenCode, ConnectionError, State};
use simulators::wire::Effect;

use super::{code, on_token_endpoint, rows};
use crate::{
    gate::Gate,
    live::until,
    org::{Org, tokens_of},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_needs_in_two_daemons_make_one_refresh_and_never_present_a_token_twice() {
    let org = Org::connected().await;
    let other = tokens_of(&org.bed, &org.provider, "two");
    for round in 1..=3 {
        org.admin.expire_sessions().await.unwrap();
        let mut needs = Vec::new();
        for number in 0..50 {
            let tokens = if number % 2 == 0 {
                org.tokens.clone()
            } else {
                other.clone()
            };
            let who = org.daemon.clone();
            needs.push(tokio::spawn(async move {
                let refused = tokens.for_routing(&who).await.unwrap();
                tokens
                    .refresh_after(&who, &refused)
                    .await
                    .map(|token| token.generation)
            }));
        }
        let mut generations = Vec::new();
        for need in needs {
            generations.push(need.await.unwrap().unwrap());
        }
        // A need that came after the refresh holds the new token and asks for a newer one.
        let refreshes = org.admin.stats().await.unwrap().refreshes;
        assert_eq!(
            *generations.iter().max().unwrap(),
            i64::try_from(refreshes).unwrap() + 1,
            "round {round}"
        );
        let stats = org.admin.stats().await.unwrap();
        assert_eq!(
            (stats.reuses, stats.collisions, stats.frozen_users),
            (0, 0, 0),
            "round {round}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_expiry_is_one_refresh_however_many_hold_the_old_token() {
    let org = Org::connected().await;
    let other = tokens_of(&org.bed, &org.provider, "two");
    let mut refused = Vec::new();
    for _ in 0..50 {
        refused.push(org.token().await);
    }
    org.admin.expire_sessions().await.unwrap();
    let needs: Vec<_> = refused
        .into_iter()
        .enumerate()
        .map(|(number, refused)| {
            let tokens = if number % 2 == 0 {
                org.tokens.clone()
            } else {
                other.clone()
            };
            let who = org.daemon.clone();
            tokio::spawn(async move {
                tokens
                    .refresh_after(&who, &refused)
                    .await
                    .unwrap()
                    .generation
            })
        })
        .collect();
    for need in needs {
        assert_eq!(need.await.unwrap(), 2);
    }
    let stats = org.admin.stats().await.unwrap();
    assert_eq!((stats.refreshes, stats.reuses, stats.collisions), (1, 0, 0));
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_is_never_repeated() {
    let org = Org::connected().await;
    let token = org.token().await;
    org.admin
        .fault(&on_token_endpoint(Effect::DropAfter))
        .await
        .unwrap();
    let lost = org.tokens.refresh_after(&org.daemon, &token).await;
    assert!(
        matches!(
            lost,
            Err(ConnectionError::Broken(BrokenCode::RefreshInDoubt))
        ),
        "{lost:?}"
    );
    assert_eq!(
        org.connection().await.broken.unwrap().code,
        BrokenCode::RefreshInDoubt
    );
    for _ in 0..3 {
        assert_eq!(
            code(org.tokens.refresh_after(&org.daemon, &token).await),
            "connection_broken"
        );
    }
    let stats = org.admin.stats().await.unwrap();
    assert_eq!((stats.refreshes, stats.reuses), (1, 0));
}

#[tokio::test]
async fn after_a_crash_in_a_refresh_the_old_access_token_serves_until_it_fails() {
    let org = Org::connected().await;
    // What a daemon leaves behind that died between Salesforce's answer and our store.
    org.bed
        .owner("UPDATE connections SET refresh_started_at = now()");
    let token = org.token().await;
    org.client()
        .routing(&org.daemon)
        .await
        .unwrap()
        .limits()
        .await
        .unwrap();
    let result = org.tokens.refresh_after(&org.daemon, &token).await;
    assert!(
        matches!(
            result,
            Err(ConnectionError::Broken(BrokenCode::RefreshInDoubt))
        ),
        "{result:?}"
    );
    assert_eq!(
        org.admin.stats().await.unwrap().refreshes,
        0,
        "the old refresh token was presented"
    );
    let told = rows(&org, "SELECT kind FROM jobs WHERE kind LIKE 'event.%'");
    assert_eq!(told, ["event.connection_broken"]);
    let again = org.login(false).await.unwrap();
    assert_eq!((again.state, again.broken), (State::Connected, None));
}

#[tokio::test]
async fn a_held_lease_keeps_a_second_daemon_from_presenting_the_token() {
    let org = Org::connected().await;
    let token = org.token().await;
    org.bed.owner(&format!(
        "UPDATE connections SET refresh_started_at = now(); \
         INSERT INTO leases SELECT tenant_id, 'refresh conn_' || replace(connection_id::text, '-', ''), 'dead', 1, '{}'::timestamptz FROM connections",
        kernel::Clock::now(org.bed.clock.as_ref()) + TimeDelta::seconds(30)
    ));
    let waiting = tokio::spawn({
        let (tokens, who) = (org.tokens.clone(), org.daemon.clone());
        async move { tokens.refresh_after(&who, &token).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    org.bed.clock.advance(TimeDelta::seconds(31));
    let result = waiting.await.unwrap();
    assert!(
        matches!(
            result,
            Err(ConnectionError::Broken(BrokenCode::RefreshInDoubt))
        ),
        "{result:?}"
    );
    assert_eq!(org.admin.stats().await.unwrap().refreshes, 0);
}

#[tokio::test]
async fn a_collision_at_salesforce_passes_and_a_revoked_grant_breaks_once() {
    let org = Org::connected().await;
    let token = org.token().await;
    let busy = Effect::Status {
        status: 429,
        code: "REQUEST_LIMIT_EXCEEDED".to_owned(),
        message: "later".to_owned(),
    };
    org.admin.fault(&on_token_endpoint(busy)).await.unwrap();
    assert_eq!(
        code(org.tokens.refresh_after(&org.daemon, &token).await),
        "provider_unavailable"
    );
    assert_eq!(org.connection().await.state, State::Connected);
    org.admin.clear_faults().await.unwrap();
    let token = org.tokens.refresh_after(&org.daemon, &token).await.unwrap();
    org.admin.revoke_grants().await.unwrap();
    let result = org.tokens.refresh_after(&org.daemon, &token).await;
    assert!(
        matches!(
            result,
            Err(ConnectionError::Broken(BrokenCode::GrantRevoked))
        ),
        "{result:?}"
    );
    let before = org.admin.stats().await.unwrap().requests;
    for _ in 0..5 {
        assert_eq!(
            code(org.tokens.for_routing(&org.daemon).await),
            "connection_broken"
        );
        assert_eq!(
            code(org.tokens.refresh_after(&org.daemon, &token).await),
            "connection_broken"
        );
    }
    assert_eq!(
        org.admin.stats().await.unwrap().requests,
        before,
        "an open circuit was called through"
    );
    assert_eq!(
        rows(&org, "SELECT kind FROM jobs WHERE kind LIKE 'event.%'").len(),
        1
    );
    let audited = rows(
        &org,
        "SELECT code FROM audit_log WHERE action = 'connection_break'",
    );
    assert_eq!(audited, ["grant_revoked"]);
}

#[tokio::test]
async fn a_refresh_whose_answer_a_gateway_swallowed_is_never_repeated() {
    let org = Org::connected().await;
    let token = org.token().await;
    // Salesforce rotated the token; what came back is a gateway's own 503.
    org.admin
        .fault(&on_token_endpoint(Effect::StatusAfter { status: 503 }))
        .await
        .unwrap();
    let lost = org.tokens.refresh_after(&org.daemon, &token).await;
    assert!(
        matches!(
            lost,
            Err(ConnectionError::Broken(BrokenCode::RefreshInDoubt))
        ),
        "{lost:?}"
    );
    org.admin.clear_faults().await.unwrap();
    assert_eq!(
        code(org.tokens.refresh_after(&org.daemon, &token).await),
        "connection_broken"
    );
    let stats = org.admin.stats().await.unwrap();
    assert_eq!((stats.refreshes, stats.reuses), (1, 0));
    assert_eq!(org.login(false).await.unwrap().state, State::Connected);
}

#[tokio::test]
async fn a_refresh_goes_to_its_end_when_nobody_waits_for_it_any_more() {
    let (org, gate) = Gate::before(Org::connected().await);
    let token = org.token().await;
    gate.hold();
    let request = tokio::spawn({
        let (tokens, who) = (org.tokens.clone(), org.daemon.clone());
        async move { tokens.refresh_after(&who, &token).await }
    });
    gate.reached().await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    gate.release();
    until("the refreshed pair is lost", async || {
        match org.token().await.generation {
            2 => Ok(()),
            other => Err(format!("generation {other}")),
        }
    })
    .await;
    let fresh = org.token().await;
    org.tokens.refresh_after(&org.daemon, &fresh).await.unwrap();
    let stats = org.admin.stats().await.unwrap();
    assert_eq!((stats.refreshes, stats.reuses), (2, 0));
}
