//! Identity providers of the appliance against a real database (OB-11, CX-33, CX-34): whom they sign in,
//! which tenants they open, and what no tenant and no word of theirs can do. The provider speaks SAML and
//! signs what the test writes; `tests/peers/oidc` has a real one.

mod tenants_own;

use chrono::TimeDelta;
use db::{AuthScope, Unit};
use diesel::{RunQueryDsl, sql_query};
use identity::{
    Grant, IdentityError,
    sso::{Claim, Ended, Protocol, Provider, ProviderInput, RoleRule, Sso, appliance},
};
use kernel::{Clock, Principal, Role, Secret, TenantId, uuid_at};

use crate::{
    members::{Company, Joined},
    saml::{Away, Idp, ours},
    sso::{caller, code, egress},
};

const ADA: (&str, &str) = ("ada-1", "canary-ada@acme.example");
const BOB: (&str, &str) = ("bob-1", "bob@acme.example");

/// The appliance with Acme, whose Ada has it in her care, with Bob, who is a member of Acme, and with a
/// provider of the appliance that is believed about acme.example.
struct Floor {
    company: Company,
    sso: Sso,
    idp: Idp,
    provider: Provider,
    bob: Joined,
}

impl Floor {
    async fn lay() -> Self {
        let company = Company::open().await;
        let bob = company.join(&company.ada, BOB.1, &[Role::Member]).await;
        let reader = stack::simulator::built("revkeep").unwrap();
        let identity = company.house.identity.clone();
        let sso = Sso::new(identity, &egress(), "https://revkeep.example", &reader);
        let idp = Idp::at("https://idp.example/entity");
        let ada = appliance(&company.ada);
        let provider = sso.provider_create(&ada, form(&idp)).await.unwrap();
        sso.domain_add(&ada, "acme.example", provider.id)
            .await
            .unwrap();
        Self {
            company,
            sso,
            idp,
            provider,
            bob,
        }
    }

    fn operator(&self) -> Principal {
        appliance(&self.company.ada)
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        self.company.house.rows(sql)
    }

    fn sql(&self, sql: &str) {
        self.company.house.bed.owner(sql);
    }

    async fn allow(&self, who: &Principal, allowed: bool) {
        self.sso.appliance_allow(who, allowed).await.unwrap();
    }

    /// What comes of it when `idp`, as `provider`, says that somebody is `person`.
    async fn returned(
        &self,
        (idp, provider): (&Idp, &Provider),
        away: Away,
        person: (&str, &str),
    ) -> Result<Ended, IdentityError> {
        let now = self.company.house.bed.clock.now();
        let id = format!("_{}", away.state);
        let response = idp.response(ours(provider), (&away.request, &id), person, now);
        let form = (Some(away.state.as_str()), Secret::new(response));
        let ticket = self.sso.saml_respond(provider.id, form, &caller()).await?;
        let cookie = Some(away.cookie.expose().as_str());
        self.sso
            .saml_complete(ticket.expose(), cookie, &caller())
            .await
    }

    async fn sign_in_at(
        &self,
        at: (&Idp, &Provider),
        person: (&str, &str),
    ) -> Result<Grant, IdentityError> {
        let away = Away::begun(self.sso.start(at.1.id).await?);
        match self.returned(at, away, person).await? {
            Ended::SignedIn(grant) => Ok(*grant),
            Ended::Proven(_) => panic!("nothing was to be linked"),
        }
    }

    async fn sign_in(&self, person: (&str, &str)) -> Result<Grant, IdentityError> {
        self.sign_in_at((&self.idp, &self.provider), person).await
    }

    /// A super_admin leaves for the provider and comes back as `person`.
    async fn prove(&self, who: &Principal, person: (&str, &str)) -> Result<Claim, IdentityError> {
        let away = Away::of(self.sso.link_start(who, self.provider.id).await?);
        let at = (&self.idp, &self.provider);
        match self.returned(at, away, person).await? {
            Ended::Proven(claim) => Ok(claim),
            Ended::SignedIn(_) => panic!("a session was opened"),
        }
    }

    async fn switch(&self, who: &Principal, enabled: bool) -> Provider {
        let found = self.sso.provider_list(who).await.unwrap();
        let now = found.into_iter().find(|one| one.id == self.provider.id);
        let input = ProviderInput {
            enabled,
            ..form(&self.idp)
        };
        self.sso
            .provider_update(who, self.provider.id, now.unwrap().version, input)
            .await
            .unwrap()
    }

