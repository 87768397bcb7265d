//! A super_admin inside a tenant (CX-33): with a reason, for 60 minutes, reading alone, told and shown.

use chrono::TimeDelta;
use identity::{Denial, Grant, IdentityError, Permission, Refusal, VisitRequest, denial};
use kernel::{Principal, Reach, Role, TenantId};

use crate::{
    identity::{caller, token},
    members::{Company, Joined, refused},
};

const REASON: &str = "Ticket 4711: routing rests since Monday";

struct Stage {
    company: Company,
    olga: Joined,
}

impl Stage {
    async fn open() -> Self {
        let company = Company::open().await;
        let olga = company.other("Beta", "olga@beta.example").await;
        Self { company, olga }
    }

    fn beta(&self) -> TenantId {
        self.olga.who.tenant
    }

    async fn enter(&self, write: bool, break_glass: bool) -> Result<Grant, IdentityError> {
        let request = VisitRequest {
            tenant: self.beta(),
            reason: REASON.to_owned(),
            write,
            break_glass,
        };
        let identity = &self.company.house.identity;
        identity.visit_enter(&self.company.ada, request).await
    }

    async fn inside(&self, grant: &Grant) -> Principal {
        self.company.house.who(grant).await.unwrap()
    }

    fn events(&self) -> Vec<String> {
        self.company.house.rows(&format!(
            "SELECT kind FROM jobs WHERE kind = 'event.support_visit' AND tenant_id = '{}'",
            self.beta().uuid()
        ))
    }
}

fn why(who: &Principal, permission: Permission) -> Option<Denial> {
    denial(&who.roles, permission)
}

#[tokio::test]
async fn a_super_admin_reads_nothing_of_a_tenant_without_a_visit() {
    let stage = Stage::open().await;
    let identity = &stage.company.house.identity;
    let switch = identity
        .tenant_switch(&stage.company.ada, stage.beta())
        .await;
    assert!(matches!(switch, Err(IdentityError::NotMember)));
    let signed_in = identity::SignIn {
        email: String::from("canary-ada@acme.example"),
        password: kernel::Secret::new(String::from("Canary-horse-7-battery")),
        tenant: Some(stage.beta()),
    };
    assert!(
        identity
            .sign_in(signed_in, &caller("192.0.2.1"))
            .await
            .is_err()
    );
    // A session row that points there by itself is not enough either.
    stage.company.house.bed.owner(&format!(
        "UPDATE sessions SET tenant_id = '{}' WHERE user_id = '{}'",
        stage.beta().uuid(),
        stage.company.ada.user().unwrap().uuid()
    ));
    identity.forget_all();
    assert!(!stage.company.alive(&stage.company.ada_grant).await);
    let renewed = stage
        .company
        .house
        .refresh(&token(&stage.company.ada_grant))
        .await;
    assert!(renewed.is_err());
}

#[tokio::test]
async fn a_visit_reads_is_told_and_shown_and_comes_home_by_leaving() {
    let stage = Stage::open().await;
    let identity = &stage.company.house.identity;
    let grant = stage.enter(false, false).await.unwrap();
    let support = grant.view.support.clone().unwrap();
    assert_eq!((support.reason.as_str(), support.writes), (REASON, false));
    assert_eq!(grant.view.tenant.name, "Beta");
    let visitor = stage.inside(&grant).await;
    assert_eq!(visitor.roles.reach(), Reach::SupportRead);
    assert_eq!(why(&visitor, Permission::LogRead), None);
    assert_eq!(
        why(&visitor, Permission::RuleEdit),
        Some(Denial::SupportReadOnly)
    );
    assert_eq!(
        why(&visitor, Permission::TenantManage),
        Some(Denial::NotPermitted)
    );
    assert!(
        !stage.company.alive(&stage.company.ada_grant).await,
        "the home token is of home"
    );

    let shown = identity.visit_list(&stage.olga.who).await.unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(
        (shown[0].by_name.as_str(), shown[0].reason.as_str()),
        ("Ada Lovelace", REASON)
    );
    assert_eq!(
        stage.events(),
        ["event.support_visit"],
        "a mail to the owner is on its way"
    );
    let told = "SELECT count(*) FROM audit_log WHERE action = 'visit_enter' AND outcome = 'done'";
    assert_eq!(stage.company.house.rows(told), ["1"]);

    let home = identity.visit_leave(&visitor).await.unwrap();
    assert_eq!(home.view.tenant.name, "Acme");
    assert!(home.view.support.is_none());
    assert!(
        !stage.company.alive(&grant).await,
        "the visit's token is worth nothing"
    );
    let who = stage.inside(&home).await;
    assert!(who.roles.has(Role::Admin), "at home she is who she was");
    assert!(
        identity.visit_list(&stage.olga.who).await.unwrap()[0]
            .left_at
            .is_some()
    );
    assert_eq!(
        refused(identity.visit_leave(&who).await),
        Refusal::NotVisiting
    );
}

