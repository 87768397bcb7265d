//! What administrators and reviewers reach of other tenants.

use super::*;

#[tokio::test]
async fn an_administrator_reaches_nobody_of_another_tenant() {
    let company = Company::open().await;
    let olga = company.other("Beta", "olga@beta.example").await;
    let identity = &company.house.identity;
    let before = company.house.rows(
        "SELECT (user_id, roles, owner, epoch, state)::text FROM memberships ORDER BY user_id",
    );
    let (ada, olgas) = (&company.ada, olga.user());
    let unknown = Refusal::UnknownMember;
    assert_eq!(
        refused(identity.member_deactivate(ada, olgas).await),
        unknown
    );
    assert_eq!(
        refused(identity.member_reactivate(ada, olgas).await),
        unknown
    );
    let update = identity
        .member_update(ada, olgas, vec![Role::Member], 1)
        .await;
    assert_eq!(refused(update), unknown);
    let transfer = identity
        .owner_transfer(ada, olgas, String::from("Acme"))
        .await;
    assert_eq!(refused(transfer), unknown);
    assert!(company.alive(&olga.grant).await);
    assert_eq!(
        company.house.rows(
            "SELECT (user_id, roles, owner, epoch, state)::text FROM memberships ORDER BY user_id"
        ),
        before
    );
    let seen = identity
        .member_list(&olga.who, MemberFilter::default(), None, 50)
        .await
        .unwrap();
    assert_eq!(seen.items.len(), 1, "and Beta sees its own people alone");
}

#[tokio::test]
async fn a_reviewer_reads_the_tenants_that_they_are_assigned_to_and_no_other() {
    let company = Company::open().await;
    let olga = company.other("Beta", "olga@beta.example").await;
    let zoe = company.other("Gamma", "zoe@gamma.example").await;
    let rita = company
        .join(&company.ada, "rita@acme.example", &[Role::Reviewer])
        .await;
    let identity = &company.house.identity;
    let invited = identity
        .invitation_create(&olga.who, "rita@acme.example", vec![Role::Reviewer])
        .await
        .unwrap();
    let link = company.link(olga.who.tenant, invited.id).await;
    let beta = identity.invitation_join(&rita.who, &link).await.unwrap();
    let names: Vec<_> = beta.view.tenants.iter().map(|own| &own.name).collect();
    assert_eq!(names, ["Acme", "Beta"]);
    let in_beta = company.house.who(&beta).await.unwrap();
    assert!(in_beta.roles.has(Role::Reviewer));
    let changes = beta
        .view
        .permissions
        .iter()
        .any(|permission| !permission.is_read());
    assert!(!changes, "a reviewer writes nothing");
    let stranger = identity.tenant_switch(&in_beta, zoe.who.tenant).await;
    assert!(matches!(stranger, Err(IdentityError::NotMember)));
    // Who reviews needs a second factor, wherever they go (CX-18).
    let bare = identity.tenant_switch(&in_beta, company.ada.tenant).await;
    assert!(matches!(bare, Err(IdentityError::FactorEnrolmentRequired)));
    company.house.bed.owner(&format!(
        "INSERT INTO totp_factors (user_id, secret_sealed, created_at, confirmed_at) VALUES ('{0}', '\\x00', now(), now()); \
         UPDATE sessions SET factor_at = now() WHERE user_id = '{0}'",
        rita.user().uuid()
    ));
    identity.forget_all();
    let acme = identity
        .tenant_switch(&in_beta, company.ada.tenant)
        .await
        .unwrap();
    assert_eq!(acme.view.tenant.name, "Acme");
    assert!(!company.alive(&beta).await, "the token of Beta is Beta's");
}
