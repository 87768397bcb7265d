//! What is tried.

use chrono::TimeDelta;
use identity::oauth::{ClientCode, ClientRenewal, ConsentRequest, NewClient};
use kernel::{
    Role, Secret,
    port::{KeyRefusal, TokenCheck},
};

use super::{
    CHALLENGE, House, ISSUER, REDIRECT, RESOURCE, WEB, client, program, refused_as, renewal,
    request, right,
};

/// What a page that an attacker made may ask for: nothing of it is put before a person, approved or answered.
#[tokio::test]
async fn a_request_that_is_not_as_it_must_be_is_neither_shown_nor_approved_nor_answered() {
    let house = House::open().await;
    let ada = house.company.ada.clone();
    type Change = fn(&mut ConsentRequest);
    let attacks: [(&str, Change); 20] = [
        ("client_not_here", |ask| ask.client_id.clear()),
        ("client_not_here", |ask| {
            ask.client_id = format!("client_{}", "0".repeat(32))
        }),
        ("client_not_here", |ask| {
            ask.client_id = String::from("revkeep-cli")
        }),
        ("client_not_here", |ask| {
            ask.client_id = String::from("https://evil.example/client.json")
        }),
        ("redirect_not_registered", |ask| {
            ask.redirect_uri = String::from("https://evil.example/callback")
        }),
        ("redirect_not_registered", |ask| {
            ask.redirect_uri = format!("{WEB}/x")
        }),
        ("redirect_not_registered", |ask| {
            ask.redirect_uri = format!("{WEB}?x=1")
        }),
        ("redirect_not_registered", |ask| {
            ask.redirect_uri = WEB.replace("https", "http")
        }),
        ("redirect_not_registered", |ask| {
            ask.redirect_uri = REDIRECT.replace("127.0.0.1", "localhost")
        }),
        ("redirect_not_registered", |ask| {
            ask.redirect_uri = REDIRECT.replace("127.0.0.1:49152", "127.0.0.1:1@evil.example")
        }),
        ("redirect_not_registered", |ask| ask.redirect_uri.clear()),
        ("response_not_code", |ask| {
            ask.response_type = String::from("token")
        }),
        ("challenge_not_s256", |ask| {
            ask.code_challenge_method = String::from("plain")
        }),
        ("challenge_not_s256", |ask| {
            ask.code_challenge_method.clear()
        }),
        ("challenge_invalid", |ask| ask.code_challenge.clear()),
        ("state_invalid", |ask| ask.state = String::from("a\r\nb")),
        ("resource_unknown", |ask| ask.resource.clear()),
        ("resource_unknown", |ask| {
            ask.resource = String::from("https://other.example/mcp")
        }),
        ("resource_unknown", |ask| {
            ask.resource = format!("{RESOURCE}/")
        }),
        ("scope_not_allowed", |ask| {
            ask.scope = String::from("records:search records:write")
        }),
    ];
    for (expected, change) in attacks {
        let mut asked = request(&house.client);
        change(&mut asked);
        let identity = house.identity();
        let shown = identity.consent_show(&ada, &asked, ISSUER).await;
        assert_eq!(refused_as(shown), expected, "{asked:?}");
        let approved = identity.consent_approve(&ada, &asked, ISSUER).await;
        assert_eq!(refused_as(approved), expected);
        let denied = identity.consent_deny(&ada, &asked, ISSUER).await;
        assert_eq!(refused_as(denied), expected);
    }
    assert_eq!(
        house
            .company
            .house
            .rows("SELECT count(*) FROM oauth_grants"),
        ["0"]
    );
}

/// Code injection, another program's code, a code sent elsewhere: what does not fit gets nothing, and the right
/// program gets nothing any more either.
#[tokio::test]
async fn what_does_not_fit_a_code_voids_it() {
    let house = House::open().await;
    let ada = house.company.ada.clone();
    let other = client(house.identity(), &ada, &["records:search"]).await;
    type Attack = Box<dyn Fn(&mut ClientCode)>;
    let attacks: Vec<(&str, &str, Attack)> = vec![
        (
            "another verifier",
            "invalid_grant",
            Box::new(|code| code.verifier = Secret::new("x".repeat(43))),
        ),
        (
            "the challenge as verifier, as the method plain would have it",
            "invalid_grant",
            Box::new(|code| code.verifier = Secret::new(CHALLENGE.to_owned())),
        ),
        (
            "no verifier",
            "invalid_grant",
            Box::new(|code| code.verifier = Secret::new(String::new())),
        ),
        (
            "another program's",
            "invalid_grant",
            Box::new(move |code| code.client_id = other.id.to_string()),
        ),
        (
            "another port",
            "invalid_grant",
            Box::new(|code| code.redirect_uri = REDIRECT.replace("49152", "49153")),
        ),
        (
            "the program's other address",
            "invalid_grant",
            Box::new(|code| code.redirect_uri = WEB.to_owned()),
        ),
        (
            "for another resource",
            "invalid_target",
            Box::new(|code| code.resource = Some(String::from("https://other.example/mcp"))),
        ),
    ];
    for (what, expected, change) in attacks {
        let code = house.approved(&ada).await;
        let mut presented = right(&house.client, &code);
        change(&mut presented);
        assert_eq!(
            refused_as(house.exchange(presented).await),
            expected,
            "{what}"
        );
        let again = house.exchange(right(&house.client, &code)).await;
        assert_eq!(refused_as(again), "invalid_grant", "{what}: void");
    }
    assert_eq!(
        house
            .company
            .house
            .rows("SELECT count(*) FROM oauth_tokens"),
        ["0"]
    );
    let refusals = house.trail();
    assert_eq!(
        refusals
            .iter()
            .filter(|line| *line == "grant_refuse refused")
            .count(),
        7
    );
    for forged in ["", "x", &"A".repeat(43), "' OR true --"] {
        let forged = house.exchange(right(&house.client, forged)).await;
        assert_eq!(refused_as(forged), "invalid_grant");
    }
}