    /// A provider of the tenant's own that nobody serves.
    fn own_provider(&self, tenant: TenantId) {
        let id = uuid_at(&kernel::SystemClock);
        self.sql(&format!(
            "INSERT INTO sso_providers (tenant_id, provider_id, kind, name, enabled, issuer, client_id, create_members, created_at, updated_at) \
             VALUES ('{}', '{id}', 'oidc', 'P', true, 'https://own.example', 'c', true, now(), now())",
            tenant.uuid()
        ));
    }

    /// Bob joins Beta as well.
    fn bob_joins(&self, tenant: TenantId) {
        self.sql(&format!(
            "INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{}', '{}', '{{member}}')",
            tenant.uuid(),
            self.bob.user().uuid()
        ));
    }
}

fn form(idp: &Idp) -> ProviderInput {
    ProviderInput {
        name: String::from("Group login"),
        enabled: true,
        groups_claim: String::from("groups"),
        role_map: Vec::new(),
        create_members: false,
        protocol: Protocol::Saml(idp.input()),
    }
}

#[tokio::test]
async fn no_administrator_of_a_tenant_reaches_the_appliances_provider() {
    let floor = Floor::lay().await;
    let olga = floor.company.other("Beta", "olga@beta.example").await.who;
    let (sso, id) = (&floor.sso, floor.provider.id);
    assert!(sso.provider_list(&olga).await.unwrap().is_empty());
    let change = sso.provider_update(&olga, id, 1, form(&floor.idp)).await;
    assert_eq!(code(change), "provider_not_found");
    assert_eq!(
        code(sso.provider_delete(&olga, id).await),
        "provider_not_found"
    );
    assert_eq!(
        code(sso.provider_test(&olga, id).await),
        "provider_not_found"
    );
    assert_eq!(
        code(sso.domain_add(&olga, "beta.example", id).await),
        "provider_not_found"
    );
    // Nor would the route's check have to hold: the rows are a super_admin's to change.
    let forged = appliance(&olga);
    let before = "SELECT (SELECT count(*) FROM sso_providers WHERE enabled) || ' ' || (SELECT count(*) FROM sso_domains)";
    assert_ne!(
        code(
            sso.provider_create(&forged, form(&Idp::at("https://evil.example")))
                .await
        ),
        "ok"
    );
    let off = ProviderInput {
        enabled: false,
        ..form(&floor.idp)
    };
    assert_ne!(code(sso.provider_update(&forged, id, 1, off).await), "ok");
    assert_ne!(code(sso.provider_delete(&forged, id).await), "ok");
    assert_ne!(
        code(sso.domain_add(&forged, "beta.example", id).await),
        "ok"
    );
    assert_ne!(code(sso.domain_remove(&forged, "acme.example").await), "ok");
    assert_eq!(floor.rows(before), ["1 1"]);
    assert_eq!(code(sso.provider_delete(&floor.operator(), id).await), "ok");
}

#[tokio::test]
async fn hostile_statements_of_nobody_and_of_a_tenant_change_nothing_of_the_appliances() {
    let floor = Floor::lay().await;
    let olga = floor.company.other("Beta", "olga@beta.example").await.who;
    let scopes = [
        AuthScope::default(),
        AuthScope {
            tenant: Some(TenantId::PLATFORM),
            user: olga.user(),
        },
        AuthScope {
            tenant: Some(olga.tenant),
            user: olga.user(),
        },
    ];
    for scope in scopes {
        for sql in [
            "UPDATE sso_providers SET enabled = true, issuer = 'https://evil.example', certificates = '{x}'",
            "DELETE FROM sso_providers",
            "DELETE FROM sso_domains",
            "INSERT INTO sso_domains (tenant_id, domain, provider_id, created_at) SELECT tenant_id, 'evil.example', provider_id, now() FROM sso_providers",
        ] {
            let changed = floor
                .company
                .house
                .bed
                .db
                .auth(scope, move |tx| {
                    Ok::<_, IdentityError>(sql_query(sql).execute(tx.conn())?)
                })
                .await;
            assert!(matches!(changed, Ok(0) | Err(_)), "{sql}: {changed:?}");
        }
    }
    let kept = "SELECT p.issuer || ' ' || d.domain FROM sso_providers p JOIN sso_domains d USING (tenant_id, provider_id)";
    assert_eq!(
        floor.rows(kept),
        ["https://idp.example/entity acme.example"]
    );
}

