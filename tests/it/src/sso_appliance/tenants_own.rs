//! A tenant's own provider beside it: what it says of an address counts for the tenant's own members, at
//! domains that are verified as the tenant's. Of everybody else it makes an account that is nobody's yet.

use identity::sso::{Provider, ProviderInput};
use kernel::{Principal, Role};

use super::{BOB, Floor, form};
use crate::saml::Idp;

/// Beta, with a provider that lets in whomever it names.
async fn beta(floor: &Floor) -> (Principal, Idp, Provider) {
    let olga = floor.company.other("Beta", "olga@beta.example").await.who;
    let idp = Idp::at("https://beta.example/entity");
    let input = ProviderInput {
        create_members: true,
        ..form(&idp)
    };
    let provider = floor.sso.provider_create(&olga, input).await.unwrap();
    (olga, idp, provider)
}

#[tokio::test]
async fn at_a_domain_that_is_not_verified_it_speaks_for_no_account_that_is_there() {
    let floor = Floor::lay().await;
    let (olga, idp, provider) = beta(&floor).await;
    // Bob is a member of both, and acme.example is not Beta's.
    floor.bob_joins(olga.tenant);
    let grant = floor.sign_in_at((&idp, &provider), BOB).await.unwrap();
    assert_ne!(grant.view.user, floor.bob.user());
    assert_eq!(grant.view.tenant.tenant_id, olga.tenant.uuid());
    let known = format!(
        "SELECT count(*) FROM sso_identities WHERE user_id = '{}'",
        floor.bob.user().uuid()
    );
    assert_eq!(floor.rows(&known), ["0"]);
}

#[tokio::test]
async fn at_its_own_domain_it_speaks_for_its_own_members_alone() {
    let floor = Floor::lay().await;
    let (olga, idp, provider) = beta(&floor).await;
    let ada = &floor.company.ada;
    let carl = floor
        .company
        .join(ada, "carl@acme.example", &[Role::Member])
        .await;
    floor.sql(&format!(
        "UPDATE sso_domains SET tenant_id = '{}', provider_id = '{}'",
        olga.tenant.uuid(),
        provider.id.uuid()
    ));
    floor.bob_joins(olga.tenant);
    let member = floor.sign_in_at((&idp, &provider), BOB).await.unwrap();
    assert_eq!(
        member.view.user,
        floor.bob.user(),
        "its member, at its domain"
    );
    let stranger = ("carl-1", "carl@acme.example");
    let grant = floor.sign_in_at((&idp, &provider), stranger).await.unwrap();
    assert_ne!(grant.view.user, carl.user());
    let there = format!(
        "SELECT count(*) FROM memberships WHERE user_id = '{}'",
        carl.user().uuid()
    );
    assert_eq!(floor.rows(&there), ["1"]);
}
