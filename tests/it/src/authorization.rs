//! Sessions of a person's own programs by authorization code (RFC 6749 section 4.1, RFC 7636, RFC 8252,
//! RFC 9207): what a program gets, and what is tried with a code that is another's, stolen or old.

use chrono::TimeDelta;
use identity::{AuthorizationRequest, Caller, CodeExchange, Grant, IdentityError, Refusal};
use kernel::{Principal, Secret};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::{
    console_desk::Desk,
    identity::{House, caller, is_revoked, token},
};

const ISSUER: &str = "https://revkeep.example";
const REDIRECT: &str = "http://127.0.0.1:49152/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn program() -> Caller {
    Caller {
        user_agent: String::from("revkeep-cli/1.0 (Linux)"),
        ..caller("198.51.100.7")
    }
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: String::from("revkeep-cli"),
        redirect_uri: String::from(REDIRECT),
        response_type: String::from("code"),
        code_challenge: String::from(CHALLENGE),
        code_challenge_method: String::from("S256"),
        state: String::from("af0ifjsldkj"),
    }
}

/// What stands in the address that a browser is sent to.
fn carried(address: &str, name: &str) -> Option<String> {
    let address = Url::parse(address).unwrap();
    let mut pairs = address.query_pairs();
    let found = pairs.find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

impl House {
    /// The person approves; the code that the browser carries.
    async fn approved(&self, who: &Principal) -> String {
        let asked = request();
        let address = self.identity.authorization_approve(who, &asked, ISSUER);
        carried(address.await.unwrap().expose(), "code").unwrap()
    }

    async fn exchange(&self, presented: CodeExchange) -> Result<Grant, IdentityError> {
        self.identity
            .authorization_exchange(presented, &program())
            .await
    }
}

/// What the right program presents.
fn right(code: &str) -> CodeExchange {
    CodeExchange {
        code: Secret::new(code.to_owned()),
        client_id: String::from("revkeep-cli"),
        redirect_uri: String::from(REDIRECT),
        verifier: Secret::new(VERIFIER.to_owned()),
    }
}

fn is_refused(result: &Result<Grant, IdentityError>) -> bool {
    matches!(result, Err(IdentityError::DeviceGrant("invalid_grant")))
}

#[tokio::test]
async fn an_approved_program_gets_one_session_of_thirty_minutes_like_by_device_code() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let shown = house.identity.authorization_show(&request());
    assert_eq!(shown.unwrap(), "Revkeep command line");
    let address = house
        .identity
        .authorization_approve(&who, &request(), ISSUER)
        .await
        .unwrap();
    let address = address.expose();
    assert!(address.starts_with(&format!("{REDIRECT}?")), "{address}");
    assert_eq!(carried(address, "state").unwrap(), "af0ifjsldkj");
    assert_eq!(carried(address, "iss").unwrap(), ISSUER);
    let code = carried(address, "code").unwrap();
    assert_eq!(code.len(), 43, "256 bits");
    let rows = house
        .rows("SELECT c::text FROM authorization_codes c UNION ALL SELECT l::text FROM audit_log l")
        .concat();
    let hex: String = code.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(
        rows.contains(CHALLENGE) && !rows.contains(&code) && !rows.contains(&hex),
        "hashed at rest"
    );

    let session = house.exchange(right(&code)).await.unwrap();
    assert_eq!(session.expires_in.as_secs(), 1_800);
    let seen = house.who(&session).await.unwrap();
    assert_eq!((seen.user(), seen.tenant), (who.user(), who.tenant));
    let list = house.identity.session_list(&seen).await.unwrap();
    let listed = list.iter().find(|item| item.current).unwrap();
    assert_eq!(listed.client, "command_line");
    assert_eq!(listed.device.as_ref().unwrap().browser, "revkeep-cli");
    let renewed = house
        .identity
        .client_refresh(&token(&session), &program())
        .await;
    assert_eq!(renewed.unwrap().expires_in.as_secs(), 1_800);
    assert!(
        is_revoked(house.refresh(&token(&session)).await),
        "no browser's token comes of it"
    );
    assert_eq!(
        house.rows(
            "SELECT action || ' ' || outcome FROM audit_log WHERE action LIKE 'authorization%'"
        ),
        ["authorization_approve done"]
    );
}

/// Who has taken a program's token has no further programs let in with it.
#[tokio::test]
async fn a_program_lets_no_other_program_in() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let code = house.approved(&who).await;
    let session = house.exchange(right(&code)).await.unwrap();
    let as_program = house.who(&session).await.unwrap();
    let by_browser = house
        .identity
        .authorization_approve(&as_program, &request(), ISSUER)
        .await;
    let refused =
        |error: &IdentityError| matches!(error, IdentityError::Refused(Refusal::ProgramSession));
    assert!(by_browser.is_err_and(|error| refused(&error)));
    let asked = house.identity.device_grant_ask(&program()).await.unwrap();
    let by_code = house
        .identity
        .device_grant_approve(&as_program, &asked.user_code)
        .await;
    assert!(by_code.is_err_and(|error| refused(&error)));
    let approved = house
        .identity
        .device_grant_approve(&who, &asked.user_code)
        .await;
    assert!(approved.is_ok(), "the question still waits for its person");
}

