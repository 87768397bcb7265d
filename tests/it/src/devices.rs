//! A person's own sessions and devices: listed, ended, and told of when they are new; and the other
//! mails about an account (LR-07, LM-12).

use chrono::TimeDelta;
use identity::{Caller, Grant, IdentityError, SignIn, SignInStep};
use kernel::{Secret, SessionId, UserId};

use crate::{
    identity::{EMAIL, House, PASSWORD, WRONG, caller, is_revoked, token},
    mailroom::Mailroom,
};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

async fn sign_in_with(house: &House, from: &str, agent: &str) -> Grant {
    let input = SignIn {
        email: EMAIL.to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
        tenant: None,
    };
    let caller = Caller {
        user_agent: agent.to_owned(),
        ..caller(from)
    };
    match house.identity.sign_in(input, &caller).await.unwrap() {
        SignInStep::Done(grant) => *grant,
        SignInStep::Factor(_) => panic!("a factor is asked for"),
    }
}

#[tokio::test]
async fn sessions_are_listed_with_their_devices_and_ended_one_by_one() {
    let (house, grant) = House::set_up().await;
    let other = sign_in_with(&house, "203.0.113.7", FIREFOX).await;
    let who = house.who(&grant).await.unwrap();
    let list = house.identity.session_list(&who).await.unwrap();
    assert_eq!(list.len(), 2);
    let theirs = list.iter().find(|item| !item.current).unwrap();
    assert_eq!(theirs.address.as_deref(), Some("203.0.113.7"));
    let device = theirs.device.clone().unwrap();
    assert_eq!(
        (device.browser.as_str(), device.system.as_str()),
        ("Firefox", "Linux")
    );
    assert_eq!(theirs.client, "web");
    assert_eq!(theirs.tenant.as_ref().unwrap().name, "Acme");

    house
        .identity
        .session_revoke(&who, theirs.id)
        .await
        .unwrap();
    assert!(matches!(
        house.who(&other).await,
        Err(IdentityError::SessionRevoked)
    ));
    assert!(is_revoked(house.refresh(&token(&other)).await));
    let again = house.identity.session_revoke(&who, theirs.id).await;
    assert!(matches!(again, Err(IdentityError::UnknownSession)));
    assert_eq!(house.identity.session_list(&who).await.unwrap().len(), 1);

    let third = sign_in_with(&house, "203.0.113.8", FIREFOX).await;
    assert_eq!(house.identity.session_revoke_others(&who).await.unwrap(), 1);
    assert!(house.who(&third).await.is_err() && house.who(&grant).await.is_ok());
    house.advance(TimeDelta::minutes(59));
    house.refresh(&token(&grant)).await.unwrap();
    assert_eq!(
        house.rows("SELECT count(*) FROM audit_log WHERE action = 'session_revoke'"),
        ["2"]
    );
}

/// Whoever finds a session open cannot lock its owner out of the others: who has a factor proves it.
#[tokio::test]
async fn a_factor_is_proven_before_sessions_are_ended() {
    let (house, grant) = House::set_up().await;
    let other = sign_in_with(&house, "203.0.113.7", FIREFOX).await;
    house.bed.owner(&format!(
        "INSERT INTO totp_factors (user_id, secret_sealed, created_at, confirmed_at) VALUES ('{}', '\\x00', now(), now())",
        grant.view.user.uuid()
    ));
    let who = house.who(&grant).await.unwrap();
    let list = house.identity.session_list(&who).await.unwrap();
    let theirs = list.iter().find(|item| !item.current).unwrap().id;
    for refused in [
        house.identity.session_revoke(&who, theirs).await,
        house.identity.session_revoke_others(&who).await.map(drop),
    ] {
        assert!(matches!(refused, Err(IdentityError::FreshFactorRequired)));
    }
    assert!(house.who(&other).await.is_ok());
}

