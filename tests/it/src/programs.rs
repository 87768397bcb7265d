//! Sessions of a person's own programs (RFC 8628, CX-01): who may approve what, how fast a program may
//! ask, and that nothing works twice.

use chrono::TimeDelta;
use identity::{Caller, DeviceGrant, Grant, IdentityError};
use kernel::Principal;
use reqwest::Method;
use serde_json::Value;

use crate::{
    console_desk::Desk,
    identity::{House, caller, is_revoked, token},
};

impl House {
    async fn ask_as_program(&self) -> DeviceGrant {
        self.identity.device_grant_ask(&program()).await.unwrap()
    }

    async fn poll(&self, grant: &DeviceGrant) -> Result<Grant, IdentityError> {
        self.identity
            .device_grant_poll(grant.device_code.expose(), &program())
            .await
    }

    async fn approve(&self, who: &Principal, code: &str) -> Result<(), IdentityError> {
        self.identity.device_grant_approve(who, code).await
    }
}

fn program() -> Caller {
    Caller {
        user_agent: String::from("revkeep-cli/1.0 (Linux)"),
        ..caller("198.51.100.7")
    }
}

fn answer(result: Result<Grant, IdentityError>) -> &'static str {
    match result {
        Ok(_) => "session",
        Err(IdentityError::DeviceGrant(code)) => code,
        Err(_) => "other",
    }
}

#[tokio::test]
async fn an_approved_program_gets_one_session_of_thirty_minutes_that_rotates_and_ends() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let asked = house.ask_as_program().await;
    assert_eq!(answer(house.poll(&asked).await), "authorization_pending");
    house
        .approve(&who, &asked.user_code.to_lowercase())
        .await
        .unwrap();
    house.advance(TimeDelta::seconds(5));
    let session = house.poll(&asked).await.unwrap();
    assert_eq!(session.expires_in.as_secs(), 1_800);
    assert_eq!(answer(house.poll(&asked).await), "invalid_grant", "one use");
    let seen = house.who(&session).await.unwrap();
    assert_eq!((seen.user(), seen.tenant), (who.user(), who.tenant));

    house.advance(TimeDelta::minutes(29));
    let renewed = house
        .identity
        .client_refresh(&token(&session), &program())
        .await
        .unwrap();
    assert_eq!(renewed.expires_in.as_secs(), 1_800);
    let list = house.identity.session_list(&seen).await.unwrap();
    let listed = list.iter().find(|item| item.current).unwrap();
    assert_eq!(listed.client, "command_line");
    assert_eq!(listed.device.as_ref().unwrap().browser, "revkeep-cli");
    house.advance(TimeDelta::seconds(31));
    assert!(
        is_revoked(
            house
                .identity
                .client_refresh(&token(&session), &program())
                .await
        ),
        "theft"
    );
    assert!(is_revoked(
        house
            .identity
            .client_refresh(&token(&renewed), &program())
            .await
    ));
    assert!(
        is_revoked(house.refresh(&token(&grant)).await),
        "the browser's session as well"
    );
}

/// CX-01: the cap holds for programs too, however busy they are.
#[tokio::test]
async fn no_program_outlives_seven_days() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let asked = house.ask_as_program().await;
    house.approve(&who, &asked.user_code).await.unwrap();
    let mut current = token(&house.poll(&asked).await.unwrap());
    for _ in 0..7 * 24 - 1 {
        house.advance(TimeDelta::minutes(59));
        current = token(
            &house
                .identity
                .client_refresh(&current, &program())
                .await
                .unwrap(),
        );
    }
    house.advance(TimeDelta::hours(4));
    let over = house.identity.client_refresh(&current, &program()).await;
    assert!(matches!(over, Err(IdentityError::SessionExpired)));
}

