//! Invitations (LR-56, CX-32): the link works once, for 7 days, for its own address and roles alone.

use chrono::TimeDelta;
use identity::{IdentityError, InvitationState, Refusal};
use kernel::Role;
use reqwest::Method;
use serde_json::json;

use crate::{
    console_desk::Desk,
    members::{Company, refused},
};

const BOB: &str = "canary-bob@acme.example";

#[tokio::test]
async fn a_link_makes_one_account_with_the_roles_of_the_invitation() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    let invited = identity
        .invitation_create(&company.ada, BOB, vec![Role::Reviewer, Role::Member])
        .await
        .unwrap();
    assert_eq!(invited.email.as_deref(), Some(BOB));
    let link = company.link(company.ada.tenant, invited.id).await;
    let look = identity.invitation_look(&link).await.unwrap();
    assert_eq!(
        (look.organisation.as_str(), look.email.as_str()),
        ("Acme", BOB)
    );
    assert!(!look.has_account);
    let bob = company.accept(&link, "Bob").await.unwrap();
    assert!(bob.who.roles.has(Role::Reviewer) && !bob.who.roles.has(Role::Admin));
    assert!(!bob.who.roles.has(Role::SuperAdmin) && !bob.who.roles.is_owner());
    assert_eq!(bob.grant.view.email.as_deref(), Some(BOB));

    // Reuse: the same link makes nothing more.
    assert_eq!(
        refused(company.accept(&link, "Eve").await),
        Refusal::InvitationInvalid
    );
    assert_eq!(
        refused(identity.invitation_look(&link).await),
        Refusal::InvitationInvalid
    );
    assert_eq!(company.house.rows("SELECT count(*) FROM users"), ["2"]);
}

#[tokio::test]
async fn of_two_who_open_the_link_at_once_one_gets_in() {
    let company = Company::open().await;
    let invited = company
        .house
        .identity
        .invitation_create(&company.ada, BOB, vec![Role::Member])
        .await
        .unwrap();
    let link = company.link(company.ada.tenant, invited.id).await;
    let (one, two) = tokio::join!(company.accept(&link, "Bob"), company.accept(&link, "Eve"));
    assert!(one.is_ok() != two.is_ok(), "exactly one of both");
    assert_eq!(company.house.rows("SELECT count(*) FROM users"), ["2"]);
}

#[tokio::test]
async fn a_link_that_is_old_replaced_revoked_or_made_up_opens_nothing() {
    let company = Company::open().await;
    let (identity, ada) = (&company.house.identity, &company.ada);
    let invited = identity
        .invitation_create(ada, BOB, vec![Role::Member])
        .await
        .unwrap();
    let first = company.link(ada.tenant, invited.id).await;
    identity.invitation_resend(ada, invited.id).await.unwrap();
    assert_eq!(
        refused(company.accept(&first, "Bob").await),
        Refusal::InvitationInvalid,
        "void from the moment of the resend, before the new mail leaves"
    );
    let second = company.link(ada.tenant, invited.id).await;
    let third = company.link(ada.tenant, invited.id).await;
    assert_eq!(
        refused(company.accept(&second, "Bob").await),
        Refusal::InvitationInvalid,
        "a mail that is sent again carries another token"
    );
    company.house.advance(TimeDelta::days(7));
    assert_eq!(
        refused(company.accept(&third, "Bob").await),
        Refusal::InvitationInvalid
    );
    let listed = identity.invitation_list(ada, None).await.unwrap();
    assert_eq!(listed[0].state, InvitationState::Expired);

    identity.invitation_resend(ada, invited.id).await.unwrap();
    let fourth = company.link(ada.tenant, invited.id).await;
    identity.invitation_revoke(ada, invited.id).await.unwrap();
    for token in [fourth.as_str(), "", "x", &"A".repeat(43), "' OR true --"] {
        assert_eq!(
            refused(company.accept(token, "Bob").await),
            Refusal::InvitationInvalid,
            "{token}"
        );
    }
    let again = identity.invitation_revoke(ada, invited.id).await;
    assert_eq!(refused(again), Refusal::InvitationClosed);
    let letter = identity.invitation_letter(ada.tenant, invited.id).await;
    assert!(
        letter.unwrap().is_none(),
        "a mail that is late says nothing"
    );
}