/// RFC 6749 section 4.1.2: whoever presents a code again ends what was made of it.
#[tokio::test]
async fn a_code_that_comes_back_ends_what_was_made_of_it() {
    let house = House::open().await;
    let ada = house.company.ada.clone();
    let code = house.approved(&ada).await;
    let tokens = house.exchange(right(&house.client, &code)).await.unwrap();
    assert!(house.holder(&tokens).await.is_ok());
    let thief = ClientCode {
        verifier: Secret::new("x".repeat(43)),
        ..right(&house.client, &code)
    };
    assert_eq!(refused_as(house.exchange(thief).await), "invalid_grant");
    assert_eq!(
        house.holder(&tokens).await,
        Err(KeyRefusal::Unknown),
        "at once"
    );
    assert_eq!(
        refused_as(house.renew(&tokens.refresh_token).await),
        "invalid_grant"
    );
    assert_eq!(house.trail(), ["grant_approve done", "grant_replay done"]);

    let late = house.approved(&ada).await;
    house.company.house.advance(TimeDelta::seconds(60));
    let late = house.exchange(right(&house.client, &late)).await;
    assert_eq!(refused_as(late), "invalid_grant", "a minute");
}

#[tokio::test]
async fn of_two_who_present_a_code_at_once_none_keeps_tokens() {
    let house = House::open().await;
    let code = house.approved(&house.company.ada.clone()).await;
    let other = house.company.house.second_daemon().await;
    let caller = program();
    let (one, two) = tokio::join!(
        house.exchange(right(&house.client, &code)),
        other.client_exchange(right(&house.client, &code), &caller),
    );
    assert!(one.is_ok() != two.is_ok(), "one of them is too late");
    let tokens = one.or(two).unwrap();
    house.company.house.advance(TimeDelta::seconds(5));
    assert_eq!(house.holder(&tokens).await, Err(KeyRefusal::Unknown));
}

/// OB-20: a refresh token is good once. One that comes back is in two hands, so both lose.
#[tokio::test]
async fn a_refresh_token_that_comes_back_ends_the_family() {
    let house = House::open().await;
    let first = house.tokens(&house.company.ada.clone()).await;
    let second = house.renew(&first.refresh_token).await.unwrap();
    let third = house.renew(&second.refresh_token).await.unwrap();
    assert!(house.holder(&third).await.is_ok());
    assert_eq!(
        refused_as(house.renew(&first.refresh_token).await),
        "invalid_grant"
    );
    for tokens in [&first, &second, &third] {
        assert_eq!(house.holder(tokens).await, Err(KeyRefusal::Unknown));
        assert_eq!(
            refused_as(house.renew(&tokens.refresh_token).await),
            "invalid_grant"
        );
    }
    assert_eq!(house.trail(), ["grant_approve done", "grant_replay done"]);
}

#[tokio::test]
async fn a_refresh_token_serves_its_own_program_resource_and_scopes_alone() {
    let house = House::open().await;
    let ada = house.company.ada.clone();
    let tokens = house.tokens(&ada).await;
    let tried = |change: fn(&mut ClientRenewal)| {
        let mut presented = renewal(&house.client, &tokens.refresh_token);
        change(&mut presented);
        presented
    };
    let elsewhere = tried(|ask| ask.resource = Some(String::from("https://other.example/mcp")));
    let more = tried(|ask| ask.scope = Some(String::from("records:search statistics:read")));
    let identity = house.identity();
    let refused = identity.client_renew(elsewhere, &program()).await;
    assert_eq!(refused_as(refused), "invalid_target");
    let refused = identity.client_renew(more, &program()).await;
    assert_eq!(refused_as(refused), "invalid_scope");
    let access = ClientRenewal {
        refresh_token: Secret::new(tokens.access_token.expose().clone()),
        ..renewal(&house.client, &tokens.refresh_token)
    };
    let refused = identity.client_renew(access, &program()).await;
    assert_eq!(
        refused_as(refused),
        "invalid_grant",
        "an access token renews nothing"
    );
    assert!(
        house.holder(&tokens).await.is_ok(),
        "nothing was lost so far"
    );

    let other = client(identity, &ada, &["records:search"]).await;
    let stolen = renewal(&other, &tokens.refresh_token);
    let refused = identity.client_renew(stolen, &program()).await;
    assert_eq!(refused_as(refused), "invalid_grant");
    assert_eq!(
        house.holder(&tokens).await,
        Err(KeyRefusal::Unknown),
        "it was in other hands"
    );
}