/// A browser's token is no program's and the other way round, so neither can be laundered.
#[tokio::test]
async fn a_token_is_taken_where_it_was_given_alone() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let asked = house.ask_as_program().await;
    house.approve(&who, &asked.user_code).await.unwrap();
    let session = house.poll(&asked).await.unwrap();
    assert!(is_revoked(house.refresh(&token(&session)).await));
    assert!(is_revoked(
        house
            .identity
            .client_refresh(&token(&grant), &program())
            .await
    ));
    assert!(
        house.refresh(&token(&grant)).await.is_ok(),
        "and nothing was ended"
    );
    assert!(
        house
            .identity
            .client_refresh(&token(&session), &program())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn what_was_denied_ran_out_or_was_never_given_opens_nothing() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let denied = house.ask_as_program().await;
    house
        .identity
        .device_grant_deny(&who, &denied.user_code)
        .await
        .unwrap();
    assert_eq!(answer(house.poll(&denied).await), "access_denied");
    assert!(
        house.approve(&who, &denied.user_code).await.is_err(),
        "not any more"
    );

    let old = house.ask_as_program().await;
    house.advance(TimeDelta::minutes(10));
    assert!(matches!(
        house.approve(&who, &old.user_code).await,
        Err(IdentityError::UnknownDeviceRequest)
    ));
    assert_eq!(answer(house.poll(&old).await), "expired_token");

    let late = house.ask_as_program().await;
    house.approve(&who, &late.user_code).await.unwrap();
    house.advance(TimeDelta::minutes(10));
    assert_eq!(
        answer(house.poll(&late).await),
        "expired_token",
        "approved, and not fetched in time"
    );
    for forged in ["", "x", &"A".repeat(43), late.user_code.as_str()] {
        let polled = house.identity.device_grant_poll(forged, &program()).await;
        assert_eq!(answer(polled), "invalid_grant");
    }
}

/// RFC 8628 section 5.1: a code that is typed is not found by trying, from however many addresses.
#[tokio::test]
async fn guessing_codes_ends_after_five() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let asked = house.ask_as_program().await;
    for guess in ["BBBB-BBBB", "CCCC-CCCC", "DDDD-DDDD", "FFFF-FFFF", ""] {
        let refused = house.identity.device_grant_show(&who, guess).await;
        assert!(matches!(refused, Err(IdentityError::UnknownDeviceRequest)));
    }
    let held = house.approve(&who, &asked.user_code).await;
    assert!(
        matches!(held, Err(IdentityError::RateLimited { .. })),
        "even the right one"
    );
    assert_eq!(
        house.rows("SELECT code || count(*) FROM audit_log WHERE action = 'device_grant_approve' GROUP BY code ORDER BY code"),
        ["device_request_unknown4", "locked_out1"]
    );
    house.advance(TimeDelta::seconds(5));
    assert_eq!(answer(house.poll(&asked).await), "authorization_pending");
}

#[tokio::test]
async fn a_program_that_asks_too_often_is_slowed_down() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let asked = house.ask_as_program().await;
    assert_eq!(answer(house.poll(&asked).await), "authorization_pending");
    house.advance(TimeDelta::seconds(4));
    assert_eq!(answer(house.poll(&asked).await), "slow_down");
    house.advance(TimeDelta::seconds(5));
    assert_eq!(
        answer(house.poll(&asked).await),
        "slow_down",
        "ten seconds now"
    );
    house.advance(TimeDelta::seconds(15));
    assert_eq!(answer(house.poll(&asked).await), "authorization_pending");
    house.approve(&who, &asked.user_code).await.unwrap();
    assert_eq!(answer(house.poll(&asked).await), "session");
    for _ in 0..19 {
        house.ask_as_program().await;
    }
    let held = house.identity.device_grant_ask(&program()).await;
    assert!(
        matches!(held, Err(IdentityError::RateLimited { .. })),
        "twenty codes of one network"
    );
}

