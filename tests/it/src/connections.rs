//! The connection to Salesforce, against its login pages and token endpoint (LR-17 to LR-25, OB-07,
//! OB-08, OB-33).

mod disconnect;
mod refresh;

use chrono::TimeDelta;
use connections::{Configure, ConnectionError, Environment, Returned, State};
use kernel::{Classified, Principal, Secret};
use simulators::wire::{Effect, Fault};

use crate::{
    gate::Gate,
    harness::{column, connect},
    live::until,
    org::{Org, person_in},
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

#[tokio::test]
async fn rewrapping_while_serving_loses_nothing() {
    let org = Org::connected().await;
    let before = org.token().await;
    let tenant = org.daemon.tenant;
    org.bed.vault.rotate_tenant_key(tenant).await.unwrap();
    let newest = org.bed.vault.newest_version(tenant).await.unwrap();
    let rewrap = async || {
        org.connections
            .connection_rewrap(&org.daemon, None, newest)
            .await
            .unwrap()
    };
    let page = rewrap().await;
    assert_eq!((page.seen, page.moved, page.next), (3, 3, None));
    let again = rewrap().await;
    assert_eq!((again.seen, again.moved), (3, 0), "moved twice");
    assert_eq!(org.token().await.secret.expose(), before.secret.expose());
    org.tokens
        .refresh_after(&org.daemon, &before)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_login_goes_to_its_end_when_nobody_waits_for_it_any_more() {
    let (org, gate) = Gate::before(Org::new());
    org.configure().await.unwrap();
    let (returned, state) = org.return_of(false).await;
    gate.hold();
    let request = tokio::spawn({
        let (connections, person) = (org.connections.clone(), org.person.clone());
        async move {
            connections
                .connection_complete(&person, &state, returned)
                .await
        }
    });
    gate.reached().await;
    // The request's time-out, or a page that was closed, while Salesforce trades the code.
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    gate.release();
    until("the grant is lost", async || {
        match org.connection().await.state {
            State::Connected => Ok(()),
            other => Err(other.name().to_owned()),
        }
    })
    .await;
    assert_eq!(org.admin.tokens().await.unwrap().grants.len(), 1);
    assert!(gate.revoked().is_empty());
}

#[tokio::test]
async fn a_grant_that_cannot_be_stored_does_not_live_on_at_salesforce() {
    let (org, gate) = Gate::before(Org::new());
    org.configure().await.unwrap();
    let (returned, state) = org.return_of(false).await;
    gate.hold();
    let request = tokio::spawn({
        let (connections, person) = (org.connections.clone(), org.person.clone());
        async move {
            connections
                .connection_complete(&person, &state, returned)
                .await
        }
    });
    gate.reached().await;
    // A colleague changed the form meanwhile.
    org.configure().await.unwrap();
    gate.release();
    assert_eq!(code(request.await.unwrap()), "version_conflict");
    let grants = org.admin.tokens().await.unwrap().grants;
    assert!(grants[0].ended.is_some(), "the grant lives on unseen");
    assert_eq!(rows(&org, "SELECT count(*) FROM grants_ending"), ["0"]);
}

#[tokio::test]
async fn a_new_login_ends_the_grant_that_it_replaces() {
    let org = Org::connected().await;
    org.login(false).await.unwrap();
    disconnect::background(&org).await;
    let ended: Vec<bool> = org
        .admin
        .tokens()
        .await
        .unwrap()
        .grants
        .iter()
        .map(|grant| grant.ended.is_some())
        .collect();
    assert_eq!(ended, [true, false]);
    org.client()
        .routing(&org.daemon)
        .await
        .unwrap()
        .limits()
        .await
        .unwrap();
}