/// Another person's session cannot be ended, seen or asked about, and nothing tells that it exists.
#[tokio::test]
async fn a_strangers_session_is_unknown() {
    let (house, grant) = House::set_up().await;
    let stranger = UserId::generate(&kernel::SystemClock);
    let session = SessionId::generate(&kernel::SystemClock);
    house.bed.owner(&format!(
        "INSERT INTO users (user_id, email_hash, email_sealed, name) VALUES ('{0}', '\\x01', '\\x00', 'Eve'); \
         INSERT INTO sessions (session_id, user_id, tenant_id, created_at, expires_at, last_used_at) \
         SELECT '{1}', '{0}', tenant_id, now(), now() + interval '1 day', now() FROM tenants LIMIT 1",
        stranger.uuid(),
        session.uuid()
    ));
    let who = house.who(&grant).await.unwrap();
    let refused = house.identity.session_revoke(&who, session).await;
    assert!(matches!(refused, Err(IdentityError::UnknownSession)));
    assert_eq!(house.identity.session_revoke_others(&who).await.unwrap(), 0);
    let list = house.identity.session_list(&who).await.unwrap();
    assert!(list.iter().all(|item| item.id != session));
    let me = who.user().unwrap();
    assert!(
        house
            .identity
            .session_origin(me, session)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        house.rows(&format!(
            "SELECT ended_at IS NULL FROM sessions WHERE session_id = '{}'",
            session.uuid()
        )),
        ["true"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_device_is_told_once_and_a_known_one_never() {
    let (room, _) = Mailroom::open().await;
    let house = &room.house;
    sign_in_with(house, "192.0.2.1", "canary-agent/1.0").await;
    assert!(room.mails().await.is_empty(), "the first device, and again");
    sign_in_with(house, "203.0.113.7", FIREFOX).await;
    let mails = room.mails().await;
    assert_eq!(mails.len(), 1);
    let text = mails[0].data.replace("=\r\n", "").replace("=\n", "");
    for part in ["new device", "Firefox on Linux", "address 203.0.113.7"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    sign_in_with(house, "203.0.113.7", &FIREFOX.replace("140.0", "141.0")).await;
    assert_eq!(room.mails().await.len(), 1, "an update is no news");
    let rows = house.rows("SELECT t::text FROM known_devices t").concat();
    assert!(
        !rows.contains("Firefox") && !rows.contains("203.0.113"),
        "{rows}"
    );
}

/// LM-12: audited, and told to whom it happens; an address that nobody has leaves the same job and no
/// mail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lockout_is_told_to_the_accounts_owner() {
    let (room, _) = Mailroom::open().await;
    let house = &room.house;
    for email in [EMAIL, "nobody@acme.example"] {
        for _ in 0..5 {
            let _ = house.sign_in(email, WRONG, "192.0.2.66").await;
        }
    }
    assert_eq!(
        house.rows("SELECT count(*) FROM jobs WHERE kind = 'event.account_locked'"),
        ["2"]
    );
    assert_eq!(
        room.subjects().await,
        ["Revkeep: sign-in to your account was locked for 15 minutes"]
    );
    assert_eq!(
        house.rows(
            "SELECT count(*) FROM audit_log WHERE action = 'sign_in_refuse' AND code = 'locked_out'"
        ),
        ["2"]
    );
}

/// LR-07: told, whichever tenant the session was in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_theft_is_told_to_its_victim() {
    let (room, grant) = Mailroom::open().await;
    let house = &room.house;
    house.refresh(&token(&grant)).await.unwrap();
    house.advance(TimeDelta::seconds(31));
    assert!(is_revoked(house.refresh(&token(&grant)).await));
    assert_eq!(
        room.subjects().await,
        ["Revkeep: all your sessions were ended"]
    );
}

/// Who was deactivated is told nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deactivated_person_gets_no_mail_and_no_link() {
    let (room, _) = Mailroom::open().await;
    let house = &room.house;
    house.bed.owner("UPDATE users SET state = 'deactivated'");
    house
        .identity
        .password_reset_ask(EMAIL, &caller("192.0.2.5"))
        .await
        .unwrap();
    assert!(room.mails().await.is_empty());
    assert_eq!(house.rows("SELECT count(*) FROM reset_links"), ["0"]);
}