#[tokio::test]
async fn it_opens_the_tenants_that_allow_it_and_no_other() {
    let floor = Floor::lay().await;
    let olga = floor.company.other("Beta", "olga@beta.example").await.who;
    floor.bob_joins(olga.tenant);
    let identity = &floor.company.house.identity;
    assert_eq!(code(floor.sign_in(BOB).await), "sso_not_open");
    assert_eq!(floor.rows("SELECT count(*) FROM sso_identities"), ["0"]);

    floor.allow(&floor.company.ada, true).await;
    let grant = floor.sign_in(BOB).await.unwrap();
    assert_eq!(
        (grant.view.user, grant.view.tenant.name.as_str()),
        (floor.bob.user(), "Acme")
    );
    assert_eq!(grant.view.provider.as_ref().unwrap().1, "Group login");
    let names = |grant: &Grant| -> Vec<String> {
        grant
            .view
            .tenants
            .iter()
            .map(|tenant| tenant.name.clone())
            .collect()
    };
    assert_eq!(names(&grant), ["Acme"], "it does not even show the others");
    let bob = floor.company.house.who(&grant).await.unwrap();
    let moved = identity.tenant_switch(&bob, olga.tenant).await;
    assert_eq!(code(moved), "sso_not_open");

    // Beta lets it in, and then not any more.
    floor.allow(&olga, true).await;
    let there = identity.tenant_switch(&bob, olga.tenant).await.unwrap();
    assert_eq!(names(&there), ["Acme", "Beta"]);
    assert!(floor.company.alive(&there).await);
    floor.allow(&olga, false).await;
    assert!(!floor.company.alive(&there).await);
    floor.allow(&olga, true).await;
    assert!(!floor.company.alive(&there).await, "it has ended");
    assert_eq!(
        floor.rows("SELECT count(*) FROM audit_log WHERE action = 'appliance_sso_allow'"),
        ["4"]
    );
}

#[tokio::test]
async fn a_tenant_with_a_provider_of_its_own_is_not_opened_by_it() {
    let floor = Floor::lay().await;
    let ada = &floor.company.ada;
    floor.allow(ada, true).await;
    let grant = floor.sign_in(BOB).await.unwrap();
    floor.own_provider(ada.tenant);
    floor.company.house.identity.forget_all();
    assert!(
        !floor.company.alive(&grant).await,
        "no session of it stands there"
    );
    assert_eq!(code(floor.sign_in(BOB).await), "sso_not_open");
    let shown = floor.sso.appliance_show(ada).await.unwrap();
    assert_eq!(
        (shown.providers.len(), shown.allowed, shown.opens),
        (1, true, false)
    );
    // Enabled by its administrator, it ends them for good.
    floor.sql("DELETE FROM sso_providers WHERE issuer = 'https://own.example'");
    let grant = floor.sign_in(BOB).await.unwrap();
    let own = Idp::at("https://own.example/entity");
    let made = floor.sso.provider_create(ada, form(&own)).await.unwrap();
    assert!(!floor.company.alive(&grant).await);
    floor.sso.provider_delete(ada, made.id).await.unwrap();
    assert!(!floor.company.alive(&grant).await);
    assert_eq!(code(floor.sign_in(BOB).await), "ok");
}

