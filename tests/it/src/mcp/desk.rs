//! A program of others that Ada let into a tenant with records and routing.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{console_desk::SITE, gateway::desk::Door};

pub(super) const ALL: [&str; 7] = [
    "records:search",
    "routing:explain",
    "failures:read",
    "reps:read",
    "statistics:read",
    "retries:propose",
    "time_off:propose",
];
pub(super) const LEAD: &str = "revkeep://records/Lead/00Q00000000001AAAA";
const REDIRECT: &str = "http://127.0.0.1:49152/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What each tool is asked in turn.
pub(super) fn uses(program: &Program, tool: &str) -> Vec<Value> {
    let lead = |n: u8| json!({ "object": "Lead", "record_id": format!("00Q0000000000{n}AAAA") });
    match tool {
        "record_search" => vec![
            json!({ "object": "Lead" }),
            json!({ "object": "Contact", "imported_since": "2026-01-01T00:00:00Z" }),
            json!({ "object": "Lead", "field": "Company", "value": "visible 1", "limit": 1 }),
        ],
        "record_explain" => vec![lead(1), lead(2), lead(3), lead(9)],
        "failure_find" => vec![
            json!({}),
            json!({ "state": "waiting" }),
            json!({ "object": "Lead", "reason": "no_rule", "limit": 50 }),
        ],
        "record_retry_propose" => vec![
            json!({ "object": "Lead", "record_id": "00Q00000000003AAAA", "reason": "The rule was mended" }),
        ],
        "rep_load" => vec![json!({}), json!({ "limit": 1 })],
        "time_off_propose" => {
            let day = "2030-01-02";
            vec![
                json!({ "rep_id": program.rep(), "first_day": day, "last_day": day, "reason": "Asked for" }),
            ]
        }
        _ => vec![json!({})],
    }
}

pub(super) struct Program {
    pub(super) door: Door,
    client: String,
}

impl Program {
    pub(super) async fn open() -> Self {
        let door = Door::open().await;
        let new = json!({ "name": "Assistant", "redirect_uris": ["http://127.0.0.1/callback"], "scopes": ALL });
        let client = door.desk.post("/clients", new).await;
        let client = client["id"].as_str().unwrap().to_owned();
        Self { door, client }
    }

    /// The tenant's one rep.
    pub(super) fn rep(&self) -> String {
        format!("rep_{}", self.door.desk.tenant().uuid().as_simple())
    }

    /// The tokens of a grant that Ada gave just now.
    pub(super) async fn tokens(&self, scopes: &[&str]) -> Value {
        let asked = json!({
            "client_id": self.client, "redirect_uri": REDIRECT, "response_type": "code", "scope": scopes.join(" "),
            "code_challenge": CHALLENGE, "code_challenge_method": "S256", "resource": format!("{SITE}/mcp"),
        });
        let onward = self.door.desk.post("/me/consents", asked).await;
        let code = onward["redirect_to"].as_str().unwrap();
        let code = code.split(['=', '&']).nth(1).unwrap();
        let form = format!(
            "grant_type=authorization_code&client_id={}&code={code}&code_verifier={VERIFIER}&redirect_uri=http%3A%2F%2F127.0.0.1%3A49152%2Fcallback",
            self.client
        );
        let answer = self.door.desk.form("/oauth/token", &form).await;
        answer.json().await.unwrap()
    }

    pub(super) async fn token(&self, scopes: &[&str]) -> String {
        let tokens = self.tokens(scopes).await;
        tokens["access_token"].as_str().unwrap().to_owned()
    }

    /// As it comes over the appliance's own name.
    pub(super) fn post(&self, token: &str) -> RequestBuilder {
        let request = self.door.desk.outside(Method::POST, "/mcp");
        let request = request
            .header("host", "revkeep.example")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        }
    }

    /// A request of 2026-07-28 that is as it must be.
    pub(super) fn stateless(&self, token: &str, method: &str, mut params: Value) -> RequestBuilder {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let mut request = self
            .post(token)
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method);
        for name in ["name", "uri"] {
            if let Some(said) = params[name].as_str() {
                request = request.header("mcp-name", said);
            }
        }
        request.json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
    }

    pub(super) async fn modern(&self, token: &str, method: &str, params: Value) -> (u16, Value) {
        answered(self.stateless(token, method, params)).await
    }

    pub(super) async fn legacy(&self, token: &str, method: &str, params: Value) -> (u16, Value) {
        let body = json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params });
        let request = self
            .post(token)
            .header("mcp-protocol-version", "2025-11-25");
        answered(request.json(&body)).await
    }

    /// The beginning of 2025-11-25, which names no revision in a header.
    pub(super) async fn begin(&self, token: &str, params: Value) -> (u16, Value) {
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        answered(self.post(token).json(&body)).await
    }

    pub(super) async fn ask(&self, new: bool, token: &str, method: &str, params: Value) -> Value {
        let (status, answer) = if new {
            self.modern(token, method, params).await
        } else {
            self.legacy(token, method, params).await
        };
        assert_eq!(status, 200, "{method}: {answer}");
        answer
    }

    /// What a tool tells.
    pub(super) async fn tool(&self, token: &str, name: &str, given: Value) -> Value {
        let call = json!({ "name": name, "arguments": given });
        let answer = self.ask(true, token, "tools/call", call).await;
        assert_eq!(answer["result"]["isError"], false, "{name}: {answer}");
        answer["result"]["structuredContent"].clone()
    }

    pub(super) async fn close(self) {
        self.door.close().await;
    }
}

pub(super) async fn answered(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}
