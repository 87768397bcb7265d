//! What a response counts for: once, in the browser that began, for its own provider's tenant.

use super::*;

#[tokio::test]
async fn only_the_browser_that_began_ends_a_sign_in_and_once() {
    let table = Table::lay().await;
    let (away, other) = (table.leave().await, table.leave().await);
    for cookie in [None, Some("x"), Some(other.cookie.expose().as_str())] {
        let fresh = table.leave().await;
        let id = format!("_{}", fresh.state);
        let ticket = table.respond(&fresh, &id).await.unwrap();
        assert_eq!(
            table.complete(ticket.expose(), cookie).await,
            "sso_flow_void"
        );
        let own = Some(fresh.cookie.expose().as_str());
        assert_eq!(
            table.complete(ticket.expose(), own).await,
            "sso_flow_void",
            "void since"
        );
    }
    let ticket = table.respond(&away, "_1").await.unwrap();
    let own = Some(away.cookie.expose().as_str());
    assert_eq!(table.complete(ticket.expose(), own).await, "ok");
    assert_eq!(table.complete(ticket.expose(), own).await, "sso_flow_void");
    assert_eq!(code(table.respond(&away, "_2").await), "sso_flow_void");

    // The other's ticket is too old after two minutes.
    let ticket = table.respond(&other, "_3").await.unwrap();
    table.place.house.bed.clock.advance(TimeDelta::seconds(120));
    let own = Some(other.cookie.expose().as_str());
    assert_eq!(table.complete(ticket.expose(), own).await, "sso_flow_void");
}

#[tokio::test]
async fn an_assertion_counts_once_until_it_is_too_old_anyway() {
    let table = Table::lay().await;
    let first = table.leave().await;
    assert!(table.respond(&first, "_once").await.is_ok());
    let second = table.leave().await;
    assert_eq!(code(table.respond(&second, "_once").await), "saml_replayed");
    assert_eq!(
        table
            .place
            .house
            .rows("SELECT code FROM audit_log WHERE action = 'sign_in_refuse'"),
        ["saml_replayed"]
    );
    table.place.house.bed.clock.advance(TimeDelta::seconds(361));
    let third = table.leave().await;
    assert!(table.respond(&third, "_later").await.is_ok());
    assert_eq!(
        table
            .place
            .house
            .rows("SELECT count(*) FROM sso_assertions"),
        ["1"],
        "what is too old is forgotten"
    );
}

#[tokio::test]
async fn a_response_to_nobody_or_through_another_provider_is_refused() {
    let table = Table::lay().await;
    let away = table.leave().await;
    let sso = &table.place.sso;
    let respond = async |provider, state: Option<&str>, away: &Away| {
        let sent = (state, table.response(away, "_n"));
        code(sso.saml_respond(provider, sent, &caller()).await)
    };
    let own = table.provider.id;
    assert_eq!(respond(own, None, &away).await, "saml_unsolicited");
    assert_eq!(respond(own, Some(""), &away).await, "saml_unsolicited");
    assert_eq!(respond(own, Some("x"), &away).await, "sso_flow_void");
    let other = ProviderId::generate(&kernel::SystemClock);
    assert_eq!(
        respond(other, Some(&away.state), &away).await,
        "sso_flow_void"
    );
    // It says that it answers the first sign-in, and comes with the second's state.
    let (first, second) = (table.leave().await, table.leave().await);
    assert_eq!(
        respond(own, Some(&second.state), &first).await,
        "saml_in_response_to"
    );
    let old = table.leave().await;
    table.place.house.bed.clock.advance(TimeDelta::seconds(600));
    assert_eq!(respond(own, Some(&old.state), &old).await, "sso_flow_void");
}

#[tokio::test]
async fn somebody_new_becomes_a_member_of_the_providers_tenant_alone() {
    let table = Table::lay().await;
    let away = table.leave().await;
    let ticket = table.respond(&away, "_1").await.unwrap();
    let own = Some(away.cookie.expose().as_str());
    let (sso, caller) = (&table.place.sso, caller());
    let done = sso.saml_complete(ticket.expose(), own, &caller).await;
    let Ended::SignedIn(grant) = done.unwrap() else {
        panic!("nothing was to be linked");
    };
    assert_eq!(grant.view.tenant.tenant_id, table.place.tenant.uuid());
    let rows = |sql: &str| table.place.house.rows(sql);
    assert_eq!(
        rows("SELECT issuer || ' ' || subject FROM sso_identities"),
        [format!("{ENTITY} grace-1")]
    );
    assert_eq!(
        rows(
            "SELECT roles::text || home_tenant_id::text FROM memberships JOIN users USING (user_id) WHERE NOT owner"
        ),
        [format!("{{member}}{}", table.place.tenant.uuid())]
    );
    assert_eq!(
        rows("SELECT count(*) FROM sessions WHERE sso_tenant_id = tenant_id"),
        ["1"]
    );
    assert_eq!(
        rows(
            "SELECT DISTINCT action FROM audit_log WHERE actor_id = (SELECT 'user_' || replace(user_id::text, '-', '') FROM sso_identities) ORDER BY 1"
        ),
        ["identity_link", "member_create", "sign_in", "user_create"]
    );
    // Nobody without a tenant sees any of it.
    let mut app = connect(&table.place.house.bed.database, "revkeep_auth");
    assert_eq!(
        column(&mut app, "SELECT count(*) FROM sso_identities"),
        ["0"]
    );
    assert_eq!(column(&mut app, "SELECT count(*) FROM sso_tickets"), ["0"]);
}
