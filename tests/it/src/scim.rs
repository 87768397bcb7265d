//! SCIM 2.0 at `/scim/v2`: a leaver is refused everywhere, a provider reaches its own tenant and nobody who
//! is out of its reach, tokens open nothing else, groups give roles (CX-34, RFC 7643, RFC 7644). An
//! independent client drives it in `tests/peers/scim`.

mod attacks;
mod groups;
mod reach;
mod tokens;

use chrono::TimeDelta;
use identity::{Grant, InvitationAcceptance};
use kernel::{Principal, Role, Secret, TenantId, UserId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    console_desk::Desk,
    identity::{caller, token},
};

const PASSWORD: &str = "Canary-horse-7-battery";

/// Ada's organisation, whose mail domain is verified, and a token of its identity provider.
pub(crate) struct Place {
    pub(crate) desk: Desk,
    token: String,
}

impl Place {
    pub(crate) async fn open() -> Self {
        let mut desk = Desk::open().await;
        desk.token = desk.sign_in().await;
        let place = Self {
            token: String::new(),
            desk,
        };
        Self::verify(&place.desk, place.desk.tenant(), "acme.example");
        let token = place.new_token(Value::Null).await;
        Self { token, ..place }
    }

    /// The tenant's domain, with the provider that it belongs to.
    pub(crate) fn verify(desk: &Desk, tenant: TenantId, domain: &str) {
        desk.owner(&format!(
            "INSERT INTO sso_providers (tenant_id, provider_id, kind, name, enabled, issuer, client_id, create_members, created_at, updated_at) \
             VALUES ('{0}', gen_random_uuid(), 'oidc', 'P', true, 'https://idp.example', 'c', true, now(), now()); \
             INSERT INTO sso_domains (tenant_id, domain, provider_id, verified_at, created_at) \
             SELECT tenant_id, '{domain}', provider_id, now(), now() FROM sso_providers WHERE tenant_id = '{0}'",
            tenant.uuid()
        ));
    }

    /// A new token's whole text, by the console's route.
    async fn new_token(&self, expires_at: Value) -> String {
        let input = json!({ "name": "Entra ID", "expires_at": expires_at });
        let made = self.desk.post("/sso/scim/tokens", input).await;
        made["secret"].as_str().unwrap().to_owned()
    }

    /// Another tenant with a verified domain, and a token of its own.
    async fn neighbour(&self) -> (TenantId, String) {
        let tenant = self.desk.house.bed.tenant().tenant;
        Self::verify(&self.desk, tenant, "beta.example");
        let mut ada = self.ada().await;
        ada.tenant = tenant;
        let identity = &self.desk.house.identity;
        let (_, token) = identity.scim_token_create(&ada, "B", None).await.unwrap();
        (tenant, token.expose().clone())
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        self.ask_as(&self.token, method, path, body).await
    }

    async fn ask_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let mut request = self
            .desk
            .outside(method, &format!("/scim/v2{path}"))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/scim+json")
                .body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Creates a person; the answer.
    pub(crate) async fn person(&self, name: &str) -> Value {
        let (status, body) = self.ask(Method::POST, "/Users", Some(&user(name))).await;
        assert_eq!(status, 201, "{body}");
        body
    }

    async fn patch(&self, path: &str, operations: Value) -> (u16, Value) {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        self.ask(Method::PATCH, path, Some(&body)).await
    }

    async fn activate(&self, id: &str, active: bool) -> (u16, Value) {
        let operation = json!([{ "op": "replace", "path": "active", "value": active }]);
        self.patch(&format!("/Users/{id}"), operation).await
    }

    pub(crate) async fn ada(&self) -> Principal {
        let identity = &self.desk.house.identity;
        let from = caller("192.0.2.1");
        identity
            .authenticate(&self.desk.token, &from)
            .await
            .unwrap()
    }

