//! LR-17, LR-18, LR-24, LR-25: what a thief of a code, a grant of another size and a revocation in
//! Salesforce achieve.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use connections::{App, BrokenCode, ConnectionError, ProviderError, Returned, State};
use kernel::Secret;
use sha2::{Digest as _, Sha256};
use simulators::{CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME};

use crate::{
    harness::{column, connect},
    org::Org,
};

fn parameter(address: &reqwest::Url, name: &str) -> String {
    let found = address.query_pairs().find(|(key, _)| key == name);
    found.unwrap().1.into_owned()
}

#[tokio::test]
async fn a_stolen_code_is_worth_nothing_without_its_verifier() {
    let org = Org::new();
    org.configure().await.unwrap();
    let (returned, state) = org.return_of(false).await;
    let Returned::Code(code) = &returned else {
        panic!("{returned:?}");
    };
    // The thief has the code and everything of the application, its secret included.
    let app = App {
        login_host: org.host.clone(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(Secret::new(CLIENT_SECRET.to_owned())),
        redirect_uri: "https://revkeep.example/connect/salesforce".to_owned(),
    };
    let guess = Secret::new("a".repeat(64));
    let code = Secret::new(code.expose().clone());
    let stolen = org.provider.exchange(&app, &code, &guess).await;
    assert!(
        matches!(stolen, Err(ProviderError::Refused { .. })),
        "{stolen:?}"
    );
    assert!(org.admin.tokens().await.unwrap().grants.is_empty());
    // The verifier stands in the database only sealed, bound to the state.
    let rows = column(
        &mut connect(&org.bed.database, "revkeep_owner"),
        "SELECT encode(verifier_sealed, 'escape') FROM oauth_states",
    );
    let [row] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert!(row.len() > 64 + 16 && !row.contains(&state));
    // With a challenge of the thief's own the same guess is good: nothing else had refused it.
    let address = org
        .connections
        .connection_authorize(&org.person, false)
        .await
        .unwrap();
    let ours = parameter(&address.parse().unwrap(), "code_challenge");
    let theirs = URL_SAFE_NO_PAD.encode(Sha256::digest(guess.expose().as_bytes()));
    let back = org
        .admin
        .sign_in(&address.replace(&ours, &theirs), USERNAME, PASSWORD, true)
        .await
        .unwrap();
    let code = Secret::new(parameter(&back, "code"));
    let granted = org.provider.exchange(&app, &code, &guess).await;
    assert!(granted.is_ok(), "{granted:?}");
    // Who has the right session, state and verifier is admitted by the same door.
    let (returned, state) = org.return_of(false).await;
    let connected = org
        .connections
        .connection_complete(&org.person, &state, returned)
        .await;
    assert_eq!(connected.unwrap().state, State::Connected);
}

#[tokio::test]
async fn a_grant_with_more_or_less_than_was_asked_for_is_given_back() {
    let org = Org::new();
    org.configure().await.unwrap();
    let asked = "scope=api+refresh_token&";
    for other in [
        "scope=api+refresh_token+full&",
        "scope=api+refresh_token+web&",
        "scope=api&",
    ] {
        let address = org
            .connections
            .connection_authorize(&org.person, false)
            .await
            .unwrap();
        assert!(address.contains(asked), "{address}");
        let widened = address.replace(asked, other);
        let back = org
            .admin
            .sign_in(&widened, USERNAME, PASSWORD, true)
            .await
            .unwrap();
        let code = Returned::Code(Secret::new(parameter(&back, "code")));
        let refused = org
            .connections
            .connection_complete(&org.person, &parameter(&back, "state"), code)
            .await;
        assert!(
            matches!(refused, Err(ConnectionError::GrantRefused(_))),
            "{other}: {refused:?}"
        );
    }
    let grants = org.admin.tokens().await.unwrap().grants;
    assert_eq!(grants.len(), 3);
    for grant in grants {
        assert_eq!(grant.live_access_tokens, 0, "{}", grant.scope);
    }
    assert_ne!(org.connection().await.state, State::Connected);
    assert_eq!(org.login(false).await.unwrap().state, State::Connected);
}

#[tokio::test]
async fn a_revoked_grant_opens_the_circuit_until_somebody_reconnects() {
    let org = Org::connected().await;
    let held = org.token().await;
    org.admin.revoke_grants().await.unwrap();
    let refused = org.tokens.refresh_after(&org.daemon, &held).await;
    assert!(
        matches!(
            refused,
            Err(ConnectionError::Broken(BrokenCode::GrantRevoked))
        ),
        "{refused:?}"
    );
    let seen = org.connection().await;
    assert_eq!(seen.state, State::Broken);
    let broken = seen.broken.unwrap().code;
    assert_eq!(broken, BrokenCode::GrantRevoked);
    // Every reason has its words and names the way back.
    for code in BrokenCode::ALL {
        assert!(!code.message().is_empty(), "{}", code.name());
        assert!(
            code.next_step().to_lowercase().contains("reconnect"),
            "{}",
            code.name()
        );
    }
    let calls = org.admin.stats().await.unwrap().requests;
    let used = org.tokens.for_routing(&org.daemon).await;
    assert!(matches!(used, Err(ConnectionError::Broken(_))), "{used:?}");
    assert_eq!(org.admin.stats().await.unwrap().requests, calls);

    assert_eq!(org.login(false).await.unwrap().state, State::Connected);
    let fresh = org.token().await;
    assert_ne!(fresh.secret.expose(), held.secret.expose());
}