/// RFC 6749 section 4.1.2: whoever presents a code again ends what was made from it.
#[tokio::test]
async fn a_code_that_comes_back_ends_the_session_that_was_made_from_it() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let code = house.approved(&who).await;
    let session = house.exchange(right(&code)).await.unwrap();
    assert!(house.who(&session).await.is_ok());
    let thief = CodeExchange {
        verifier: Secret::new("x".repeat(43)),
        ..right(&code)
    };
    assert!(is_refused(&house.exchange(thief).await));
    assert!(house.who(&session).await.is_err(), "at once");
    let renewed = house
        .identity
        .client_refresh(&token(&session), &program())
        .await;
    assert!(is_revoked(renewed));
    assert!(
        house.who(&grant).await.is_ok(),
        "the browser's session is another"
    );
    assert!(is_refused(&house.exchange(right(&code)).await));
    assert_eq!(
        house.rows("SELECT count(*) FROM audit_log WHERE action = 'authorization_replay'"),
        ["1"]
    );
    // A day later it is still known as used.
    let code = house.approved(&who).await;
    let session = house.exchange(right(&code)).await.unwrap();
    house.advance(TimeDelta::minutes(50));
    let session = house
        .identity
        .client_refresh(&token(&session), &program())
        .await
        .unwrap();
    assert!(is_refused(&house.exchange(right(&code)).await));
    assert!(house.who(&session).await.is_err());
}

#[tokio::test]
async fn of_two_who_present_a_code_at_once_none_keeps_a_session() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let code = house.approved(&who).await;
    let other = house.second_daemon().await;
    let caller = program();
    let (one, two) = tokio::join!(
        house.exchange(right(&code)),
        other.authorization_exchange(right(&code), &caller),
    );
    assert!(one.is_ok() != two.is_ok(), "one of them is too late");
    assert_eq!(
        house.rows(
            "SELECT count(*) FROM sessions WHERE client = 'command_line' AND ended_at IS NULL"
        ),
        ["0"]
    );
}

/// Code injection, another program's code, a code sent elsewhere: what does not fit gets nothing, and the
/// right program gets nothing any more either.
#[tokio::test]
async fn what_does_not_fit_a_code_voids_it() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    type Attack = fn(&mut CodeExchange);
    let attacks: [(&str, Attack); 7] = [
        ("another verifier", |code| {
            code.verifier = Secret::new("x".repeat(43));
        }),
        (
            "the challenge as verifier, as the method plain would have it",
            |code| {
                code.verifier = Secret::new(CHALLENGE.to_owned());
            },
        ),
        ("no verifier", |code| {
            code.verifier = Secret::new(String::new());
        }),
        ("another program's", |code| {
            code.client_id = String::from("revkeep-mobile");
        }),
        ("no program's", |code| code.client_id.clear()),
        ("another port", |code| {
            code.redirect_uri = REDIRECT.replace("49152", "49153");
        }),
        ("no address", |code| code.redirect_uri.clear()),
    ];
    for (what, change) in attacks {
        let code = house.approved(&who).await;
        let mut presented = right(&code);
        change(&mut presented);
        assert!(is_refused(&house.exchange(presented).await), "{what}");
        assert!(
            is_refused(&house.exchange(right(&code)).await),
            "{what}: void"
        );
    }
    assert_eq!(
        house.rows("SELECT count(*) FROM sessions WHERE client = 'command_line'"),
        ["0"]
    );
    assert_eq!(
        house.rows("SELECT code || count(*) FROM audit_log WHERE action = 'authorization_refuse' GROUP BY code"),
        ["invalid_grant7"]
    );
    for forged in ["", "x", &"A".repeat(43), "' OR true --"] {
        assert!(is_refused(&house.exchange(right(forged)).await), "{forged}");
    }
}

#[tokio::test]
async fn a_code_lives_a_minute_and_serves_nobody_who_left() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let code = house.approved(&who).await;
    house.advance(TimeDelta::seconds(59));
    assert!(house.exchange(right(&code)).await.is_ok());
    let late = house.approved(&who).await;
    house.advance(TimeDelta::seconds(60));
    assert!(is_refused(&house.exchange(right(&late)).await));
    let gone = house.approved(&who).await;
    house.bed.owner("UPDATE users SET state = 'deactivated'");
    assert!(house.exchange(right(&gone)).await.is_err());
}