    /// Somebody with a password, who was invited before the provider came; and their session.
    async fn join(&self, email: &str, roles: &[Role]) -> (UserId, Grant) {
        let (identity, ada) = (&self.desk.house.identity, self.ada().await);
        let invited = identity
            .invitation_create(&ada, email, roles.to_vec())
            .await
            .unwrap();
        let letter = identity.invitation_letter(ada.tenant, invited.id).await;
        let input = InvitationAcceptance {
            token: letter.unwrap().unwrap().token.expose().clone(),
            name: email.to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
        };
        let grant = identity
            .invitation_accept(input, &caller("192.0.2.9"))
            .await
            .unwrap();
        let who = self.desk.house.who(&grant).await.unwrap();
        (who.user().unwrap(), grant)
    }

    /// What the console answers to a session's access token.
    async fn console_says(&self, grant: &Grant) -> u16 {
        let token = Some(grant.access_token.as_str());
        let answer = self.desk.send(Method::GET, "/session", None, token).await;
        answer.status().as_u16()
    }

    fn membership(&self, user: UserId) -> String {
        let sql = format!(
            "SELECT array_to_string(roles, ' ') || ' ' || state FROM memberships WHERE user_id = '{}' AND tenant_id = '{}'",
            user.uuid(),
            self.desk.tenant().uuid()
        );
        self.desk.rows(&sql).join(", ")
    }

    /// Outcomes and codes of an action that a provider's token did.
    fn trail(&self, action: &str) -> Vec<String> {
        self.desk.rows(&format!(
            "SELECT outcome || coalesce(' ' || code, '') FROM audit_log \
             WHERE action = '{action}' AND actor_kind = 'system' AND actor_id LIKE 'scimtoken\\_%' ORDER BY 1"
        ))
    }

    pub(crate) async fn close(self) {
        let _ = self.desk.stopper.send(true);
        self.desk.running.stop().await;
    }
}

fn user(name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "externalId": format!("ext-{name}"),
        "name": { "givenName": "Canary", "familyName": "Person" },
        "emails": [{ "value": name, "type": "work", "primary": true }],
    })
}

fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap().to_owned()
}

fn user_id(resource: &Value) -> UserId {
    id(resource).parse().unwrap()
}

/// `status code` of a refusal, whose code stands at the end of its words.
fn refusal((status, body): (u16, Value)) -> String {
    assert_eq!(
        body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error",
        "{status} {body}"
    );
    assert_eq!(body["status"], status.to_string());
    let detail = body["detail"].as_str().unwrap();
    let code = detail.rsplit_once('(').map_or("", |(_, code)| code);
    format!("{status} {}", code.trim_end_matches(')'))
}

#[tokio::test]
async fn a_leaver_is_refused_at_the_next_request_everywhere() {
    let place = Place::open().await;
    let house = &place.desk.house;
    for (email, leave) in [
        ("bob@acme.example", "patch"),
        ("carl@acme.example", "delete"),
        ("dora@acme.example", "put"),
    ] {
        let (leaver, grant) = place.join(email, &[Role::Member]).await;
        let tenant = place.desk.tenant().uuid();
        place.desk.owner(&format!(
            "INSERT INTO connections (tenant_id, connection_id, provider, kind, owner_id, state, environment, login_host, consumer_key, access_sealed, refresh_sealed, created_at, updated_at) \
             VALUES ('{tenant}', '{0}', 'salesforce', 'pipeline', '{0}', 'connected', 'production', 'h', 'k', '\\x01', '\\x01', now(), now())",
            leaver.uuid()
        ));
        let person = place.person(email).await;
        assert_eq!(
            (user_id(&person), &person["active"]),
            (leaver, &json!(true))
        );
        let second = house.second_daemon().await;
        let from = caller("192.0.2.9");
        assert!(
            second
                .authenticate(&grant.access_token, &from)
                .await
                .is_ok()
        );
        assert_eq!(place.console_says(&grant).await, 200, "{leave}");

        let path = format!("/Users/{}", id(&person));
        let (status, answer) = match leave {
            "patch" => place.activate(&id(&person), false).await,
            "delete" => place.ask(Method::DELETE, &path, None).await,
            _ => {
                let mut body = user(email);
                body["active"] = json!(false);
                place.ask(Method::PUT, &path, Some(&body)).await
            }
        };
        assert!(matches!(status, 200 | 204), "{leave}: {answer}");
        assert_eq!(
            place.console_says(&grant).await,
            401,
            "{leave}: here at once"
        );
        let renewed = house.refresh(&token(&grant)).await;
        assert!(renewed.is_err(), "{leave}: nor is a new token given");
        let signed_in = house.sign_in_step(email, PASSWORD, "192.0.2.9").await;
        assert!(signed_in.is_err(), "{leave}: nor by the password");
        house.advance(TimeDelta::seconds(5));
        let there = second.authenticate(&grant.access_token, &from).await;
        assert!(
            there.is_err(),
            "{leave}: on another daemon within five seconds"
        );
        assert_eq!(place.membership(leaver), "member deactivated");
        let cut = format!(
            "SELECT state || coalesce(access_sealed::text, '') || coalesce(refresh_sealed::text, '') FROM connections WHERE owner_id = '{}'",
            leaver.uuid()
        );
        assert_eq!(place.desk.rows(&cut), ["disconnected"], "{leave}");
    }
    assert_eq!(place.trail("member_deactivate"), ["done", "done", "done"]);
    assert_eq!(place.trail("scim_user_delete"), ["done"]);
    place.close().await;
}

