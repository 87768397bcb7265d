//! Forgotten passwords (LR-10, LR-11, LM-11, LR-12): a link that works once, for an hour, for its own
//! person, and an answer that is the same for everybody.

use chrono::TimeDelta;
use identity::IdentityError;
use kernel::{Secret, TenantId, UserId};
use vault::Binding;

use crate::{
    identity::{EMAIL, House, PASSWORD, caller, is_revoked, token},
    mailroom::Mailroom,
    statements,
};

const NEW: &str = "Walking-otters-9-quietly";
const NEWER: &str = "Running-otters-8-loudly";

impl House {
    async fn ask(&self, email: &str, from: &str) -> Result<(), IdentityError> {
        self.identity.password_reset_ask(email, &caller(from)).await
    }

    async fn complete(&self, token: &str, password: &str) -> Result<(), IdentityError> {
        let password = Secret::new(password.to_owned());
        let from = caller("192.0.2.9");
        self.identity
            .password_reset_complete(token, &password, &from)
            .await
    }
}

fn is_void(result: Result<(), IdentityError>) -> bool {
    matches!(result, Err(IdentityError::ResetLink))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_works_once_and_ends_every_session() {
    let (room, grant) = Mailroom::open().await;
    let house = &room.house;
    house.ask(EMAIL, "192.0.2.5").await.unwrap();
    let link = room.reset_token().await;
    assert!(matches!(
        house.complete(&link, "Short1!").await,
        Err(IdentityError::Input {
            field: "password",
            ..
        })
    ));
    assert!(matches!(
        house.complete(&link, PASSWORD).await,
        Err(IdentityError::Input {
            code: "password_reused",
            ..
        })
    ));
    house.complete(&link, NEW).await.unwrap();
    assert!(is_void(house.complete(&link, NEWER).await), "used");
    assert!(matches!(
        house.who(&grant).await,
        Err(IdentityError::SessionRevoked)
    ));
    assert!(is_revoked(house.refresh(&token(&grant)).await));
    assert!(house.sign_in(EMAIL, PASSWORD, "192.0.2.5").await.is_err());
    assert!(house.sign_in(EMAIL, NEW, "192.0.2.5").await.is_ok());
    let mails = room.mails().await;
    assert_eq!(
        mails.len(),
        3,
        "link, change, and the sign-in from a new network"
    );
    assert!(mails.iter().all(|mail| mail.to == [EMAIL]));
    assert!(
        mails
            .iter()
            .all(|mail| mail.data.contains("text/plain") && mail.data.contains("text/html"))
    );
    let changed = "Subject: Revkeep: your password was changed";
    assert!(mails.iter().any(|mail| mail.data.contains(changed)));
    let rows =
        house.rows("SELECT t::text FROM reset_links t UNION ALL SELECT payload::text FROM jobs");
    assert!(
        !rows.concat().contains(&link),
        "the token stands in the mail alone"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_void_after_an_hour_and_by_a_newer_one() {
    let (room, _) = Mailroom::open().await;
    let house = &room.house;
    house.ask(EMAIL, "192.0.2.5").await.unwrap();
    let first = room.reset_token().await;
    house.advance(TimeDelta::minutes(1));
    house.ask(EMAIL, "192.0.2.5").await.unwrap();
    let second = room.reset_token().await;
    assert_ne!(first, second);
    assert!(
        is_void(house.complete(&first, NEW).await),
        "a newer one was sent"
    );
    house.advance(TimeDelta::hours(1));
    assert!(is_void(house.complete(&second, NEW).await), "an hour old");
    for forged in ["", "x", &"A".repeat(43), "' OR true --"] {
        assert!(is_void(house.complete(forged, NEW).await));
    }
    assert!(house.sign_in(EMAIL, PASSWORD, "192.0.2.5").await.is_ok());
}

/// A link of one person does nothing to another's account, and a change of the password voids it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_its_own_persons() {
    let (room, grant) = Mailroom::open().await;
    let house = &room.house;
    let bob = person(house, "canary-bob@acme.example").await;
    house
        .ask("canary-bob@acme.example", "192.0.2.5")
        .await
        .unwrap();
    let link = room.reset_token().await;
    house.complete(&link, NEW).await.unwrap();
    assert!(house.who(&grant).await.is_ok(), "Ada's session lives");
    assert!(
        house.sign_in(EMAIL, PASSWORD, "192.0.2.5").await.is_ok(),
        "with her password"
    );
    assert!(house.sign_in(EMAIL, NEW, "192.0.2.6").await.is_err());
    let changed = house.rows("SELECT resource_id FROM audit_log WHERE action = 'password_reset'");
    assert_eq!(changed, [bob.to_string()]);

    house.ask(EMAIL, "192.0.2.5").await.unwrap();
    let hers = room.reset_token().await;
    house.change(&grant, PASSWORD, NEWER).await.unwrap();
    assert!(
        is_void(house.complete(&hers, NEW).await),
        "the password was changed meanwhile"
    );
}

/// Of two who use a link at once, one does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_used_once_on_two_daemons() {
    let (room, _) = Mailroom::open().await;
    let house = &room.house;
    house.ask(EMAIL, "192.0.2.5").await.unwrap();
    let link = room.reset_token().await;
    let other = house.second_daemon().await;
    let from = caller("192.0.2.9");
    let (new, newer) = (Secret::new(NEW.to_owned()), Secret::new(NEWER.to_owned()));
    let (one, two) = tokio::join!(
        house.identity.password_reset_complete(&link, &new, &from),
        other.password_reset_complete(&link, &newer, &from),
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
}

/// LM-11, whoever asks from wherever, and for addresses that nobody has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_mails_an_hour_and_no_word_about_it() {
    let (room, _) = Mailroom::open().await;
    let house = &room.house;
    for n in 0..6 {
        for email in ["Canary-ADA@acme.example", "nobody@acme.example"] {
            house.ask(email, &format!("192.0.2.{n}")).await.unwrap();
        }
        house.advance(TimeDelta::minutes(1));
        room.mails().await;
    }
    assert_eq!(room.mails().await.len(), 3);
    assert_eq!(
        house.rows("SELECT resource_id || count(*) || coalesce(code, '') FROM audit_log WHERE action = 'password_reset_ask' GROUP BY resource_id, code").len(),
        4,
        "three taken and three refused, of each"
    );
    house.advance(TimeDelta::hours(1));
    house.ask(EMAIL, "192.0.2.5").await.unwrap();
    assert_eq!(room.mails().await.len(), 4);
}

/// LR-10, CX-30: thirty of a network, where the site has chosen no other number.
#[tokio::test]
async fn one_network_cannot_ask_for_everybody() {
    let (house, _) = House::set_up().await;
    for n in 0..30 {
        house
            .ask(&format!("user{n}@acme.example"), "2001:db8:1:2::1")
            .await
            .unwrap();
    }
    let held = house.ask("user30@acme.example", "2001:db8:1:2::2").await;
    assert!(matches!(held, Err(IdentityError::RateLimited { .. })));
    assert!(
        house
            .ask("user30@acme.example", "2001:db8:1:3::2")
            .await
            .is_ok()
    );
}

/// LR-12: the same statements, no bcrypt, the same rows; only the job that sends looks for an account.
#[tokio::test]
async fn asking_for_an_unknown_address_costs_and_leaves_the_same() {
    statements::begin();
    let (house, _) = House::set_up().await;
    let name = house.bed.database.config().name;
    let cost = async |email: &str| {
        let before = (house.identity.passwords_worked(), statements::sent(&name));
        house.ask(email, "192.0.2.10").await.unwrap();
        let after = (house.identity.passwords_worked(), statements::sent(&name));
        (after.0 - before.0, after.1 - before.1)
    };
    cost("somebody@acme.example").await;
    for _ in 0..5 {
        let (known, unknown) = (cost(EMAIL).await, cost("nobody@acme.example").await);
        assert_eq!(known, unknown);
        assert!(known.0 == 0 && known.1 > 3, "{known:?}");
    }
    assert_eq!(
        house.rows("SELECT DISTINCT length(payload::text) FROM jobs WHERE kind = 'event.password_reset_asked'").len(),
        1
    );
}

/// Bob, with an account of his own in Ada's tenant, made by the rows that identity would write.
async fn person(house: &House, address: &str) -> UserId {
    let user = UserId::generate(&kernel::SystemClock);
    let owner = user.to_string();
    let binding = Binding {
        provider: "identity",
        owner: &owner,
        column: "users.email_sealed",
    };
    let sealed = house
        .bed
        .vault
        .seal(TenantId::PLATFORM, &binding, address.as_bytes())
        .await
        .unwrap();
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    house.ask(address, "192.0.2.200").await.unwrap();
    let account = house
        .rows("SELECT payload->>'account' FROM jobs WHERE kind = 'event.password_reset_asked' ORDER BY created_at DESC, job_id DESC LIMIT 1")
        .remove(0);
    house.bed.owner(&format!(
        "DELETE FROM jobs; \
         INSERT INTO users (user_id, email_hash, email_sealed, name, password_hash) SELECT '{0}', decode('{account}', 'hex'), decode('{1}', 'hex'), 'Bob', password_hash FROM users LIMIT 1; \
         INSERT INTO memberships (tenant_id, user_id, roles) SELECT tenant_id, '{0}', '{{member}}' FROM tenants LIMIT 1",
        user.uuid(),
        hex(&sealed.to_bytes()),
    ));
    user
}
