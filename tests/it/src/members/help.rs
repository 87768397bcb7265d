//! What an administrator does for a member: a lost phone, sessions that are left open.

use super::*;

/// A lost phone is a member's own tenant's to help with, and nobody else's.
#[tokio::test]
async fn factors_are_reset_where_the_account_is_the_tenants_alone() {
    let company = Company::open().await;
    let olga = company.other("Beta", "olga@beta.example").await;
    let bob = company
        .join(&olga.who, "bob@beta.example", &[Role::Admin])
        .await;
    let identity = &company.house.identity;
    let give = |user: UserId| {
        company.house.bed.owner(&format!(
            "INSERT INTO totp_factors (user_id, secret_sealed, created_at, confirmed_at) VALUES ('{0}', '\\x00', now(), now()); \
             INSERT INTO recovery_codes (user_id, hash, created_at) VALUES ('{0}', '\\x01', now())",
            user.uuid()
        ));
    };
    let (ada, bobs) = (company.ada.user().unwrap(), bob.user());
    give(ada);
    give(bobs);
    let shown = company.member(&olga.who, bobs).await;
    assert!(shown.factors.totp && shown.factors.recovery_remaining == 1);

    // Another tenant's administrator, and one who is in both but asks about somebody who is too.
    let foreign = identity.member_factors_reset(&company.ada, bobs).await;
    assert_eq!(refused(foreign), Refusal::UnknownMember);
    let invited = identity
        .invitation_create(&olga.who, "canary-ada@acme.example", vec![Role::Member])
        .await
        .unwrap();
    let link = company.link(olga.who.tenant, invited.id).await;
    identity.invitation_join(&company.ada, &link).await.unwrap();
    let shared = identity.member_factors_reset(&olga.who, ada).await;
    assert_eq!(refused(shared), Refusal::SharedAccount);
    let own = identity.member_factors_reset(&bob.who, bobs).await;
    assert_eq!(refused(own), Refusal::OwnAccount);
    assert_eq!(
        company.house.rows("SELECT count(*) FROM totp_factors"),
        ["2"]
    );

    identity
        .member_factors_reset(&olga.who, bobs)
        .await
        .unwrap();
    let left = "SELECT count(*) FROM totp_factors f, recovery_codes c WHERE f.user_id = c.user_id";
    assert_eq!(
        company.house.rows(left),
        ["1"],
        "Ada's, and nothing of Bob's"
    );
    assert!(!company.alive(&bob.grant).await);
}

/// An administrator ends the sessions that a member has here, and those alone: not the ones in another
/// tenant, not their own, and not a stranger's.
#[tokio::test]
async fn an_administrator_ends_a_members_sessions_here() {
    let company = Company::open().await;
    let olga = company.other("Beta", "olga@beta.example").await;
    let bob = company
        .join(&olga.who, "bob@beta.example", &[Role::Member])
        .await;
    let identity = &company.house.identity;
    let invited = identity
        .invitation_create(&company.ada, "bob@beta.example", vec![Role::Member])
        .await
        .unwrap();
    let link = company.link(company.ada.tenant, invited.id).await;
    let elsewhere = identity.invitation_join(&bob.who, &link).await.unwrap();
    let again = SignIn {
        email: "bob@beta.example".to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
        tenant: Some(olga.who.tenant),
    };
    let step = identity.sign_in(again, &caller("192.0.2.10")).await;
    let SignInStep::Done(here) = step.unwrap() else {
        panic!("a factor is asked for");
    };

    let own = identity.member_sign_out(&olga.who, olga.user()).await;
    assert_eq!(refused(own), Refusal::OwnAccount);
    let ada = company.ada.user().unwrap();
    let foreign = identity.member_sign_out(&olga.who, ada).await;
    assert_eq!(refused(foreign), Refusal::UnknownMember);
    assert!(company.alive(&here).await && company.alive(&company.ada_grant).await);

    let ended = identity.member_sign_out(&olga.who, bob.user()).await;
    assert_eq!(ended.unwrap(), 1);
    assert!(!company.alive(&here).await);
    assert!(company.alive(&elsewhere).await && company.alive(&olga.grant).await);
    assert!(company.member(&olga.who, bob.user()).await.active);
}