#[tokio::test]
async fn a_super_admin_is_let_in_by_an_identity_that_they_confirmed_and_by_no_word_of_a_provider() {
    let floor = Floor::lay().await;
    let ada = &floor.company.ada;
    floor.allow(ada, true).await;
    assert_eq!(code(floor.sign_in(ADA).await), "sso_not_linked");

    // Nobody but a super_admin links anything.
    assert_eq!(
        code(floor.prove(&floor.bob.who, BOB).await),
        "sso_account_closed"
    );
    let claim = floor.prove(ada, ADA).await.unwrap();
    assert_eq!((claim.subject.as_str(), claim.email.as_deref()), ADA_TOLD);
    assert_eq!(
        code(floor.sign_in(ADA).await),
        "sso_not_linked",
        "not confirmed"
    );
    let confirm = async |subject: &str| {
        code(
            floor
                .sso
                .link_confirm(ada, floor.provider.id, subject)
                .await,
        )
    };
    assert_eq!(confirm("bob-1").await, "sso_link_void");
    assert_eq!(confirm(ADA.0).await, "ok");
    assert_eq!(confirm(ADA.0).await, "sso_link_void", "once");
    // The address does not matter any more, and what was proven is not the password's.
    let grant = floor
        .sign_in((ADA.0, "other@elsewhere.example"))
        .await
        .unwrap();
    let who = floor.company.house.who(&grant).await.unwrap();
    assert!(who.roles.has(Role::SuperAdmin));
    assert_eq!(
        floor.rows("SELECT password_at IS NULL AND factor_at IS NULL FROM sessions WHERE sso_provider_id IS NOT NULL"),
        ["true"]
    );

    // The same subject of another issuer is somebody else.
    let other = Idp::at("https://other.example/entity");
    let input = form(&other);
    let second = floor
        .sso
        .provider_create(&floor.operator(), input)
        .await
        .unwrap();
    let told = floor
        .sign_in_at((&other, &second), (ADA.0, "x@elsewhere.example"))
        .await;
    assert_eq!(code(told), "sso_not_linked");

    assert_eq!(
        floor.rows("SELECT outcome FROM audit_log WHERE action = 'identity_link'"),
        ["done"]
    );
    floor.sso.link_remove(ada, floor.provider.id).await.unwrap();
    assert!(!floor.company.alive(&grant).await);
    assert_eq!(code(floor.sign_in(ADA).await), "sso_not_linked");
}

const ADA_TOLD: (&str, Option<&str>) = (ADA.0, Some(ADA.1));

#[tokio::test]
async fn a_proof_waits_ten_minutes_and_for_its_own_person() {
    let floor = Floor::lay().await;
    let ada = &floor.company.ada;
    floor.allow(ada, true).await;
    floor.prove(ada, ADA).await.unwrap();
    let theirs = floor
        .sso
        .link_confirm(&floor.bob.who, floor.provider.id, ADA.0)
        .await;
    assert_eq!(code(theirs), "sso_account_closed");
    floor.company.house.advance(TimeDelta::minutes(10));
    let late = floor.sso.link_confirm(ada, floor.provider.id, ADA.0).await;
    assert_eq!(code(late), "sso_link_void");
    // What is Bob's already is nobody else's.
    floor.sign_in(BOB).await.unwrap();
    floor.prove(ada, BOB).await.unwrap();
    let taken = floor.sso.link_confirm(ada, floor.provider.id, BOB.0).await;
    assert_eq!(code(taken), "sso_identity_taken");
}

#[tokio::test]
async fn a_tenants_provider_that_claims_a_super_admin_signs_nobody_in() {
    let floor = Floor::lay().await;
    let evil = Idp::at("https://evil.example/entity");
    let ada = &floor.company.ada;
    let theirs = floor.sso.provider_create(ada, form(&evil)).await.unwrap();
    // Even with the domain, and with the subject that she has at the appliance's.
    floor.sql(&format!(
        "UPDATE sso_domains SET tenant_id = '{}', provider_id = '{}'",
        ada.tenant.uuid(),
        theirs.id.uuid()
    ));
    let told = floor.sign_in_at((&evil, &theirs), ADA).await;
    assert_eq!(code(told), "sso_account_closed");
}

#[tokio::test]
async fn it_makes_no_member_and_gives_no_role_whatever_stands_in_its_row() {
    let floor = Floor::lay().await;
    let (sso, operator) = (&floor.sso, floor.operator());
    let other = Idp::at("https://other.example/entity");
    let makes = ProviderInput {
        create_members: true,
        ..form(&other)
    };
    assert_eq!(
        code(sso.provider_create(&operator, makes).await),
        "appliance_maps_nothing"
    );
    let rule = RoleRule {
        group: String::from("g"),
        roles: vec![Role::Admin],
    };
    let maps = ProviderInput {
        role_map: vec![rule],
        ..form(&other)
    };
    assert_eq!(
        code(sso.provider_create(&operator, maps).await),
        "appliance_maps_nothing"
    );

    floor.allow(&floor.company.ada, true).await;
    floor.sql("UPDATE sso_providers SET create_members = true, role_map = '[{\"group\": \"g\", \"roles\": [\"super_admin\", \"admin\"]}]'");
    let people = "SELECT string_agg(roles::text || owner::text || super_admin::text, ' ' ORDER BY email_hash) FROM memberships JOIN users USING (user_id)";
    let before = floor.rows(people);
    let grant = floor.sign_in(BOB).await.unwrap();
    let who = floor.company.house.who(&grant).await.unwrap();
    assert!(who.roles.has(Role::Member) && !who.roles.has(Role::Admin) && !who.roles.is_owner());
    let stranger = ("eve-1", "eve@acme.example");
    assert_eq!(code(floor.sign_in(stranger).await), "sso_not_linked");
    assert_eq!(floor.rows(people), before);
    // An address of a domain that is not the appliance's finds nobody.
    let olga = floor.company.other("Beta", "olga@beta.example").await.who;
    floor.allow(&olga, true).await;
    let told = floor.sign_in(("olga-1", "olga@beta.example")).await;
    assert_eq!(code(told), "sso_not_linked");
}