#[tokio::test]
async fn a_visit_is_over_after_60_minutes_on_every_path() {
    let stage = Stage::open().await;
    let grant = stage.enter(true, true).await.unwrap();
    let mut newest = grant;
    // Refreshing does not make it longer.
    for _ in 0..4 {
        stage.company.house.advance(TimeDelta::minutes(14));
        let refresh = newest.refresh.as_ref().map_or_else(
            || token(&stage.company.ada_grant),
            |refresh| refresh.token.expose().clone(),
        );
        newest = stage.company.house.refresh(&refresh).await.unwrap();
        assert_eq!(newest.view.tenant.name, "Beta");
    }
    stage
        .company
        .house
        .advance(TimeDelta::minutes(4) - TimeDelta::seconds(1));
    assert!(stage.company.alive(&newest).await);
    stage.company.house.advance(TimeDelta::seconds(1));
    assert!(
        !stage.company.alive(&newest).await,
        "to the second, cached or not"
    );
    let renewed = stage.company.house.refresh(&token(&newest)).await.unwrap();
    assert_eq!(
        renewed.view.tenant.name, "Acme",
        "the next refresh goes home"
    );
    assert!(renewed.view.support.is_none());
    assert!(stage.company.alive(&renewed).await);
}

#[tokio::test]
async fn writing_takes_the_owners_consent() {
    let stage = Stage::open().await;
    let identity = &stage.company.house.identity;
    let anna = stage
        .company
        .join(&stage.olga.who, "anna@beta.example", &[Role::Admin])
        .await;
    let grant = stage.enter(true, false).await.unwrap();
    let visitor = stage.inside(&grant).await;
    assert_eq!(
        why(&visitor, Permission::RuleEdit),
        Some(Denial::SupportReadOnly)
    );
    let visit = identity.visit_list(&stage.olga.who).await.unwrap()[0].id;
    for (who, refusal) in [
        (&visitor, Refusal::NotOwner),
        (&anna.who, Refusal::NotOwner),
        (&stage.company.ada, Refusal::UnknownThing),
    ] {
        assert_eq!(refused(identity.visit_consent(who, visit).await), refusal);
    }
    assert_eq!(
        why(&stage.inside(&grant).await, Permission::RuleEdit),
        Some(Denial::SupportReadOnly)
    );
    let consented = identity
        .visit_consent(&stage.olga.who, visit)
        .await
        .unwrap();
    assert!(consented.writes);
    let visitor = stage.inside(&grant).await;
    assert_eq!(why(&visitor, Permission::RuleEdit), None);
    for never in [
        Permission::ApiKeyEdit,
        Permission::MemberEdit,
        Permission::TenantEdit,
    ] {
        assert_eq!(why(&visitor, never), Some(Denial::SupportNever));
    }
}

/// CX-28: a visitor who was made the owner meanwhile does not consent to their own visit; the next owner does.
#[tokio::test]
async fn nobody_consents_to_their_own_visit() {
    let stage = Stage::open().await;
    let identity = &stage.company.house.identity;
    let grant = stage.enter(true, false).await.unwrap();
    let visitor = stage.inside(&grant).await;
    let visit = identity.visit_list(&stage.olga.who).await.unwrap()[0].id;
    let (beta, ada) = (stage.beta().uuid(), visitor.user().unwrap().uuid());
    stage.company.house.bed.owner(&format!(
        "UPDATE memberships SET owner = false WHERE tenant_id = '{beta}'; \
         INSERT INTO memberships (tenant_id, user_id, roles, owner) VALUES ('{beta}', '{ada}', '{{admin}}', true)"
    ));
    let own = identity.visit_consent(&visitor, visit).await;
    assert_eq!(refused(own), Refusal::OwnRequest);
    assert_eq!(
        stage
            .company
            .house
            .rows("SELECT count(*) FROM support_visits WHERE consented_at IS NOT NULL"),
        ["0"]
    );
    stage.company.house.bed.owner(&format!(
        "UPDATE memberships SET owner = false WHERE tenant_id = '{beta}'; \
         UPDATE memberships SET owner = true WHERE tenant_id = '{beta}' AND user_id = '{}'",
        stage.olga.who.user().unwrap().uuid()
    ));
    let consented = identity.visit_consent(&stage.olga.who, visit).await;
    assert!(consented.unwrap().writes);
}

