//! Deactivation: what ends with it, and what does not.

use super::*;

#[tokio::test]
async fn deactivation_ends_sessions_and_personal_connections_in_one_transaction() {
    let company = Company::open().await;
    let bob = company
        .join(&company.ada, "bob@acme.example", &[Role::Member])
        .await;
    let carl = company
        .join(&company.ada, "carl@acme.example", &[Role::Member])
        .await;
    let tenant = company.ada.tenant.uuid();
    for (id, owner, kind) in [
        (1, format!("'{}'", bob.user().uuid()), "pipeline"),
        (2, format!("'{}'", carl.user().uuid()), "pipeline"),
        (3, String::from("NULL"), "routing"),
    ] {
        company.house.bed.owner(&format!(
            "INSERT INTO connections (tenant_id, connection_id, provider, kind, owner_id, state, environment, login_host, consumer_key, access_sealed, refresh_sealed, created_at, updated_at) \
             VALUES ('{tenant}', '00000000-0000-0000-0000-00000000000{id}', 'salesforce', '{kind}', {owner}, 'connected', 'production', 'h', 'k', '\\x01', '\\x01', now(), now())"
        ));
    }
    let identity = &company.house.identity;
    let second = company.house.second_daemon().await;
    let from = caller("192.0.2.9");
    let there = || second.authenticate(&bob.grant.access_token, &from);
    assert!(there().await.is_ok());
    let gone = identity
        .member_deactivate(&company.ada, bob.user())
        .await
        .unwrap();
    assert!(!gone.active);
    assert!(!company.alive(&bob.grant).await, "here at once");
    company.house.advance(TimeDelta::seconds(5));
    assert!(there().await.is_err(), "there within five seconds");
    assert!(company.house.refresh(&token(&bob.grant)).await.is_err());
    assert!(company.alive(&carl.grant).await, "nobody else is touched");
    assert_eq!(
        company.house.rows(
            "SELECT state || ' ' || (refresh_sealed IS NULL) FROM connections ORDER BY connection_id"
        ),
        ["disconnected true", "connected false", "connected false"]
    );
    assert!(
        company
            .house
            .sign_in("bob@acme.example", PASSWORD, "192.0.2.9")
            .await
            .is_err(),
        "no other membership to sign in to"
    );

    identity
        .member_reactivate(&company.ada, bob.user())
        .await
        .unwrap();
    assert!(
        !company.alive(&bob.grant).await,
        "an ended session stays ended"
    );
    let back = company
        .house
        .sign_in("bob@acme.example", PASSWORD, "192.0.2.9")
        .await;
    assert!(company.alive(&back.unwrap()).await);
}

#[tokio::test]
async fn deactivation_leaves_the_persons_other_tenants_alone() {
    let company = Company::open().await;
    let bob = company
        .join(&company.ada, "bob@acme.example", &[Role::Member])
        .await;
    let olga = company.other("Beta", "olga@beta.example").await;
    let identity = &company.house.identity;
    let invited = identity
        .invitation_create(&olga.who, "bob@acme.example", vec![Role::Reviewer])
        .await
        .unwrap();
    let link = company.link(olga.who.tenant, invited.id).await;
    let in_beta = identity.invitation_join(&bob.who, &link).await.unwrap();
    assert_eq!(in_beta.view.tenant.name, "Beta");

    identity
        .member_deactivate(&company.ada, bob.user())
        .await
        .unwrap();
    assert!(company.alive(&in_beta).await, "Beta's session lives on");
    let who = company.house.who(&in_beta).await.unwrap();
    let back = identity.tenant_switch(&who, company.ada.tenant).await;
    assert!(matches!(back, Err(IdentityError::NotMember)));
}
