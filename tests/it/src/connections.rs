//! The connection to Salesforce, against its login pages and token endpoint (LR-17 to LR-25, OB-07,
//! OB-08, OB-33).

use chrono::TimeDelta;
use connections::{BrokenCode, Configure, ConnectionError, Environment, Returned, State};
use kernel::{Classified, Principal, Secret};
use simulators::wire::{Effect, Fault};

use crate::{
    harness::{column, connect},
    org::{Org, person_in, tokens_of},
};

fn code(result: Result<impl std::fmt::Debug, ConnectionError>) -> &'static str {
    result.unwrap_err().code()
}

fn rows(org: &Org, sql: &str) -> Vec<String> {
    column(&mut connect(&org.bed.database, "revkeep_owner"), sql)
}

fn on_token_endpoint(effect: Effect) -> Fault {
    Fault {
        method: None,
        path: Some("/services/oauth2/token".to_owned()),
        record: None,
        skip: 0,
        count: Some(1),
        effect,
    }
}

#[tokio::test]
async fn a_login_with_pkce_stores_a_sealed_grant_and_nothing_in_clear() {
    let org = Org::connected().await;
    let connection = org.connection().await;
    assert_eq!(connection.state, State::Connected);
    assert_eq!(
        connection.organisation.as_deref(),
        Some(simulators::ORGANISATION)
    );
    assert_eq!(
        connection.instance_url,
        Some(format!("https://{}", org.host))
    );
    let grants = org.admin.tokens().await.unwrap().grants;
    assert_eq!(grants.len(), 1);
    assert_eq!(grants[0].scope.split(' ').count(), 2, "{}", grants[0].scope);
    let authorize = org.admin.requests(0).await.unwrap();
    let parameters = |name: &str| {
        let page = authorize
            .iter()
            .find(|entry| entry.path == "/services/oauth2/authorize");
        let found = page.unwrap().query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone())
    };
    assert_eq!(parameters("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(parameters("code_challenge").unwrap().len(), 43);
    let token = org.token().await;
    let dump = rows(
        &org,
        "SELECT connections::text || coalesce(encode(access_sealed, 'escape'), '') || \
         coalesce(encode(refresh_sealed, 'escape'), '') || coalesce(encode(consumer_secret_sealed, 'escape'), '') FROM connections",
    );
    for secret in [token.secret.expose().as_str(), simulators::CLIENT_SECRET] {
        assert!(!dump[0].contains(secret));
    }
    let queued = rows(&org, "SELECT kind FROM jobs");
    assert_eq!(queued, ["reps.sync"]);
}

#[tokio::test]
async fn a_state_is_good_for_one_return_in_its_session_tenant_and_time() {
    let org = Org::new();
    org.configure().await.unwrap();
    let complete = async |who: &Principal, state: &str| {
        let code = Returned::Code(Secret::new("aPrx".to_owned()));
        org.connections.connection_complete(who, state, code).await
    };
    assert_eq!(
        code(complete(&org.person, "made-up").await),
        "state_invalid"
    );
    let (_, state) = org.return_of(false).await;
    let colleague = person_in(&org.daemon);
    assert_eq!(code(complete(&colleague, &state).await), "state_invalid");
    assert_eq!(
        code(complete(&org.person, &state).await),
        "state_invalid",
        "used up by the attack"
    );
    let (_, state) = org.return_of(false).await;
    let stranger = person_in(&org.bed.tenant());
    assert_eq!(code(complete(&stranger, &state).await), "state_invalid");
    org.bed.clock.advance(TimeDelta::minutes(10));
    assert_eq!(code(complete(&org.person, &state).await), "state_expired");
    let (returned, state) = org.return_of(false).await;
    let connection = org
        .connections
        .connection_complete(&org.person, &state, returned)
        .await;
    assert_eq!(connection.unwrap().state, State::Connected);
    assert_eq!(
        code(complete(&org.person, &state).await),
        "state_invalid",
        "used twice"
    );
}

#[tokio::test]
async fn a_denied_consent_is_told_and_leaves_no_grant() {
    let org = Org::new();
    org.configure().await.unwrap();
    let (_, state) = org.return_of(false).await;
    let denied = Returned::Refused("access_denied".to_owned());
    let result = org
        .connections
        .connection_complete(&org.person, &state, denied)
        .await;
    assert_eq!(code(result), "grant_refused");
    assert_ne!(org.connection().await.state, State::Connected);
}

#[tokio::test]
async fn only_hosts_of_salesforce_and_declared_ones_can_be_configured() {
    let org = Org::new();
    for host in [
        "evil.example",
        "acme.my.salesforce.com.evil.example",
        "localhost:1",
        "169.254.169.254",
    ] {
        let form = Configure {
            my_domain: Some(host.to_owned()),
            ..org.form()
        };
        assert_eq!(
            code(
                org.connections
                    .connection_configure(&org.person, form)
                    .await
            ),
            "invalid",
            "{host}"
        );
    }
    let form = Configure {
        environment: Environment::Sandbox,
        ..org.form()
    };
    let sandbox = org
        .connections
        .connection_configure(&org.person, form)
        .await
        .unwrap();
    assert_eq!(sandbox.login_host, "test.salesforce.com");
}

#[tokio::test]
async fn an_instance_outside_the_allowed_hosts_gets_no_token_and_its_grant_is_revoked() {
    // Salesforce answers under another name than the one that was declared.
    let org = Org::called("127.0.0.1");
    org.configure().await.unwrap();
    let url = org
        .connections
        .connection_authorize(&org.person, false)
        .await
        .unwrap();
    let back = org
        .admin
        .sign_in(&url, simulators::USERNAME, simulators::PASSWORD, true)
        .await
        .unwrap();
    let parameter = |name: &str| {
        back.query_pairs()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .into_owned()
    };
    let returned = Returned::Code(Secret::new(parameter("code")));
    let result = org
        .connections
        .connection_complete(&org.person, &parameter("state"), returned)
        .await;
    assert_eq!(code(result), "host_refused");
    let grants = org.admin.tokens().await.unwrap().grants;
    assert!(grants[0].ended.is_some(), "the grant lives on unseen");
}

#[tokio::test]
async fn another_organisation_needs_the_explicit_path() {
    let org = Org::connected().await;
    org.bed
        .owner("UPDATE connections SET org_id = '00Dxx0000009999EAA'");
    assert_eq!(code(org.login(false).await), "organisation_mismatch");
    let ended = org
        .admin
        .tokens()
        .await
        .unwrap()
        .grants
        .iter()
        .filter(|grant| grant.ended.is_some())
        .count();
    assert_eq!(ended, 1, "the grant that was not accepted is revoked");
    let connection = org.login(true).await.unwrap();
    assert_eq!(
        connection.organisation.as_deref(),
        Some(simulators::ORGANISATION)
    );
}

#[tokio::test]
async fn a_ciphertext_opens_in_its_own_row_and_column_only() {
    let org = Org::connected().await;
    let stranger = org.bed.tenant();
    let theirs = person_in(&stranger);
    org.connections
        .connection_configure(&theirs, org.form())
        .await
        .unwrap();
    org.bed.owner(&format!(
        "UPDATE connections c SET state = 'connected', instance_url = o.instance_url, org_id = o.org_id, \
         access_sealed = o.access_sealed, refresh_sealed = o.refresh_sealed \
         FROM connections o WHERE c.tenant_id = '{}' AND o.tenant_id = '{}'",
        stranger.tenant.uuid(),
        org.daemon.tenant.uuid()
    ));
    let moved = org.tokens.for_routing(&stranger).await;
    assert!(matches!(moved, Err(ConnectionError::Vault(_))), "{moved:?}");
    org.bed.owner("UPDATE connections SET access_sealed = refresh_sealed WHERE consumer_secret_sealed IS NOT NULL");
    let swapped = org.tokens.for_routing(&org.daemon).await;
    assert!(
        matches!(swapped, Err(ConnectionError::Vault(_))),
        "{swapped:?}"
    );
}

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
async fn disconnecting_deletes_the_tokens_and_ends_the_grant() {
    let org = Org::connected().await;
    let connection = org
        .connections
        .connection_disconnect(&org.person)
        .await
        .unwrap();
    assert_eq!(connection.state, State::Disconnected);
    let left = rows(
        &org,
        "SELECT count(access_sealed) + count(refresh_sealed) FROM connections",
    );
    assert_eq!(left, ["0"]);
    let grants = org.admin.tokens().await.unwrap().grants;
    assert!(grants[0].ended.is_some());
    assert_eq!(
        code(org.tokens.for_routing(&org.daemon).await),
        "connection_not_connected"
    );
    let audited = rows(
        &org,
        "SELECT outcome FROM audit_log WHERE action = 'connection_disconnect' ORDER BY 1",
    );
    assert_eq!(audited, ["done", "done"]);
}

#[tokio::test]
async fn a_disconnect_that_salesforce_does_not_hear_still_deletes_and_says_so() {
    let org = Org::connected().await;
    let deaf = Fault {
        path: Some("/services/oauth2/revoke".to_owned()),
        ..on_token_endpoint(Effect::DropBefore)
    };
    org.admin.fault(&deaf).await.unwrap();
    let connection = org
        .connections
        .connection_disconnect(&org.person)
        .await
        .unwrap();
    assert_eq!(connection.state, State::Disconnected);
    let audited = rows(
        &org,
        "SELECT outcome || ' ' || coalesce(code, '') FROM audit_log WHERE action = 'connection_disconnect' ORDER BY 1",
    );
    assert_eq!(audited, ["done ", "failed revoke_failed"]);
}

#[tokio::test]
async fn rewrapping_while_serving_loses_nothing() {
    let org = Org::connected().await;
    let before = org.token().await;
    org.bed
        .vault
        .rotate_tenant_key(org.daemon.tenant)
        .await
        .unwrap();
    assert!(
        org.connections
            .connection_rewrap(&org.daemon)
            .await
            .unwrap()
    );
    assert_eq!(org.token().await.secret.expose(), before.secret.expose());
    org.tokens
        .refresh_after(&org.daemon, &before)
        .await
        .unwrap();
}
