//! Members of a tenant: their roles, deactivation, ownership, and what an administrator of one tenant
//! cannot do to another's (LR-13, LM-27 to LM-29, CX-28).

use chrono::TimeDelta;
use identity::{
    Grant, IdentityError, InvitationAcceptance, Member, MemberFilter, Refusal, SignIn, SignInStep,
    TenantChange,
};
use kernel::{InvitationId, Principal, Role, Secret, TenantId, UserId};

use crate::identity::{House, caller, token};

pub(crate) const PASSWORD: &str = "Canary-horse-7-battery";

/// An organisation with Ada, who owns it and is the appliance's super_admin.
pub(crate) struct Company {
    pub(crate) house: House,
    pub(crate) ada: Principal,
    pub(crate) ada_grant: Grant,
}

/// Somebody who joined.
pub(crate) struct Joined {
    pub(crate) who: Principal,
    pub(crate) grant: Grant,
}

impl Joined {
    pub(crate) fn user(&self) -> UserId {
        self.who.user().unwrap()
    }
}

impl Company {
    pub(crate) async fn open() -> Self {
        let (house, ada_grant) = House::set_up().await;
        let ada = house.who(&ada_grant).await.unwrap();
        Self {
            house,
            ada,
            ada_grant,
        }
    }

    /// The token that the invitation's mail would carry.
    pub(crate) async fn link(&self, tenant: TenantId, id: InvitationId) -> String {
        let letter = self.house.identity.invitation_letter(tenant, id).await;
        letter.unwrap().unwrap().token.expose().clone()
    }

    /// Somebody new, invited by `by` and accepted.
    pub(crate) async fn join(&self, by: &Principal, email: &str, roles: &[Role]) -> Joined {
        let identity = &self.house.identity;
        let invited = identity.invitation_create(by, email, roles.to_vec()).await;
        let token = self.link(by.tenant, invited.unwrap().id).await;
        self.accept(&token, email).await.unwrap()
    }

    pub(crate) async fn accept(&self, token: &str, name: &str) -> Result<Joined, IdentityError> {
        let input = InvitationAcceptance {
            token: token.to_owned(),
            name: name.to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
        };
        let identity = &self.house.identity;
        let grant = identity
            .invitation_accept(input, &caller("192.0.2.9"))
            .await?;
        let who = self.house.who(&grant).await.unwrap();
        Ok(Joined { who, grant })
    }

    /// Another tenant with its owner.
    pub(crate) async fn other(&self, name: &str, owner: &str) -> Joined {
        let identity = &self.house.identity;
        let made = identity
            .tenant_create(&self.ada, name, owner)
            .await
            .unwrap();
        let id = self.house.rows(&format!(
            "SELECT 'inv_' || replace(invitation_id::text, '-', '') FROM invitations WHERE tenant_id = '{}'",
            made.tenant.uuid()
        ));
        let token = self.link(made.tenant, id[0].parse().unwrap()).await;
        self.accept(&token, owner).await.unwrap()
    }

    pub(crate) async fn member(&self, by: &Principal, user: UserId) -> Member {
        let identity = &self.house.identity;
        let page = identity
            .member_list(by, MemberFilter::default(), None, 200)
            .await
            .unwrap();
        page.items
            .into_iter()
            .find(|member| member.user == user)
            .unwrap()
    }

    pub(crate) async fn alive(&self, grant: &Grant) -> bool {
        self.house.who(grant).await.is_ok()
    }

    fn trail(&self, action: &str) -> Vec<String> {
        self.house.rows(&format!(
            "SELECT outcome FROM audit_log WHERE action = '{action}'"
        ))
    }
}

pub(crate) fn refused<T>(result: Result<T, IdentityError>) -> Refusal {
    match result {
        Err(IdentityError::Refused(refusal)) => refusal,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was allowed"),
    }
}

#[tokio::test]
async fn members_are_listed_by_name_and_found_by_a_part_of_it() {
    let company = Company::open().await;
    for name in [
        "bob@acme.example",
        "carl_100%@acme.example",
        "dora@acme.example",
    ] {
        company.join(&company.ada, name, &[Role::Member]).await;
    }
    let identity = &company.house.identity;
    let list = |filter: MemberFilter, after| identity.member_list(&company.ada, filter, after, 2);
    let first = list(MemberFilter::default(), None).await.unwrap();
    assert_eq!((first.active, first.deactivated), (4, 0));
    assert_eq!(
        first.items.len(),
        3,
        "one more than asked for says there is more"
    );
    let last = &first.items[1];
    let next = list(
        MemberFilter::default(),
        Some((last.name.clone(), last.user)),
    )
    .await
    .unwrap();
    let names: Vec<_> = first.items[..2].iter().chain(&next.items).collect();
    assert_eq!(names.len(), 4);
    assert!(names.windows(2).all(|pair| pair[0].name <= pair[1].name));
    assert_eq!(names[0].email.as_deref(), Some("canary-ada@acme.example"));

    let search = |text: &str| MemberFilter {
        search: Some(text.to_owned()),
        active: None,
    };
    assert_eq!(list(search("DORA"), None).await.unwrap().items.len(), 1);
    assert_eq!(list(search("100%"), None).await.unwrap().items.len(), 1);
    assert_eq!(list(search("%"), None).await.unwrap().items.len(), 1);
    assert!(list(search("nobody"), None).await.unwrap().items.is_empty());
}

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

#[tokio::test]
async fn settings_of_a_tenant_are_changed_once_at_a_time() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    let now = identity.tenant_show(&company.ada).await.unwrap();
    assert_eq!((now.name.as_str(), now.members), ("Acme", 1));
    let change = |name: &str, version| TenantChange {
        name: Some(name.to_owned()),
        factor_for_all: None,
        version,
    };
    let renamed = identity
        .tenant_update(&company.ada, change("Acme Ltd", now.version))
        .await
        .unwrap();
    assert_eq!(renamed.name, "Acme Ltd");
    let late = identity
        .tenant_update(&company.ada, change("Evil Ltd", now.version))
        .await;
    assert_eq!(refused(late), Refusal::VersionConflict);
    for name in ["", "  ", "a\nb"] {
        let bad = identity
            .tenant_update(&company.ada, change(name, renamed.version))
            .await;
        assert!(matches!(
            bad,
            Err(IdentityError::Input { field: "name", .. })
        ));
    }
    let me = identity
        .profile_update(&company.ada, "Ada King")
        .await
        .unwrap();
    assert_eq!(me.name, "Ada King");
}

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
