//! A walk through routes: each is really asked, and what it wrote down is found by the id of the request.

use std::collections::{BTreeMap, BTreeSet};

use kernel::RequestId;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use stack::console::cookie;

use crate::console_desk::Desk;

/// The actions that were seen for each route.
pub(super) struct Walk {
    pub(super) desk: Desk,
    pub(super) seen: BTreeMap<String, BTreeSet<String>>,
    /// Entries of what was made before anybody asked over HTTP.
    pub(super) before: Vec<String>,
    /// Routes that answered otherwise than they should.
    pub(super) faults: Vec<String>,
}

/// What came back: status, JSON, and a cookie that goes on.
type Answer = (u16, Value, Option<String>);

impl Walk {
    /// Asks as whoever holds `token`; the answer, whatever its status.
    pub(super) async fn ask(
        &mut self,
        route: &str,
        path: &str,
        body: Value,
        (token, carried): (Option<&str>, Option<&str>),
    ) -> Answer {
        let method: Method = route.split(' ').next().unwrap().parse().unwrap();
        let body = (method != Method::DELETE && !body.is_null()).then_some(body);
        let mut request = self.desk.request(method, path, body.as_ref(), token);
        if let Some(carried) = carried {
            request = request.header("cookie", carried);
        }
        self.told(route, request).await
    }

    /// Sends a request and finds what stands in the log about it.
    pub(super) async fn told(&mut self, route: &str, request: RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let id: RequestId = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        let given = ["__Host-revkeep-refresh", "__Host-revkeep-sign-in"]
            .iter()
            .find_map(|name| cookie(&answer, name));
        let bytes = answer.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let actions = self.desk.rows(&format!(
            "SELECT action || CASE outcome WHEN 'done' THEN '' ELSE ' ' || outcome END FROM audit_log WHERE request_id = '{}'",
            id.uuid()
        ));
        let entry = self.seen.entry(route.to_owned()).or_default();
        entry.extend(actions);
        (status, body, given)
    }

    /// Asks as Ada, and is answered well.
    pub(super) async fn good(&mut self, route: &str, path: &str, body: Value) -> Value {
        let token = self.desk.token.clone();
        let (status, answer, _) = self.ask(route, path, body, (Some(&token), None)).await;
        if !(200..300).contains(&status) {
            self.faults.push(format!("{route}: {status} {answer}"));
        }
        answer
    }

    /// Asks for the route itself, whose path has no variable part.
    pub(super) async fn plain(&mut self, route: &str, body: Value) -> Value {
        let path = route.split(' ').nth(1).unwrap().to_owned();
        self.good(route, &path, body).await
    }

    pub(super) async fn fresh(&mut self) {
        self.desk.token = self.desk.sign_in().await;
    }
}

/// The id of what was made.
pub(super) fn id(answer: &Value) -> String {
    answer["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}
