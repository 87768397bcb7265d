//! Mails about a person's own second factors and recovery codes (LR-15, CX-18), by a real SMTP
//! conversation. They go to the person alone and hold no secret; what was refused is told to nobody.

use chrono::TimeDelta;
use identity::{FactorAnswer, Grant, IdentityError, SignInStep};
use kernel::{Principal, Secret};

use crate::{
    console_desk::SITE,
    identity::{EMAIL, House, PASSWORD, caller},
    mailroom::Mailroom,
    passkeys::Device,
    phone::Phone,
};

const HOME: &str = "192.0.2.1";
const NEW: &str = "Walking-otters-9-quietly";

/// Adds an authenticator app. The recovery codes, when it is the first factor.
async fn add_app(house: &House, who: &Principal, phone: &Phone) -> Vec<String> {
    let setup = house.identity.totp_begin(who, None, &caller(HOME)).await;
    phone.add(setup.unwrap().secret.expose());
    let code = Secret::new(phone.code());
    let codes = house.identity.totp_confirm(who, &code).await.unwrap();
    let codes = codes.unwrap_or_default();
    codes.iter().map(|code| code.expose().clone()).collect()
}

async fn add_passkey(house: &House, who: &Principal) -> identity::OwnPasskey {
    let mut device = Device::new(b"laptop");
    let options = house.identity.passkey_begin(who, None, &caller(HOME)).await;
    let answer = device.create(&options.unwrap());
    let added = house.identity.passkey_add(who, "Laptop", answer).await;
    added.unwrap().0
}

async fn sign_in_by_code(house: &House, code: &str) -> Result<Grant, IdentityError> {
    let step = house.sign_in_step(EMAIL, PASSWORD, HOME).await.unwrap();
    let SignInStep::Factor(challenge) = step else {
        panic!("the password alone let somebody in")
    };
    let answer = FactorAnswer::Recovery(Secret::new(code.to_owned()));
    let cookie = challenge.cookie.expose();
    house
        .identity
        .sign_in_factor(cookie, answer, &caller(HOME))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_factor_that_comes_or_goes_is_told_to_its_person_and_a_refused_change_to_nobody() {
    let (room, grant) = Mailroom::open().await;
    let house = &room.house;
    house.identity.set_site(SITE);
    let phone = Phone::new(std::sync::Arc::clone(&house.bed.clock));
    let who = house.who(&grant).await.unwrap();

    let codes = add_app(house, &who, &phone).await;
    let wrong = Secret::new(phone.wrong_code());
    assert!(house.identity.totp_confirm(&who, &wrong).await.is_err());
    let passkey = add_passkey(house, &who).await;
    house.identity.totp_remove(&who).await.unwrap();
    assert!(house.identity.totp_remove(&who).await.is_err());
    let last = house.identity.passkey_remove(&who, passkey.id).await;
    assert!(matches!(last, Err(IdentityError::FactorRequired)));

    let mails = room.mails().await;
    let mut subjects = room.subjects().await;
    subjects.sort();
    assert_eq!(
        subjects,
        [
            "Revkeep: a passkey was added to your account",
            "Revkeep: an authenticator app was added to your account",
            "Revkeep: an authenticator app was removed from your account",
        ]
    );
    for mail in &mails {
        assert_eq!(mail.to, [EMAIL]);
        assert!(mail.data.contains("text/plain") && mail.data.contains("text/html"));
        assert!(mail.data.contains("/account/factors"), "{}", mail.data);
        assert!(codes.iter().all(|code| !mail.data.contains(code)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_used_recovery_code_is_told_and_the_last_ones_ask_for_new() {
    let (room, grant) = Mailroom::open().await;
    let house = &room.house;
    let phone = Phone::new(std::sync::Arc::clone(&house.bed.clock));
    let who = house.who(&grant).await.unwrap();
    let codes = add_app(house, &who, &phone).await;
    let told = async || {
        let all = room.subjects().await;
        let about_codes = |subject: &String| subject.contains("recovery code");
        all.into_iter().filter(about_codes).collect::<Vec<_>>()
    };
    assert!(told().await.is_empty());

    let used = sign_in_by_code(house, &codes[0]).await;
    assert!(used.is_ok());
    assert_eq!(told().await, ["Revkeep: a recovery code was used"]);
    assert!(sign_in_by_code(house, &codes[0]).await.is_err(), "void");
    assert_eq!(told().await.len(), 1, "a void code is no used one");

    for code in &codes[1..] {
        house.advance(TimeDelta::seconds(1));
        assert!(sign_in_by_code(house, code).await.is_ok());
        told().await;
    }
    let few: Vec<String> = told().await.split_off(5);
    assert_eq!(
        few,
        [
            "Revkeep: a recovery code was used, 2 are left",
            "Revkeep: a recovery code was used, one is left",
            "Revkeep: a recovery code was used, none is left",
        ]
    );
}

/// The act is done whether or not a mail can leave, and what tells of it waits in the same database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_codes_and_a_new_password_are_told_and_wait_for_no_mail_server() {
    let (room, grant) = Mailroom::open().await;
    let house = &room.house;
    let phone = Phone::new(std::sync::Arc::clone(&house.bed.clock));
    let who = house.who(&grant).await.unwrap();
    add_app(house, &who, &phone).await;
    let made = house.identity.recovery_codes_create(&who).await.unwrap();
    let (old, new) = (
        Secret::new(PASSWORD.to_owned()),
        Secret::new(NEW.to_owned()),
    );
    let changed = house
        .identity
        .password_change(&who, &old, &new, &caller(HOME))
        .await;
    changed.unwrap();
    assert_eq!(
        house.rows("SELECT count(*) FROM notices"),
        ["0"],
        "nothing was sent or waited for"
    );
    let kinds = "SELECT kind FROM jobs WHERE kind LIKE 'event.%' ORDER BY kind";
    let waiting = [
        "event.factor_added",
        "event.password_changed",
        "event.recovery_codes_made",
    ];
    assert_eq!(house.rows(kinds), waiting);
    let payloads = house.rows("SELECT payload::text FROM jobs").concat();
    assert!(made.iter().all(|code| !payloads.contains(code.expose())));

    let mut subjects = room.subjects().await;
    subjects.sort();
    assert_eq!(
        subjects,
        [
            "Revkeep: an authenticator app was added to your account",
            "Revkeep: you have new recovery codes",
            "Revkeep: your password was changed",
        ]
    );
}
