//! The end of everybody's sessions at once: of a tenant by its administrator, of any tenant or of all by a
//! super_admin and by the administrator of the machine (ASVS 7.4.5).

use chrono::TimeDelta;
use identity::{EVERY_SESSION, IdentityError, Refusal, SessionsOf, VisitRequest};
use kernel::{Principal, Role, TenantId, uuid_at};

use crate::{
    harness::local,
    identity::{caller, is_revoked, token},
    members::{Company, Joined, refused},
};

/// Acme with Ada, who has the appliance in her care, and Bob; Beta with Olga.
struct Two {
    company: Company,
    bob: Joined,
    olga: Joined,
}

impl Two {
    async fn open() -> Self {
        let company = Company::open().await;
        let bob = company
            .join(&company.ada, "bob@acme.example", &[Role::Member])
            .await;
        let olga = company.other("Beta", "olga@beta.example").await;
        Self { company, bob, olga }
    }

    /// Ada, Bob and Olga.
    async fn alive(&self) -> [bool; 3] {
        let company = &self.company;
        [
            company.alive(&company.ada_grant).await,
            company.alive(&self.bob.grant).await,
            company.alive(&self.olga.grant).await,
        ]
    }

    async fn end(
        &self,
        who: &Principal,
        of: SessionsOf,
        confirm: &str,
        keep_own: bool,
    ) -> Result<i64, IdentityError> {
        let identity = &self.company.house.identity;
        identity
            .sessions_end(who, of, confirm.to_owned(), keep_own)
            .await
    }

    fn acme(&self) -> SessionsOf {
        SessionsOf::Tenant(self.company.ada.tenant)
    }
}

#[tokio::test]
async fn an_administrator_ends_every_session_of_their_tenant_and_of_no_other() {
    let two = Two::open().await;
    let (ada, house) = (&two.company.ada, &two.company.house);
    for wrong in ["", "acme", "Beta", EVERY_SESSION] {
        let told = two.end(ada, two.acme(), wrong, true).await;
        assert_eq!(refused(told), Refusal::ConfirmWrong, "{wrong}");
    }
    assert_eq!(two.alive().await, [true, true, true]);

    let elsewhere = house.second_daemon().await;
    let of_bob = &two.bob.grant.access_token;
    let from = caller("192.0.2.1");
    let there = || elsewhere.authenticate(of_bob, &from);
    assert!(there().await.is_ok());
    assert_eq!(two.end(ada, two.acme(), "Acme", true).await.unwrap(), 1);
    assert_eq!(two.alive().await, [true, false, true]);
    assert!(is_revoked(house.refresh(&token(&two.bob.grant)).await));
    // Another daemon that heard no hint believes what it read for five seconds.
    house.advance(TimeDelta::seconds(5));
    assert!(there().await.is_err());
    let told = "SELECT action || ' ' || outcome FROM audit_log WHERE action = 'sessions_end'";
    assert_eq!(house.rows(told), ["sessions_end done"]);

    assert_eq!(two.end(ada, two.acme(), " Acme ", false).await.unwrap(), 1);
    assert_eq!(two.alive().await, [false, false, true]);
}

#[tokio::test]
async fn who_visits_is_shown_out_and_a_program_that_waits_gets_nothing() {
    let two = Two::open().await;
    let (house, olga) = (&two.company.house, &two.olga.who);
    let visit = VisitRequest {
        tenant: olga.tenant,
        reason: String::from("Ticket 4711: routing rests"),
        write: false,
        break_glass: false,
    };
    let inside = house.identity.visit_enter(&two.company.ada, visit).await;
    let inside = inside.unwrap();
    let asked = house.identity.device_grant_ask(&caller("192.0.2.7")).await;
    let asked = asked.unwrap();
    house
        .identity
        .device_grant_approve(olga, &asked.user_code)
        .await
        .unwrap();
    let beta = SessionsOf::Tenant(olga.tenant);
    assert_eq!(two.end(olga, beta, "Beta", true).await.unwrap(), 1);
    assert!(!two.company.alive(&inside).await);
    let polled = house
        .identity
        .device_grant_poll(asked.device_code.expose(), &caller("192.0.2.7"))
        .await;
    assert!(
        matches!(polled, Err(IdentityError::DeviceGrant("access_denied"))),
        "an approval outlived the sessions"
    );
}

#[tokio::test]
async fn a_super_admin_ends_those_of_any_tenant_and_all() {
    let two = Two::open().await;
    let ada = &two.company.ada;
    let beta = SessionsOf::Tenant(two.olga.who.tenant);
    let told = two.end(ada, beta, "Acme", true).await;
    assert_eq!(refused(told), Refusal::ConfirmWrong);
    assert_eq!(two.end(ada, beta, "Beta", true).await.unwrap(), 1);
    assert_eq!(two.alive().await, [true, true, false]);
    let nobody = SessionsOf::Tenant(TenantId::from_uuid(uuid_at(&kernel::SystemClock)));
    let told = two.end(ada, nobody, "Beta", true).await;
    assert_eq!(refused(told), Refusal::UnknownThing);

    let told = two.end(ada, SessionsOf::Appliance, "Acme", true).await;
    assert_eq!(refused(told), Refusal::ConfirmWrong);
    let all = two
        .end(ada, SessionsOf::Appliance, EVERY_SESSION, true)
        .await;
    assert_eq!(all.unwrap(), 1);
    assert_eq!(two.alive().await, [true, false, false]);
}

#[tokio::test]
async fn the_administrator_of_the_machine_ends_them_without_a_session() {
    let two = Two::open().await;
    let identity = &two.company.house.identity;
    let beta = SessionsOf::Tenant(two.olga.who.tenant);
    let ended = identity.sessions_end_local(&local(), beta).await;
    assert_eq!(ended.unwrap(), 1);
    assert_eq!(two.alive().await, [true, true, false]);
    let all = SessionsOf::Appliance;
    assert_eq!(identity.sessions_end_local(&local(), all).await.unwrap(), 2);
    assert_eq!(two.alive().await, [false, false, false]);
    let nobody = SessionsOf::Tenant(TenantId::from_uuid(uuid_at(&kernel::SystemClock)));
    let told = identity.sessions_end_local(&local(), nobody).await;
    assert_eq!(refused(told), Refusal::UnknownThing);
    let who = "SELECT actor_id || ' ' || tenant_id FROM audit_log WHERE action = 'sessions_end' ORDER BY tenant_id";
    assert_eq!(
        two.company.house.rows(who),
        [
            format!("local:root {}", TenantId::PLATFORM.uuid()),
            format!("local:root {}", two.olga.who.tenant.uuid()),
        ]
    );
}
