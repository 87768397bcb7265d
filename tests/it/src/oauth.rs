//! OAuth 2.1 for programs of others (OB-19, OB-20): what a program gets that somebody let in, and what is tried with
//! codes and tokens that are another's, stolen, old, or for somewhere else.

mod attacks;
mod ending;
mod wire;

use identity::{
    Identity, IdentityError,
    oauth::{Client, ClientCode, ClientRenewal, ClientTokens, ConsentRequest, NewClient},
};
use kernel::{
    Principal, Secret,
    port::{KeyRefusal, TokenCheck, TokenHolder},
};
use reqwest::Url;

use crate::{identity::caller, members::Company};

const ISSUER: &str = "https://revkeep.example";
const RESOURCE: &str = "https://revkeep.example/mcp";
const NATIVE: &str = "http://127.0.0.1/callback";
const REDIRECT: &str = "http://127.0.0.1:49152/callback";
const WEB: &str = "https://assistant.example/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn program() -> identity::Caller {
    caller("198.51.100.7")
}

async fn client(identity: &Identity, who: &Principal, scopes: &[&str]) -> Client {
    let new = NewClient {
        name: String::from("Desk assistant"),
        redirect_uris: vec![NATIVE.to_owned(), WEB.to_owned()],
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    identity.client_create(who, new).await.unwrap()
}

fn request(client: &Client) -> ConsentRequest {
    ConsentRequest {
        client_id: client.id.to_string(),
        redirect_uri: REDIRECT.to_owned(),
        response_type: String::from("code"),
        code_challenge: CHALLENGE.to_owned(),
        code_challenge_method: String::from("S256"),
        state: String::from("af0ifjsldkj"),
        scope: String::new(),
        resource: RESOURCE.to_owned(),
    }
}

/// What stands in the address that a browser is sent to.
fn carried(address: &str, name: &str) -> Option<String> {
    let address = Url::parse(address).unwrap();
    let mut pairs = address.query_pairs();
    let found = pairs.find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

/// What the right program presents.
fn right(client: &Client, code: &str) -> ClientCode {
    ClientCode {
        code: Secret::new(code.to_owned()),
        client_id: client.id.to_string(),
        redirect_uri: REDIRECT.to_owned(),
        verifier: Secret::new(VERIFIER.to_owned()),
        resource: Some(RESOURCE.to_owned()),
    }
}

fn renewal(client: &Client, refresh: &Secret<String>) -> ClientRenewal {
    ClientRenewal {
        refresh_token: Secret::new(refresh.expose().clone()),
        client_id: client.id.to_string(),
        resource: Some(RESOURCE.to_owned()),
        scope: None,
    }
}

fn refused_as<T>(result: Result<T, IdentityError>) -> &'static str {
    match result {
        Err(IdentityError::DeviceGrant(code)) => code,
        Err(IdentityError::Input { code, .. }) => code,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was allowed"),
    }
}

/// A company with a program that may ask for everything of two scopes.
struct House {
    company: Company,
    client: Client,
}

impl House {
    async fn open() -> Self {
        let company = Company::open().await;
        let scopes = ["records:search", "failures:read"];
        let client = client(&company.house.identity, &company.ada, &scopes).await;
        Self { company, client }
    }

    fn identity(&self) -> &Identity {
        &self.company.house.identity
    }

    async fn approved(&self, who: &Principal) -> String {
        let asked = request(&self.client);
        let address = self.identity().consent_approve(who, &asked, ISSUER).await;
        carried(address.unwrap().expose(), "code").unwrap()
    }

    async fn exchange(&self, presented: ClientCode) -> Result<ClientTokens, IdentityError> {
        self.identity().client_exchange(presented, &program()).await
    }

    async fn renew(&self, refresh: &Secret<String>) -> Result<ClientTokens, IdentityError> {
        let presented = renewal(&self.client, refresh);
        self.identity().client_renew(presented, &program()).await
    }

    async fn tokens(&self, who: &Principal) -> ClientTokens {
        let code = self.approved(who).await;
        self.exchange(right(&self.client, &code)).await.unwrap()
    }

    async fn holder(&self, tokens: &ClientTokens) -> Result<TokenHolder, KeyRefusal> {
        let access = tokens.access_token.expose();
        self.identity().check_token(access, RESOURCE).await
    }

    fn trail(&self) -> Vec<String> {
        self.company.house.rows(
            "SELECT action || ' ' || outcome FROM audit_log WHERE action LIKE 'grant%' ORDER BY 1",
        )
    }
}

#[tokio::test]
async fn a_program_that_somebody_let_in_acts_for_them_for_an_hour_at_a_time() {
    let house = House::open().await;
    let ada = house.company.ada.clone();
    let asked = request(&house.client);
    let shown = house.identity().consent_show(&ada, &asked, ISSUER).await;
    let shown = shown.unwrap();
    assert_eq!(
        (shown.name.as_str(), shown.host.as_str()),
        ("Desk assistant", "127.0.0.1")
    );
    let names: Vec<&str> = shown.scopes.iter().map(|scope| scope.name).collect();
    assert_eq!(names, ["failures:read", "records:search"]);
    let address = house.identity().consent_approve(&ada, &asked, ISSUER).await;
    let address = address.unwrap();
    assert!(address.expose().starts_with(&format!("{REDIRECT}?")));
    assert_eq!(carried(address.expose(), "state").unwrap(), "af0ifjsldkj");
    assert_eq!(carried(address.expose(), "iss").unwrap(), ISSUER);
    let code = carried(address.expose(), "code").unwrap();
    assert!(
        house
            .identity()
            .own_grant_list(&ada)
            .await
            .unwrap()
            .is_empty(),
        "nothing before the program fetched its tokens"
    );
    let tokens = house.exchange(right(&house.client, &code)).await.unwrap();
    assert_eq!(tokens.expires_in.as_secs(), 3_600);
    assert_eq!(tokens.scopes, ["failures:read", "records:search"]);
    let holder = house.holder(&tokens).await.unwrap();
    assert_eq!((holder.tenant, Some(holder.user)), (ada.tenant, ada.user()));
    assert_eq!(holder.client, house.client.id);
    assert_eq!(holder.scopes, ["failures:read", "records:search"]);
    let rows = house.company.house.rows(
        "SELECT c::text FROM oauth_codes c UNION ALL SELECT t::text FROM oauth_tokens t UNION ALL SELECT l::text FROM audit_log l",
    );
    for text in [
        &code,
        tokens.access_token.expose(),
        tokens.refresh_token.expose(),
    ] {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            !rows.concat().contains(text) && !rows.concat().contains(&hex),
            "hashed at rest"
        );
    }

    house.company.house.advance(chrono::TimeDelta::minutes(59));
    assert!(house.holder(&tokens).await.is_ok());
    house.company.house.advance(chrono::TimeDelta::minutes(1));
    assert_eq!(
        house.holder(&tokens).await,
        Err(KeyRefusal::Unknown),
        "an hour"
    );
    let next = house.renew(&tokens.refresh_token).await.unwrap();
    assert!(house.holder(&next).await.is_ok());
    assert_eq!(house.trail(), ["grant_approve done"]);
}

/// A program gets what its administrator allows it, whoever approves.
#[tokio::test]
async fn a_program_is_let_in_for_no_more_than_its_administrator_allows() {
    let house = House::open().await;
    let ada = house.company.ada.clone();
    let mut asked = request(&house.client);
    asked.scope = String::from("reps:read statistics:read");
    let shown = house.identity().consent_show(&ada, &asked, ISSUER).await;
    assert_eq!(refused_as(shown), "scope_not_allowed");
    // Whoever asks for everything that there is gets what is allowed.
    asked.scope = String::from("records:search reps:read statistics:read routing:explain");
    let shown = house.identity().consent_show(&ada, &asked, ISSUER).await;
    let names: Vec<&str> = shown
        .unwrap()
        .scopes
        .iter()
        .map(|scope| scope.name)
        .collect();
    assert_eq!(names, ["records:search"]);
}