#[tokio::test]
async fn a_domain_is_a_tenants_or_the_appliances_and_the_second_is_refused() {
    let floor = Floor::lay().await;
    let ada = &floor.company.ada;
    let own = floor
        .sso
        .provider_create(ada, form(&Idp::at("https://own.example/entity")))
        .await
        .unwrap();
    let leads = async |email: &str| {
        let found = floor.sso.discover(email).await.unwrap();
        found.map(|found| found.provider)
    };
    assert_eq!(leads("anyone@acme.example").await, Some(floor.provider.id));
    floor
        .sso
        .domain_add(ada, "acme.example", own.id)
        .await
        .unwrap();
    let second = floor
        .sso
        .domain_verify(ada, ada.tenant, "acme.example")
        .await;
    assert_eq!(code(second), "already_exists");
    assert_eq!(leads("anyone@acme.example").await, Some(floor.provider.id));

    floor
        .sso
        .domain_remove(&floor.operator(), "acme.example")
        .await
        .unwrap();
    floor
        .sso
        .domain_verify(ada, ada.tenant, "acme.example")
        .await
        .unwrap();
    assert_eq!(leads("anyone@acme.example").await, Some(own.id));
    let back = floor
        .sso
        .domain_add(&floor.operator(), "acme.example", floor.provider.id)
        .await;
    assert_eq!(code(back), "already_exists");
    assert_eq!(leads("anyone@acme.example").await, Some(own.id));
}

#[tokio::test]
async fn switched_off_it_ends_its_sessions_everywhere() {
    let floor = Floor::lay().await;
    floor.allow(&floor.company.ada, true).await;
    let grant = floor.sign_in(BOB).await.unwrap();
    assert!(floor.company.alive(&grant).await);
    floor.switch(&floor.operator(), false).await;
    assert!(!floor.company.alive(&grant).await);
    assert_eq!(
        code(floor.sso.start(floor.provider.id).await.map(drop)),
        "provider_not_found"
    );
    // Not even a session that was forgotten stands while it is off.
    floor.sql("UPDATE sessions SET ended_at = NULL");
    floor.company.house.identity.forget_all();
    assert!(!floor.company.alive(&grant).await);
    floor.switch(&floor.operator(), true).await;
    assert!(
        floor.company.alive(&grant).await,
        "the row alone was at fault"
    );
    floor
        .sso
        .provider_delete(&floor.operator(), floor.provider.id)
        .await
        .unwrap();
    assert!(!floor.company.alive(&grant).await);
}

#[tokio::test]
async fn where_single_sign_on_is_the_rule_it_counts_and_is_not_lost_unseen() {
    let floor = Floor::lay().await;
    let ada = &floor.company.ada;
    assert_eq!(code(floor.sso.only_set(ada, true).await), "sso_no_provider");
    floor.allow(ada, true).await;
    floor.sso.only_set(ada, true).await.unwrap();
    let grant = floor.sign_in(BOB).await.unwrap();
    assert!(floor.company.alive(&grant).await);
    let off = floor.sso.appliance_allow(ada, false).await;
    assert_eq!(code(off.map(drop)), "sso_no_provider");
    assert!(floor.company.alive(&grant).await);
    let reliant = async |who: &Principal| floor.sso.appliance_reliant(who).await.unwrap();
    assert_eq!(reliant(&floor.operator()).await, 1);
    assert_eq!(
        reliant(&appliance(&floor.bob.who)).await,
        0,
        "no business of a member's"
    );
}
