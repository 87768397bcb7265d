//! The end of a grant: by whoever let the program in, by an administrator, by the program, with the person and with
//! the organisation.

use chrono::TimeDelta;
use identity::IssuedState;
use kernel::{
    Role, Secret,
    port::{KeyRefusal, TokenCheck},
};

use super::{House, RESOURCE, client, program, refused_as};

/// Here at once, elsewhere at a hint, and without one within five seconds.
#[tokio::test]
async fn a_grant_that_is_revoked_opens_nothing_anywhere_within_five_seconds() {
    let house = House::open().await;
    let bob = house
        .company
        .join(&house.company.ada, "bob@acme.example", &[Role::Member])
        .await;
    let identity = house.identity();
    let second = house.company.house.second_daemon().await;
    for by_admin in [false, true] {
        let tokens = house.tokens(&bob.who).await;
        let grant = house.holder(&tokens).await.unwrap().grant;
        let access = tokens.access_token.expose();
        assert!(second.check_token(access, RESOURCE).await.is_ok());
        let revoked = if by_admin {
            identity.grant_revoke(&house.company.ada, grant).await
        } else {
            identity.own_grant_revoke(&bob.who, grant).await
        };
        revoked.unwrap();
        assert_eq!(
            house.holder(&tokens).await,
            Err(KeyRefusal::Unknown),
            "at once"
        );
        if by_admin {
            second.forget_tokens(bob.who.tenant);
        } else {
            assert!(
                second.check_token(access, RESOURCE).await.is_ok(),
                "not heard of yet"
            );
            house.company.house.advance(TimeDelta::seconds(5));
        }
        assert_eq!(
            second.check_token(access, RESOURCE).await,
            Err(KeyRefusal::Unknown)
        );
        assert_eq!(
            refused_as(house.renew(&tokens.refresh_token).await),
            "invalid_grant"
        );
    }
    let listed = identity.grant_list(&house.company.ada).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(
        listed
            .iter()
            .all(|grant| grant.state == IssuedState::Revoked)
    );
    assert_eq!(
        house
            .trail()
            .iter()
            .filter(|line| *line == "grant_revoke done")
            .count(),
        2
    );
}

#[tokio::test]
async fn with_a_program_ends_what_everybody_let_it_do() {
    let house = House::open().await;
    let ada = house.company.ada.clone();
    let bob = house
        .company
        .join(&ada, "bob@acme.example", &[Role::Member])
        .await;
    let (hers, his) = (house.tokens(&ada).await, house.tokens(&bob.who).await);
    let waiting = house.approved(&ada).await;
    house
        .identity()
        .client_revoke(&ada, house.client.id)
        .await
        .unwrap();
    for tokens in [&hers, &his] {
        assert_eq!(house.holder(tokens).await, Err(KeyRefusal::Unknown));
        assert_eq!(
            refused_as(house.renew(&tokens.refresh_token).await),
            "invalid_grant"
        );
    }
    let code = house.exchange(super::right(&house.client, &waiting)).await;
    assert_eq!(refused_as(code), "invalid_grant");
    let asked = super::request(&house.client);
    let shown = house
        .identity()
        .consent_show(&ada, &asked, super::ISSUER)
        .await;
    assert_eq!(refused_as(shown), "client_not_here");
}

/// RFC 7009: of either kind, by its own program, and no word about what is no token.
#[tokio::test]
async fn a_program_hands_its_tokens_back() {
    let house = House::open().await;
    let ada = house.company.ada.clone();
    let other = client(house.identity(), &ada, &["reps:read"]).await;
    let own = house.client.id.to_string();
    for refresh in [true, false] {
        let tokens = house.tokens(&ada).await;
        let token = if refresh {
            &tokens.refresh_token
        } else {
            &tokens.access_token
        };
        let by_other = house
            .identity()
            .client_token_revoke(token, &other.id.to_string(), &program())
            .await;
        assert_eq!(refused_as(by_other), "invalid_client");
        assert!(house.holder(&tokens).await.is_ok());
        house
            .identity()
            .client_token_revoke(token, &own, &program())
            .await
            .unwrap();
        assert_eq!(house.holder(&tokens).await, Err(KeyRefusal::Unknown));
        assert_eq!(
            refused_as(house.renew(&tokens.refresh_token).await),
            "invalid_grant"
        );
        house
            .identity()
            .client_token_revoke(token, &own, &program())
            .await
            .unwrap();
    }
    for nothing in ["", "x", "rkat_x"] {
        let nothing = Secret::new(nothing.to_owned());
        house
            .identity()
            .client_token_revoke(&nothing, &own, &program())
            .await
            .unwrap();
    }
}

