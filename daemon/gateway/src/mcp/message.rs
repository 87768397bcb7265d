//! One message of JSON-RPC 2.0: a request or a notification. Neither many at once nor an answer is taken.

use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{outside::clean, revision::Revision};

/// What a program says.
#[derive(Debug)]
pub(super) struct Message {
    /// `None`: a notification, which gets no answer.
    pub(super) id: Option<Value>,
    pub(super) method: String,
    pub(super) params: Map<String, Value>,
}

/// Why a message is not answered with a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    status: StatusCode,
    code: i32,
    message: String,
    data: Option<Value>,
}

impl Fault {
    const fn new(status: StatusCode, code: i32, message: String) -> Self {
        Self {
            status,
            code,
            message,
            data: None,
        }
    }

    pub(super) fn not_json() -> Self {
        let told = String::from("The body is not JSON.");
        Self::new(StatusCode::BAD_REQUEST, -32_700, told)
    }

    fn no_message(why: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, -32_600, why.to_owned())
    }

    pub(super) fn no_method() -> Self {
        let told = String::from("There is no such method here.");
        Self::new(StatusCode::NOT_FOUND, -32_601, told)
    }

    pub(super) fn params(why: impl Into<String>) -> Self {
        Self::new(StatusCode::OK, -32_602, why.into())
    }

    /// Parameters that every request has to have are not as they must be.
    pub(super) fn malformed(why: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, -32_602, why.to_owned())
    }

    /// With the address that was asked for, without what nobody sees. The older revision has a number of its own for it.
    pub(super) fn resource_not_found(spoken: Revision, uri: &str) -> Self {
        let code = match spoken {
            Revision::Stateless => -32_602,
            Revision::Initialized => -32_002,
        };
        let told = String::from("There is no such resource here.");
        Self {
            data: Some(clean(json!({ "uri": uri }))),
            ..Self::new(StatusCode::OK, code, told)
        }
    }

    pub(super) fn header(name: &str) -> Self {
        let told = format!("The header {name} does not say what the body says.");
        Self::new(StatusCode::BAD_REQUEST, -32_020, told)
    }

    /// The same list as `server/discover` gives: who begins with `initialize` names no revision before.
    pub(super) fn revision(requested: &str) -> Self {
        let told = String::from("This revision of the protocol is not spoken here.");
        Self {
            data: Some(
                json!({ "supported": [Revision::Stateless.name()], "requested": requested }),
            ),
            ..Self::new(StatusCode::BAD_REQUEST, -32_022, told)
        }
    }

    /// As the revision that is spoken has it: the older one tells its errors in the body alone.
    pub(super) const fn within(mut self, spoken: Revision) -> Self {
        if matches!(spoken, Revision::Initialized) {
            self.status = StatusCode::OK;
        }
        self
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn body(&self) -> Value {
        let mut body = json!({ "code": self.code, "message": self.message });
        if let (Some(data), Value::Object(members)) = (&self.data, &mut body) {
            members.insert(String::from("data"), data.clone());
        }
        body
    }
}

impl Message {
    pub(super) fn read(body: Value) -> Result<Self, Fault> {
        let Value::Object(mut members) = body else {
            return Err(Fault::no_message("One request or notification is taken."));
        };
        if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(Fault::no_message("A message says jsonrpc 2.0."));
        }
        let Some(Value::String(method)) = members.remove("method") else {
            return Err(Fault::no_message("A message names its method."));
        };
        let id = members.remove("id");
        let named = match &id {
            None | Some(Value::String(_)) => true,
            Some(Value::Number(number)) => number.is_i64() || number.is_u64(),
            Some(_) => false,
        };
        if !named {
            return Err(Fault::no_message("An id is a text or a whole number."));
        }
        let params = match members.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err(Fault::no_message("Parameters are given by name.")),
        };
        Ok(Self { id, method, params })
    }

    /// A parameter that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.params.get(name)?.as_str()
    }

    /// What stands in `_meta` under a name.
    pub(super) fn meta(&self, name: &str) -> Option<&Value> {
        self.params.get("_meta")?.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_or_one_notification_is_read_and_nothing_else() {
        let read = Message::read(json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).unwrap();
        assert_eq!((read.id, read.method.as_str()), (Some(json!(1)), "ping"));
        let told =
            Message::read(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assert_eq!(told.unwrap().id, None);
        for body in [
            json!(null),
            json!("ping"),
            json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }]),
            json!({ "id": 1, "method": "ping" }),
            json!({ "jsonrpc": "1.0", "id": 1, "method": "ping" }),
            json!({ "jsonrpc": "2.0", "id": 1 }),
            json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
            json!({ "jsonrpc": "2.0", "id": null, "method": "ping" }),
            json!({ "jsonrpc": "2.0", "id": 1.5, "method": "ping" }),
            json!({ "jsonrpc": "2.0", "id": [1], "method": "ping" }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": 7 }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1] }),
        ] {
            let fault = Message::read(body.clone()).unwrap_err();
            assert_eq!(fault.body()["code"], -32_600, "{body}");
            assert_eq!(fault.status(), 400);
        }
    }

    #[test]
    fn each_revision_has_its_number_for_what_is_not_there() {
        for (spoken, code) in [
            (Revision::Initialized, -32_002),
            (Revision::Stateless, -32_602),
        ] {
            let fault = Fault::resource_not_found(spoken, "a\u{202e}b").within(spoken);
            assert_eq!(fault.body()["code"], code);
            assert_eq!(fault.body()["data"], json!({ "uri": "ab" }));
            assert_eq!(fault.status(), 200);
        }
        assert_eq!(Fault::no_method().within(Revision::Stateless).status(), 404);
        assert_eq!(
            Fault::no_method().within(Revision::Initialized).status(),
            200
        );
    }
}