#[tokio::test]
async fn who_asked_to_read_cannot_be_given_more() {
    let stage = Stage::open().await;
    let identity = &stage.company.house.identity;
    let grant = stage.enter(false, true).await.unwrap();
    assert_eq!(
        why(&stage.inside(&grant).await, Permission::RuleEdit),
        Some(Denial::SupportReadOnly),
        "there is no glass to break for reading"
    );
    let visit = identity.visit_list(&stage.olga.who).await.unwrap()[0].id;
    let consent = identity.visit_consent(&stage.olga.who, visit).await;
    assert_eq!(refused(consent), Refusal::VisitOver);
}

#[tokio::test]
async fn breaking_the_glass_writes_at_once_and_lets_nobody_in() {
    let stage = Stage::open().await;
    let identity = &stage.company.house.identity;
    let grant = stage.enter(true, true).await.unwrap();
    let visitor = stage.inside(&grant).await;
    assert_eq!(visitor.roles.reach(), Reach::SupportWrite);
    assert_eq!(why(&visitor, Permission::RuleEdit), None);
    for never in [
        Permission::ApiKeyEdit,
        Permission::MemberEdit,
        Permission::TenantEdit,
    ] {
        assert_eq!(why(&visitor, never), Some(Denial::SupportNever));
    }
    let shown = identity.visit_list(&stage.olga.who).await.unwrap();
    assert!(shown[0].break_glass && shown[0].writes);
    assert_eq!(stage.events().len(), 1);
}

#[tokio::test]
async fn the_people_of_the_tenant_show_a_visitor_out() {
    let stage = Stage::open().await;
    let identity = &stage.company.house.identity;
    let grant = stage.enter(false, false).await.unwrap();
    let visit = identity.visit_list(&stage.olga.who).await.unwrap()[0].id;
    let foreign = identity.visit_end(&stage.company.ada, visit).await;
    assert_eq!(refused(foreign), Refusal::UnknownThing);
    identity.visit_end(&stage.olga.who, visit).await.unwrap();
    assert!(!stage.company.alive(&grant).await);
    let again = identity.visit_end(&stage.olga.who, visit).await;
    assert_eq!(refused(again), Refusal::VisitOver);
    let home = stage
        .company
        .house
        .refresh(&token(&stage.company.ada_grant))
        .await
        .unwrap();
    assert_eq!(home.view.tenant.name, "Acme");

    // A later visit does not revive the token of the earlier one.
    stage.company.house.advance(TimeDelta::seconds(10));
    let later = stage.enter(false, false).await.unwrap();
    assert!(stage.company.alive(&later).await);
    assert!(!stage.company.alive(&grant).await);
}

#[tokio::test]
async fn a_visit_needs_a_reason_a_tenant_and_a_super_admin() {
    let stage = Stage::open().await;
    let identity = &stage.company.house.identity;
    let ask = |who: &Principal, tenant: TenantId, reason: &str| {
        let who = who.clone();
        let request = VisitRequest {
            tenant,
            reason: reason.to_owned(),
            write: false,
            break_glass: false,
        };
        async move { identity.visit_enter(&who, request).await }
    };
    let ada = &stage.company.ada;
    for reason in [
        "",
        "support",
        "          ",
        "a reason\nwith lines",
        &"x".repeat(501),
    ] {
        let refused = ask(ada, stage.beta(), reason).await;
        assert!(matches!(
            refused,
            Err(IdentityError::Input {
                field: "reason",
                ..
            })
        ));
    }
    let nowhere = TenantId::generate(&kernel::SystemClock);
    assert_eq!(
        refused(ask(ada, nowhere, REASON).await),
        Refusal::UnknownThing
    );
    let own = ask(ada, ada.tenant, REASON).await;
    assert_eq!(refused(own), Refusal::OwnTenant);
    // The route's permission stops everybody else; were it not there, the rows would.
    let climb = ask(&stage.olga.who, ada.tenant, REASON).await;
    assert!(climb.is_err(), "{:?}", climb.map(|grant| grant.view));
    assert!(stage.company.alive(&stage.olga.grant).await);
}

#[tokio::test]
async fn who_is_no_super_admin_any_more_is_out_within_five_seconds() {
    let stage = Stage::open().await;
    let grant = stage.enter(true, true).await.unwrap();
    stage
        .company
        .house
        .bed
        .owner("UPDATE users SET super_admin = false");
    stage.company.house.advance(TimeDelta::seconds(5));
    assert!(!stage.company.alive(&grant).await);
}