#[tokio::test]
async fn who_comes_back_comes_back_as_the_provider_says() {
    let place = Place::open().await;
    let (bob, _) = place.join("bob@acme.example", &[Role::Admin]).await;
    let person = place.person("bob@acme.example").await;
    assert_eq!(
        place.membership(bob),
        "admin active",
        "a member stays as they are"
    );
    place.activate(&id(&person), false).await;

    // A description that says nothing of it lets nobody in again.
    let path = format!("/Users/{}", id(&person));
    let (status, answer) = place
        .ask(Method::PUT, &path, Some(&user("bob@acme.example")))
        .await;
    assert_eq!((status, &answer["active"]), (200, &json!(false)));
    let name = json!([{ "op": "replace", "value": { "displayName": "Bob" } }]);
    let (_, answer) = place.patch(&path, name).await;
    assert_eq!(answer["active"], false);
    let (_, answer) = place.activate(&id(&person), true).await;
    assert_eq!(answer["active"], true);
    assert_eq!(place.membership(bob), "admin active");

    // Whoever was removed comes back as a member, whatever they were.
    place.ask(Method::DELETE, &path, None).await;
    assert_eq!(place.ask(Method::GET, &path, None).await.0, 404);
    let again = place.person("bob@acme.example").await;
    assert_eq!(
        (user_id(&again), place.membership(bob)),
        (bob, String::from("member active"))
    );
    assert_eq!(place.trail("member_reactivate"), ["done", "done"]);
    place.close().await;
}

#[tokio::test]
async fn a_person_is_made_read_changed_and_found() {
    let place = Place::open().await;
    let bob = place.person("Bob@Acme.example").await;
    assert_eq!(
        bob["meta"]["location"],
        format!("https://revkeep.example/scim/v2/Users/{}", id(&bob))
    );
    assert_eq!(place.membership(user_id(&bob)), "member active");
    assert_eq!(
        place
            .desk
            .rows("SELECT name FROM users WHERE home_tenant_id IS NOT NULL"),
        ["Canary Person"]
    );
    place.desk.house.advance(TimeDelta::seconds(1));
    let inactive = json!({ "userName": "carl@acme.example", "active": false });
    let (_, carl) = place.ask(Method::POST, "/Users", Some(&inactive)).await;
    assert_eq!(place.membership(user_id(&carl)), "member deactivated");

    for (filter, found) in [
        ("userName eq \"BOB@acme.EXAMPLE\"", 1),
        ("externalId eq \"ext-Bob@Acme.example\"", 1),
        ("externalId eq \"ext-bob@acme.example\"", 0),
        ("active eq false", 1),
        (
            "emails[type eq \"work\"] and name.familyName sw \"pers\"",
            1,
        ),
        ("id eq \"nobody\"", 0),
        ("userName eq \"ada\"", 0),
    ] {
        let body = place
            .get(&format!("/Users?filter={}", encoded(filter)))
            .await;
        assert_eq!(body["totalResults"], found, "{filter}");
    }
    let bad = place
        .ask(Method::GET, "/Users?filter=userName+is+x", None)
        .await;
    assert_eq!(
        (bad.0, bad.1["scimType"].as_str()),
        (400, Some("invalidFilter"))
    );
    let page = place
        .get("/Users?startIndex=2&count=1&attributes=userName")
        .await;
    assert_eq!(
        (&page["totalResults"], &page["itemsPerPage"]),
        (&json!(2), &json!(1))
    );
    assert!(page["Resources"][0].get("emails").is_none());
    assert_eq!(page["Resources"][0]["userName"], "carl@acme.example");
    assert_eq!(place.get("/Users?count=0").await["Resources"], json!([]));

    let search = json!({ "filter": "userName sw \"bob\"", "attributes": ["userName", "meta"] });
    for path in ["/Users/.search", "/.search"] {
        let (status, body) = place.ask(Method::POST, path, Some(&search)).await;
        assert_eq!((status, &body["totalResults"]), (200, &json!(1)), "{path}");
        assert_eq!(body["Resources"][0]["userName"], "Bob@Acme.example");
        assert!(body["Resources"][0].get("emails").is_none());
    }

    let twice = place
        .ask(Method::POST, "/Users", Some(&user("bob@acme.example")))
        .await;
    assert_eq!(twice.1["scimType"], "uniqueness");
    assert_eq!(refusal(twice), "409 scim_user_exists");
    place.close().await;
}