/// What a page that an attacker made may ask for: nothing of it is put before a person, or approved.
#[tokio::test]
async fn a_request_that_is_not_as_it_must_be_is_neither_shown_nor_approved() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    type Change = fn(&mut AuthorizationRequest);
    let attacks: [(&str, Change); 11] = [
        ("client_unknown", |ask| ask.client_id = String::from("evil")),
        ("redirect_not_own", |ask| {
            ask.redirect_uri = String::from("https://evil.example/callback");
        }),
        ("redirect_not_own", |ask| {
            ask.redirect_uri = String::from("http://127.0.0.1:49152/other");
        }),
        ("redirect_not_own", |ask| {
            ask.redirect_uri = String::from("http://127.0.0.1:49152@evil.example/callback");
        }),
        ("redirect_not_own", |ask| ask.redirect_uri.clear()),
        ("response_not_code", |ask| {
            ask.response_type = String::from("token");
        }),
        ("challenge_not_s256", |ask| {
            ask.code_challenge_method = String::from("plain");
        }),
        ("challenge_not_s256", |ask| {
            ask.code_challenge_method.clear()
        }),
        ("challenge_invalid", |ask| ask.code_challenge.clear()),
        ("state_invalid", |ask| ask.state.clear()),
        ("state_invalid", |ask| ask.state = String::from("a\r\nb")),
    ];
    for (expected, change) in attacks {
        let mut asked = request();
        change(&mut asked);
        let shown = house.identity.authorization_show(&asked).map(drop);
        let approved = house
            .identity
            .authorization_approve(&who, &asked, ISSUER)
            .await
            .map(drop);
        let denied = house
            .identity
            .authorization_deny(&who, &asked, ISSUER)
            .await
            .map(drop);
        for refused in [shown, approved, denied] {
            let Err(IdentityError::Input { code, .. }) = refused else {
                panic!("{expected}: {refused:?}")
            };
            assert_eq!(code, expected);
        }
    }
    assert_eq!(
        house.rows("SELECT count(*) FROM authorization_codes"),
        ["0"]
    );
}

/// Over the wire: the page's calls, and the token endpoint as RFC 6749 writes it.
#[tokio::test]
async fn a_program_is_approved_in_the_console_and_served_at_the_token_endpoint() {
    let desk = Desk::open().await;
    let asked = json!({
        "client_id": "revkeep-cli", "redirect_uri": REDIRECT, "response_type": "code",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": "s t".replace(' ', "-"),
    });
    let shown = desk.post("/me/authorizations/look", asked.clone()).await;
    assert_eq!(shown["client"], "Revkeep command line");
    let denied = desk.post("/me/authorizations/deny", asked.clone()).await;
    let denied = denied["redirect_to"].as_str().unwrap().to_owned();
    assert_eq!(carried(&denied, "error").unwrap(), "access_denied");
    assert_eq!(carried(&denied, "iss").unwrap(), ISSUER);
    let approved = desk.post("/me/authorizations", asked.clone()).await;
    let code = carried(approved["redirect_to"].as_str().unwrap(), "code").unwrap();

    let form = async |body: &str| {
        let answer = desk.form("/oauth/token", body).await;
        assert_eq!(answer.headers().get("cache-control").unwrap(), "no-store");
        assert!(answer.headers().get("set-cookie").is_none());
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap())
    };
    let redirect = "http%3A%2F%2F127.0.0.1%3A49152%2Fcallback";
    let body = |code: &str| {
        format!(
            "grant_type=authorization_code&client_id=revkeep-cli&code={code}&redirect_uri={redirect}&code_verifier={VERIFIER}"
        )
    };
    let whole = body(&code);
    for (left_out, error) in [
        ("client_id=revkeep-cli&", "invalid_request"),
        (
            "&redirect_uri=http%3A%2F%2F127.0.0.1%3A49152%2Fcallback",
            "invalid_request",
        ),
        (
            "&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "invalid_request",
        ),
    ] {
        let (status, refused) = form(&whole.replace(left_out, "")).await;
        assert_eq!(
            (status, refused["error"].as_str()),
            (400, Some(error)),
            "{left_out}"
        );
    }
    let (status, session) = form(&whole).await;
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
    assert_eq!(seen.status().as_u16(), 200);
    let again = form(&whole).await;
    assert_eq!(
        (again.0, again.1["error"].as_str()),
        (400, Some("invalid_grant"))
    );
    let seen = desk.send(Method::GET, "/overview", None, held).await;
    assert_eq!(seen.status().as_u16(), 401, "a replay ended it");

    // A program's own session approves no other: what it may do takes no fresh factor.
    let approved = desk.post("/me/authorizations", asked.clone()).await;
    let code = carried(approved["redirect_to"].as_str().unwrap(), "code").unwrap();
    let (_, session) = form(&body(&code)).await;
    let held = session["access_token"].as_str();
    let chained = desk
        .send(Method::POST, "/me/authorizations", Some(&asked), held)
        .await;
    assert_eq!(chained.status().as_u16(), 403);
    desk.running.stop().await;
}