#[tokio::test]
async fn an_invitation_is_for_its_address_alone() {
    let company = Company::open().await;
    let (identity, ada) = (&company.house.identity, &company.ada);
    let eve = company.join(ada, "eve@acme.example", &[Role::Member]).await;
    let olga = company.other("Beta", "olga@beta.example").await;
    let invited = identity
        .invitation_create(&olga.who, "bob@beta.example", vec![Role::Admin])
        .await
        .unwrap();
    let link = company.link(olga.who.tenant, invited.id).await;
    let stolen = identity.invitation_join(&eve.who, &link).await;
    assert_eq!(refused(stolen), Refusal::InvitationInvalid);
    assert!(
        company.alive(&eve.grant).await,
        "and her session stays where it was"
    );

    // Who has an account accepts with it, signed in; a second account is not made.
    let for_eve = identity
        .invitation_create(&olga.who, "EVE@acme.example ", vec![Role::Member])
        .await
        .unwrap();
    let link = company.link(olga.who.tenant, for_eve.id).await;
    assert!(identity.invitation_look(&link).await.unwrap().has_account);
    assert_eq!(
        refused(company.accept(&link, "Eve").await),
        Refusal::AccountExists
    );
    let joined = identity.invitation_join(&eve.who, &link).await.unwrap();
    assert_eq!(joined.view.tenant.name, "Beta");
    let eve_there = company.house.who(&joined).await.unwrap();
    let reuse = identity.invitation_join(&eve_there, &link).await;
    assert_eq!(refused(reuse), Refusal::InvitationInvalid);
}

#[tokio::test]
async fn a_tenant_handles_its_own_invitations_alone() {
    let company = Company::open().await;
    let (identity, ada) = (&company.house.identity, &company.ada);
    let olga = company.other("Beta", "olga@beta.example").await;
    let invited = identity
        .invitation_create(&olga.who, BOB, vec![Role::Member])
        .await
        .unwrap();
    let link = company.link(olga.who.tenant, invited.id).await;
    let unknown = Refusal::UnknownThing;
    assert_eq!(
        refused(identity.invitation_resend(ada, invited.id).await),
        unknown
    );
    assert_eq!(
        refused(identity.invitation_revoke(ada, invited.id).await),
        unknown
    );
    let foreign = identity.invitation_letter(ada.tenant, invited.id).await;
    assert!(
        foreign.unwrap().is_none(),
        "no link by way of another tenant"
    );
    assert!(
        identity
            .invitation_list(ada, None)
            .await
            .unwrap()
            .is_empty()
    );
    let bob = company.accept(&link, "Bob").await.unwrap();
    assert_eq!(
        bob.who.tenant, olga.who.tenant,
        "it still works, and leads to Beta"
    );
}

#[tokio::test]
async fn members_and_those_who_were_asked_are_not_asked_twice() {
    let company = Company::open().await;
    let (identity, ada) = (&company.house.identity, &company.ada);
    let bob = company.join(ada, BOB, &[Role::Member]).await;
    let again = identity
        .invitation_create(ada, BOB, vec![Role::Admin])
        .await;
    assert_eq!(refused(again), Refusal::AlreadyMember);
    identity.member_deactivate(ada, bob.user()).await.unwrap();
    let around = identity
        .invitation_create(ada, BOB, vec![Role::Admin])
        .await;
    assert_eq!(
        refused(around),
        Refusal::AlreadyMember,
        "who was shut out does not come back by a new invitation"
    );
    let carl = "carl@acme.example";
    identity
        .invitation_create(ada, carl, vec![Role::Member])
        .await
        .unwrap();
    let twice = identity
        .invitation_create(ada, carl, vec![Role::Admin])
        .await;
    assert_eq!(refused(twice), Refusal::InvitationPending);
    company.house.advance(TimeDelta::days(8));
    let anew = identity
        .invitation_create(ada, carl, vec![Role::Admin])
        .await;
    assert!(anew.is_ok(), "an expired one makes room");
}