/// Who was shut out comes back to nothing that still runs.
#[tokio::test]
async fn with_a_member_ends_what_they_let_programs_do() {
    let house = House::open().await;
    let bob = house
        .company
        .join(&house.company.ada, "bob@acme.example", &[Role::Member])
        .await;
    let tokens = house.tokens(&bob.who).await;
    let waiting = house.approved(&bob.who).await;
    let identity = house.identity();
    identity
        .member_deactivate(&house.company.ada, bob.user())
        .await
        .unwrap();
    assert_eq!(
        house.holder(&tokens).await,
        Err(KeyRefusal::Unknown),
        "at once"
    );
    assert_eq!(
        refused_as(house.renew(&tokens.refresh_token).await),
        "invalid_grant"
    );
    let code = house.exchange(super::right(&house.client, &waiting)).await;
    assert_eq!(refused_as(code), "invalid_grant");
    identity
        .member_reactivate(&house.company.ada, bob.user())
        .await
        .unwrap();
    house.company.house.advance(TimeDelta::seconds(5));
    assert_eq!(
        house.holder(&tokens).await,
        Err(KeyRefusal::Unknown),
        "and nothing comes back"
    );
    assert_eq!(
        refused_as(house.renew(&tokens.refresh_token).await),
        "invalid_grant"
    );
}

/// An account that the appliance's operator deactivates, and a tenant that is shut for its erasure.
#[tokio::test]
async fn with_an_account_or_a_tenant_every_token_ends() {
    let house = House::open().await;
    let tokens = house.tokens(&house.company.ada.clone()).await;
    for (end, undo) in [
        (
            "UPDATE users SET state = 'deactivated'",
            "UPDATE users SET state = 'active'",
        ),
        (
            "UPDATE memberships SET state = 'deactivated', owner = false",
            "UPDATE memberships SET state = 'active'",
        ),
    ] {
        assert!(house.holder(&tokens).await.is_ok());
        house.company.house.bed.owner(end);
        house.company.house.advance(TimeDelta::seconds(5));
        assert_eq!(
            house.holder(&tokens).await,
            Err(KeyRefusal::Unknown),
            "{end}"
        );
        house.company.house.bed.owner(undo);
    }
    // A trial that is over reads on, as for people (CX-27).
    house
        .company
        .house
        .bed
        .owner("UPDATE tenants SET state = 'read_only'");
    house.company.house.advance(TimeDelta::seconds(5));
    assert_eq!(house.holder(&tokens).await.unwrap().scopes.len(), 2);
}

#[tokio::test]
async fn after_seven_days_the_person_is_asked_again_whatever_was_used() {
    let house = House::open().await;
    let mut tokens = house.tokens(&house.company.ada.clone()).await;
    for _ in 0..167 {
        house.company.house.advance(TimeDelta::hours(1));
        tokens = house.renew(&tokens.refresh_token).await.unwrap();
    }
    house.company.house.advance(TimeDelta::minutes(59));
    assert!(house.holder(&tokens).await.is_ok());
    house.company.house.advance(TimeDelta::minutes(1));
    assert_eq!(house.holder(&tokens).await, Err(KeyRefusal::Unknown));
    assert_eq!(
        refused_as(house.renew(&tokens.refresh_token).await),
        "invalid_grant"
    );
}

/// The program acts for the person, who may do less than they could when they approved.
#[tokio::test]
async fn a_right_that_is_lost_later_takes_its_scope_along_and_comes_back_with_it() {
    let house = House::open().await;
    let tokens = house.tokens(&house.company.ada.clone()).await;
    assert_eq!(house.holder(&tokens).await.unwrap().scopes.len(), 2);
    // Every role of today may read what programs are let in for; one that may not has no name yet.
    house
        .company
        .house
        .bed
        .owner("ALTER TABLE memberships DROP CONSTRAINT memberships_roles_check");
    for (roles, left) in [("{}", 0), ("{member}", 2), ("{super_admin}", 0)] {
        let sql = format!("UPDATE memberships SET roles = '{roles}', owner = false");
        house.company.house.bed.owner(&sql);
        house.company.house.advance(TimeDelta::seconds(5));
        let holder = house.holder(&tokens).await.unwrap();
        assert_eq!(holder.scopes.len(), left, "{roles}");
    }
}