#[tokio::test]
async fn a_stale_version_changes_nothing() {
    let place = Place::open().await;
    let bob = place.person("bob@acme.example").await;
    let path = format!("/scim/v2/Users/{}", id(&bob));
    let ask = async |method: Method, name: &'static str, tag: &str| {
        let body =
            json!({ "Operations": [{ "op": "replace", "path": "displayName", "value": "B" }] });
        let request = place.desk.outside(method, &path).bearer_auth(&place.token);
        let answer = request.header(name, tag).json(&body).send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.headers().get("etag").cloned(),
        )
    };
    let (status, first) = ask(Method::GET, "x", "").await;
    let first = first.unwrap().to_str().unwrap().to_owned();
    assert_eq!(
        (status, bob["meta"]["version"].as_str()),
        (200, Some(first.as_str()))
    );
    assert_eq!(ask(Method::GET, "if-none-match", &first).await.0, 304);
    assert_eq!(ask(Method::PATCH, "if-match", &first).await.0, 200);
    assert_eq!(ask(Method::PATCH, "if-match", &first).await.0, 412);
    assert_eq!(ask(Method::DELETE, "if-match", &first).await.0, 412);
    // What an administrator changes of the membership is a change as well.
    let (_, seen) = ask(Method::GET, "x", "").await;
    place.desk.owner("UPDATE memberships SET epoch = epoch + 1");
    let seen = seen.unwrap().to_str().unwrap().to_owned();
    assert_eq!(ask(Method::PATCH, "if-match", &seen).await.0, 412);
    place.close().await;
}

#[tokio::test]
async fn what_a_provider_says_of_people_is_not_readable_in_the_database() {
    let place = Place::open().await;
    let mut body = user("canary-eve@acme.example");
    body["password"] = json!("Canary-never-kept");
    let (status, _) = place.ask(Method::POST, "/Users", Some(&body)).await;
    assert_eq!(status, 201);
    let kept = place.desk.rows(
        "SELECT string_agg(t, ' ') FROM (SELECT s::text || encode(profile_sealed, 'escape') AS t FROM scim_users s \
         UNION ALL SELECT l::text || coalesce(encode(detail_sealed, 'escape'), '') FROM audit_log l \
         UNION ALL SELECT j::text FROM jobs j) AS all_rows",
    );
    for secret in ["canary-eve", "Canary-never-kept", "ext-canary"] {
        // Bytes of a row are printed as hexadecimal digits.
        let digits: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!kept[0].contains(secret), "{secret}");
        assert!(!kept[0].contains(&digits), "{secret} as bytes");
    }
    place.close().await;
}

/// For a query, of which tests use letters, quotes and brackets alone.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