#[tokio::test]
async fn the_address_is_sealed_until_it_is_accepted_and_then_gone() {
    let company = Company::open().await;
    let (identity, ada) = (&company.house.identity, &company.ada);
    let invited = identity
        .invitation_create(ada, BOB, vec![Role::Member])
        .await
        .unwrap();
    let link = company.link(ada.tenant, invited.id).await;
    let stored = company.house.rows(
        "SELECT encode(email_sealed, 'escape') || encode(email_hash, 'escape') || encode(token_hash, 'escape') FROM invitations",
    );
    assert!(!stored[0].contains("canary-bob") && !stored[0].contains(&link));
    let elsewhere = company.house.rows(
        "SELECT coalesce(string_agg(payload::text, ' '), '') || coalesce((SELECT string_agg(encode(detail_sealed, 'escape'), ' ') FROM audit_log), '') FROM jobs",
    );
    assert!(!elsewhere[0].contains("canary-bob") && !elsewhere[0].contains(&link));
    company.accept(&link, "Bob").await.unwrap();
    let kept = "SELECT count(*) FROM invitations WHERE email_sealed IS NOT NULL OR email_hash IS NOT NULL OR token_hash IS NOT NULL";
    assert_eq!(company.house.rows(kept), ["0"]);
    let listed = identity.invitation_list(ada, None).await.unwrap();
    assert_eq!(listed[0].state, InvitationState::Accepted);
    assert_eq!(
        listed[0].email.as_deref(),
        Some(BOB),
        "from the account, while it is a member's"
    );
}

#[tokio::test]
async fn a_password_of_ones_own_is_judged_before_the_link_is_used_up() {
    let company = Company::open().await;
    let invited = company
        .house
        .identity
        .invitation_create(&company.ada, BOB, vec![Role::Member])
        .await
        .unwrap();
    let link = company.link(company.ada.tenant, invited.id).await;
    let weak = identity::InvitationAcceptance {
        token: link.clone(),
        name: String::from("Bob"),
        password: kernel::Secret::new(String::from("short")),
    };
    let refused = company
        .house
        .identity
        .invitation_accept(weak, &crate::identity::caller("192.0.2.9"))
        .await;
    assert!(matches!(refused, Err(IdentityError::Input { .. })));
    assert!(company.accept(&link, "Bob").await.is_ok());
}

/// What a crafted body can not do: more fields, other roles, another tenant.
#[tokio::test]
async fn a_crafted_body_gains_nothing() {
    let mut desk = Desk::open().await;
    let invite = |body: serde_json::Value| (Method::POST, "/invitations", body);
    let id = "tenant_00000000000000000000000000000001";
    for (method, path, body) in [
        invite(json!({ "email": "e@acme.example", "roles": ["super_admin"] })),
        invite(json!({ "email": "e@acme.example", "roles": ["root"] })),
        invite(json!({ "email": "e@acme.example", "roles": [] })),
        invite(json!({ "email": "e@acme.example", "roles": ["admin"], "owner": true })),
        invite(json!({ "email": "e@acme.example", "roles": ["admin"], "tenant": id })),
        invite(json!({ "email": "e@acme.example", "roles": ["admin"], "tenant_id": id })),
        invite(json!({ "email": "e@acme.example\r\nBcc: x@y.example", "roles": ["admin"] })),
        (
            Method::PATCH,
            "/me",
            json!({ "name": "Ada", "super_admin": true }),
        ),
        (
            Method::PATCH,
            "/me",
            json!({ "name": "Ada", "roles": ["admin"] }),
        ),
        (
            Method::PATCH,
            "/tenant",
            json!({ "version": 1, "state": "active" }),
        ),
        (
            Method::PATCH,
            "/tenant",
            json!({ "version": 1, "trial_ends_at": null }),
        ),
        (
            Method::POST,
            "/api-keys",
            json!({ "name": "k", "scopes": ["everything"], "expires_at": null }),
        ),
    ] {
        let (status, answer) = desk.call(method.clone(), path, Some(&body)).await;
        assert_eq!(status, 400, "{method} {path} {body}: {answer}");
    }
    assert_eq!(desk.rows("SELECT count(*) FROM invitations"), ["0"]);
    assert_eq!(desk.rows("SELECT count(*) FROM api_keys"), ["0"]);

    desk.become_role("member").await;
    let body = json!({ "email": "e@acme.example", "roles": ["member"] });
    let (status, answer) = desk.call(Method::POST, "/invitations", Some(&body)).await;
    assert_eq!((status, &answer["code"]), (403, &json!("not_permitted")));
    desk.running.stop().await;
}