/// The attacker sends their own code: the victim sees who asks and from where, looking approves
/// nothing, and whoever left gets nothing.
#[tokio::test]
async fn looking_at_a_strangers_code_approves_nothing() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let asked = house.ask_as_program().await;
    let shown = house
        .identity
        .device_grant_show(&who, &asked.user_code)
        .await
        .unwrap();
    assert_eq!(shown.address.as_deref(), Some("198.51.100.7"));
    assert_eq!(shown.client, "revkeep-cli/1.0 (Linux)");
    assert_eq!(answer(house.poll(&asked).await), "authorization_pending");
    let rows = house.rows("SELECT t::text FROM device_grants t").concat();
    for secret in [
        "revkeep-cli",
        "198.51.100.7",
        asked.device_code.expose(),
        asked.user_code.as_str(),
    ] {
        assert!(!rows.contains(secret), "{secret}");
    }
    house.approve(&who, &asked.user_code).await.unwrap();
    house.bed.owner("UPDATE users SET state = 'deactivated'");
    house.advance(TimeDelta::seconds(5));
    assert!(house.poll(&asked).await.is_err());
    assert_eq!(
        house.rows("SELECT count(*) FROM sessions WHERE client = 'command_line'"),
        ["0"]
    );
}

/// Over the wire, as RFC 8628 and RFC 6749 write it.
#[tokio::test]
async fn a_program_speaks_forms_and_gets_the_names_of_the_standards() {
    let desk = Desk::open().await;
    let form = async |path: &str, body: &str| {
        let answer = desk.form(path, body).await;
        let status = answer.status().as_u16();
        let uncached = answer.headers().get("cache-control").unwrap() == "no-store";
        assert!(uncached, "{path}");
        assert!(answer.headers().get("set-cookie").is_none());
        (status, answer.json::<Value>().await.unwrap())
    };
    let (status, refused) = form("/oauth/device_authorization", "client_id=other").await;
    assert_eq!(
        (status, refused["error"].as_str()),
        (401, Some("invalid_client"))
    );
    let (status, asked) = form(
        "/oauth/device_authorization",
        "client_id=revkeep-cli&scope=x",
    )
    .await;
    assert_eq!(
        (
            status,
            asked["expires_in"].as_u64(),
            asked["interval"].as_u64()
        ),
        (200, Some(600), Some(5))
    );
    assert_eq!(asked["verification_uri"], "https://revkeep.example/device");
    let code = asked["device_code"].as_str().unwrap();
    let poll = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=revkeep-cli&device_code={code}"
    );
    let (status, pending) = form("/oauth/token", &poll).await;
    assert_eq!(
        (status, pending["error"].as_str()),
        (400, Some("authorization_pending"))
    );

    let path = format!(
        "/me/device-requests/{}",
        asked["user_code"].as_str().unwrap()
    );
    assert_eq!(desk.get(&path).await["address"], "127.0.0.1");
    let (status, _) = desk
        .call(Method::POST, &format!("{path}/approve"), None)
        .await;
    assert_eq!(status, 204);
    desk.house.bed.clock.advance(TimeDelta::seconds(5));
    let (status, session) = form("/oauth/token", &poll).await;
    assert_eq!(
        (
            status,
            session["token_type"].as_str(),
            session["expires_in"].as_u64()
        ),
        (200, Some("Bearer"), Some(1_800))
    );
    let held = session["access_token"].as_str();
    let seen = desk.send(Method::GET, "/overview", None, held).await;
    assert_eq!(
        seen.status().as_u16(),
        200,
        "an admin's program does what they may do"
    );
    let rotate = "/platform/signing-keys/rotate";
    let rotated = desk.send(Method::POST, rotate, None, held).await;
    assert_eq!(
        rotated.status().as_u16(),
        403,
        "and nothing that takes a fresh factor"
    );
    let refresh = format!(
        "grant_type=refresh_token&refresh_token={}",
        session["refresh_token"].as_str().unwrap()
    );
    assert_eq!(form("/oauth/token", &refresh).await.0, 200);
    for (body, error) in [
        ("", "invalid_request"),
        (
            "grant_type=password&username=a&password=b",
            "unsupported_grant_type",
        ),
        ("grant_type=refresh_token", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=x", "invalid_grant"),
        (poll.as_str(), "invalid_grant"),
    ] {
        let (status, refused) = form("/oauth/token", body).await;
        assert_eq!(
            (status, refused["error"].as_str()),
            (400, Some(error)),
            "{body}"
        );
    }
    desk.running.stop().await;
}
