//! Roles and ownership: who gives them, and what a tenant keeps (LM-27 to LM-29, CX-28).

use super::*;

#[tokio::test]
async fn other_roles_end_older_tokens_within_five_seconds_on_every_daemon() {
    let company = Company::open().await;
    let bob = company
        .join(&company.ada, "bob@acme.example", &[Role::Admin])
        .await;
    let second = company.house.second_daemon().await;
    let from = caller("192.0.2.9");
    let there = || second.authenticate(&bob.grant.access_token, &from);
    assert!(there().await.unwrap().roles.has(Role::Admin));

    let identity = &company.house.identity;
    let member = company.member(&company.ada, bob.user()).await;
    let stale = identity
        .member_update(
            &company.ada,
            bob.user(),
            vec![Role::Reviewer],
            member.version + 7,
        )
        .await;
    assert_eq!(refused(stale), Refusal::VersionConflict);
    let changed = identity
        .member_update(
            &company.ada,
            bob.user(),
            vec![Role::Reviewer],
            member.version,
        )
        .await
        .unwrap();
    assert_eq!(changed.roles, [Role::Reviewer]);
    assert!(!company.alive(&bob.grant).await, "here at once");
    company.house.advance(TimeDelta::seconds(5));
    assert!(
        there().await.is_err(),
        "there within five seconds, without a hint"
    );
    // The web app refreshes and is told what is so now.
    let again = company.house.refresh(&token(&bob.grant)).await.unwrap();
    assert!(
        !company
            .house
            .who(&again)
            .await
            .unwrap()
            .roles
            .has(Role::Admin)
    );
    assert_eq!(company.trail("member_update"), ["done"]);
}

#[tokio::test]
async fn nobody_gives_a_role_that_is_not_theirs_to_give() {
    let company = Company::open().await;
    let bob = company
        .join(&company.ada, "bob@acme.example", &[Role::Member])
        .await;
    let identity = &company.house.identity;
    for roles in [
        vec![],
        vec![Role::SuperAdmin],
        vec![Role::Admin, Role::SuperAdmin],
        vec![Role::Member, Role::Member],
    ] {
        let set = identity
            .member_update(&company.ada, bob.user(), roles.clone(), 1)
            .await;
        assert!(matches!(
            set,
            Err(IdentityError::Input { field: "roles", .. })
        ));
        let invited = identity
            .invitation_create(&company.ada, "eve@acme.example", roles)
            .await;
        assert!(matches!(
            invited,
            Err(IdentityError::Input { field: "roles", .. })
        ));
    }
    let own = identity
        .member_update(
            &company.ada,
            company.ada.user().unwrap(),
            vec![Role::Admin],
            1,
        )
        .await;
    assert_eq!(refused(own), Refusal::OwnAccount);
}

#[tokio::test]
async fn a_tenant_keeps_its_owner_and_an_administrator() {
    let company = Company::open().await;
    let bob = company
        .join(&company.ada, "bob@acme.example", &[Role::Admin])
        .await;
    let identity = &company.house.identity;
    let ada = company.ada.user().unwrap();
    let shut_out = identity.member_deactivate(&bob.who, ada).await;
    assert_eq!(refused(shut_out), Refusal::LastOwner);
    let demoted = identity
        .member_update(&bob.who, ada, vec![Role::Member], 1)
        .await;
    assert_eq!(refused(demoted), Refusal::LastOwner);

    // A tenant whose owner has not come yet still keeps its last administrator.
    company
        .house
        .bed
        .owner("UPDATE memberships SET owner = false");
    let first = identity.member_deactivate(&company.ada, bob.user()).await;
    assert!(!first.unwrap().active, "Ada is still there");
    let last = identity.member_deactivate(&bob.who, ada).await;
    assert_eq!(refused(last), Refusal::LastAdmin);
}

#[tokio::test]
async fn two_administrators_who_demote_each_other_at_once_leave_one() {
    let company = Company::open().await;
    let bob = company
        .join(&company.ada, "bob@acme.example", &[Role::Admin])
        .await;
    company
        .house
        .bed
        .owner("UPDATE memberships SET owner = false");
    let identity = &company.house.identity;
    let ada = company.ada.user().unwrap();
    let (one, two) = tokio::join!(
        identity.member_deactivate(&company.ada, bob.user()),
        identity.member_deactivate(&bob.who, ada),
    );
    assert!(one.is_ok() != two.is_ok(), "exactly one of both");
}

#[tokio::test]
async fn ownership_moves_by_the_owners_own_hand_alone() {
    let company = Company::open().await;
    let bob = company
        .join(&company.ada, "bob@acme.example", &[Role::Admin])
        .await;
    let carl = company
        .join(&company.ada, "carl@acme.example", &[Role::Member])
        .await;
    let identity = &company.house.identity;
    let transfer = |who: &Principal, to: UserId, confirm: &str| {
        let (who, confirm) = (who.clone(), confirm.to_owned());
        async move { identity.owner_transfer(&who, to, confirm).await }
    };
    let stolen = transfer(&bob.who, carl.user(), "Acme").await;
    assert_eq!(refused(stolen), Refusal::NotOwner);
    let own = transfer(&bob.who, bob.user(), "Acme").await;
    assert_eq!(refused(own), Refusal::OwnAccount);
    let hasty = transfer(&company.ada, carl.user(), "Acne").await;
    assert_eq!(refused(hasty), Refusal::ConfirmWrong);

    let owner = transfer(&company.ada, carl.user(), "Acme").await.unwrap();
    assert!(owner.owner && owner.roles.contains(&Role::Admin));
    assert!(!company.alive(&company.ada_grant).await, "older tokens die");
    assert_eq!(
        company
            .house
            .rows("SELECT count(*) FROM memberships WHERE owner"),
        ["1"]
    );
    let again = transfer(&company.ada, bob.user(), "Acme").await;
    assert_eq!(
        refused(again),
        Refusal::NotOwner,
        "the rows decide, not an old principal"
    );
}
