//! Sessions end with what they stood on, and move between the person's own tenants alone.

use super::*;

#[tokio::test]
async fn a_session_that_was_ended_is_refused_everywhere_within_five_seconds() {
    let (house, grant) = House::set_up().await;
    let other = house.second_daemon().await;
    let who = house.who(&grant).await.unwrap();
    assert!(
        other
            .authenticate(&grant.access_token, &caller("192.0.2.1"))
            .await
            .is_ok()
    );
    house.identity.sign_out(&who).await.unwrap();
    assert!(
        matches!(house.who(&grant).await, Err(IdentityError::SessionRevoked)),
        "here at once"
    );
    house.advance(TimeDelta::seconds(5));
    let there = other
        .authenticate(&grant.access_token, &caller("192.0.2.1"))
        .await;
    assert!(matches!(there, Err(IdentityError::SessionRevoked)));
    assert!(is_revoked(house.refresh(&token(&grant)).await));
    assert_eq!(
        house.rows("SELECT count(*) FROM audit_log WHERE action = 'sign_out'"),
        ["1"]
    );
}

#[tokio::test]
async fn a_change_of_roles_voids_older_access_tokens() {
    let (house, grant) = House::set_up().await;
    assert!(house.who(&grant).await.unwrap().roles.has(Role::Admin));
    house
        .bed
        .owner("UPDATE memberships SET roles = ARRAY['member'], owner = false, epoch = epoch + 1");
    house.advance(TimeDelta::seconds(5));
    assert!(matches!(
        house.who(&grant).await,
        Err(IdentityError::InvalidToken(_))
    ));
    let renewed = house.refresh(&token(&grant)).await.unwrap();
    assert!(!house.who(&renewed).await.unwrap().roles.has(Role::Admin));
}

#[tokio::test]
async fn leaving_the_tenant_ends_its_sessions() {
    let (house, grant) = House::set_up().await;
    house.bed.owner("DELETE FROM memberships");
    house.advance(TimeDelta::seconds(5));
    assert!(matches!(
        house.who(&grant).await,
        Err(IdentityError::SessionRevoked)
    ));
    assert!(is_revoked(house.refresh(&token(&grant)).await));
}

#[tokio::test]
async fn a_session_moves_between_its_own_tenants_and_no_others() {
    let (house, grant) = House::set_up().await;
    // Of a super_admin every tenant asks for a factor; that is another test.
    house.bed.owner("UPDATE users SET super_admin = false");
    let who = house.who(&grant).await.unwrap();
    let foreign = house.bed.tenant().tenant;
    let refused = house.identity.tenant_switch(&who, foreign).await;
    assert!(matches!(refused, Err(IdentityError::NotMember)));

    let own = house.bed.tenant().tenant;
    join(&house, own, who.user().unwrap());
    let other = house.second_daemon().await;
    let here = caller("192.0.2.1");
    assert!(other.authenticate(&grant.access_token, &here).await.is_ok());
    let moved = house.identity.tenant_switch(&who, own).await.unwrap();
    let at_once = other.authenticate(&moved.access_token, &here).await;
    assert!(
        at_once.is_ok(),
        "a daemon that remembers the older tenant looks again"
    );
    assert!(moved.refresh.is_none(), "the cookie stays");
    let there = house.who(&moved).await.unwrap();
    assert_eq!(there.tenant, own);
    assert!(there.roles.has(Role::Member) && !there.roles.has(Role::Admin));
    let old = house.who(&grant).await;
    assert!(
        matches!(old, Err(IdentityError::InvalidToken(_))),
        "the older token names the other tenant"
    );
    let renewed = house.refresh(&token(&grant)).await.unwrap();
    assert_eq!(house.who(&renewed).await.unwrap().tenant, own);
}

fn join(house: &House, tenant: TenantId, user: UserId) {
    house.bed.owner(&format!(
        "INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{}', '{}', ARRAY['member'])",
        tenant.uuid(),
        user.uuid()
    ));
}