/// Strict audience: a token that is somebody else's, or for somewhere else, opens nothing here.
#[tokio::test]
async fn a_token_for_another_audience_opens_nothing() {
    let house = House::open().await;
    let tokens = house.tokens(&house.company.ada.clone()).await;
    let (access, refresh) = (tokens.access_token.expose(), tokens.refresh_token.expose());
    for resource in [
        "",
        ISSUER,
        "https://revkeep.example/mcp/",
        "https://other.example/mcp",
        "https://revkeep.example/api/v1",
    ] {
        let refused = house.identity().check_token(access, resource).await;
        assert_eq!(refused, Err(KeyRefusal::Unknown), "{resource}");
    }
    for wrong in [
        "",
        "x",
        refresh,
        &format!("{access} "),
        &access[..access.len() - 1],
        &access.to_uppercase(),
    ] {
        let refused = house.identity().check_token(wrong, RESOURCE).await;
        assert_eq!(refused, Err(KeyRefusal::Unknown), "{wrong}");
    }
    assert!(house.holder(&tokens).await.is_ok());
}

/// Another tenant's program, and what was approved there, is nothing here.
#[tokio::test]
async fn a_program_and_a_grant_are_of_one_tenant() {
    let house = House::open().await;
    let olga = house.company.other("Beta", "olga@beta.example").await;
    let identity = house.identity();
    let asked = request(&house.client);
    let shown = identity.consent_show(&olga.who, &asked, ISSUER).await;
    assert_eq!(refused_as(shown), "client_not_here");
    let approved = identity.consent_approve(&olga.who, &asked, ISSUER).await;
    assert_eq!(refused_as(approved), "client_not_here");

    let tokens = house.tokens(&house.company.ada.clone()).await;
    let grant = house.holder(&tokens).await.unwrap().grant;
    assert!(identity.grant_list(&olga.who).await.unwrap().is_empty());
    assert!(identity.grant_revoke(&olga.who, grant).await.is_err());
    assert!(
        identity
            .client_revoke(&olga.who, house.client.id)
            .await
            .is_err()
    );
    assert!(identity.client_list(&olga.who).await.unwrap().is_empty());
    assert!(house.holder(&tokens).await.is_ok());

    // A colleague sees and ends their own alone.
    let bob = house
        .company
        .join(&house.company.ada, "bob@acme.example", &[Role::Member])
        .await;
    assert!(identity.own_grant_list(&bob.who).await.unwrap().is_empty());
    assert!(identity.own_grant_revoke(&bob.who, grant).await.is_err());
    assert!(house.holder(&tokens).await.is_ok());
}

/// A program that somebody let in lets in no other, and neither does one's own command line.
#[tokio::test]
async fn only_the_console_lets_a_program_in() {
    let house = House::open().await;
    let identity = house.identity();
    let asked = identity.device_grant_ask(&program()).await.unwrap();
    let ada = &house.company.ada;
    identity
        .device_grant_approve(ada, &asked.user_code)
        .await
        .unwrap();
    let session = identity
        .device_grant_poll(asked.device_code.expose(), &program())
        .await
        .unwrap();
    let as_program = house.company.house.who(&session).await.unwrap();
    let chained = identity
        .consent_approve(&as_program, &request(&house.client), ISSUER)
        .await;
    assert_eq!(
        crate::members::refused(chained),
        identity::Refusal::ProgramSession
    );
}

#[tokio::test]
async fn a_program_is_named_with_addresses_and_scopes_that_may_be() {
    let house = House::open().await;
    let new = |redirects: &[&str], scopes: &[&str]| NewClient {
        name: String::from("n"),
        redirect_uris: redirects.iter().map(|one| (*one).to_owned()).collect(),
        scopes: scopes.iter().map(|one| (*one).to_owned()).collect(),
    };
    let many: Vec<String> = (0..11).map(|n| format!("https://a.example/{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (redirects, scopes, expected) in [
        (&[][..], &["reps:read"][..], "redirects_invalid"),
        (
            &["https://a.example/cb", "https://a.example/cb"],
            &["reps:read"],
            "redirects_invalid",
        ),
        (&many, &["reps:read"], "redirects_invalid"),
        (
            &["http://a.example/cb"],
            &["reps:read"],
            "redirects_invalid",
        ),
        (&["https://a.example/cb"], &[], "scopes_invalid"),
        (&["https://a.example/cb"], &["everything"], "scopes_invalid"),
        (
            &["https://a.example/cb"],
            &["reps:read", "reps:read"],
            "scopes_invalid",
        ),
    ] {
        let made = house
            .identity()
            .client_create(&house.company.ada, new(redirects, scopes))
            .await;
        assert_eq!(refused_as(made), expected);
    }
}
