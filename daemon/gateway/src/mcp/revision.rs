//! Which revision of the protocol a request speaks. The newer one says it with each request, in a header and in the
//! body, and repeats in headers what is asked for, so that what stands in front can judge by them: where the two
//! differ, one of them lies, and the request is refused.

use actix_web::http::header::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::message::{Fault, Message};

const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Revision {
    /// Each request stands for itself.
    Stateless,
    /// Begins with `initialize`, after which nothing is remembered here either.
    Initialized,
}

impl Revision {
    pub(super) const ALL: [Self; 2] = [Self::Stateless, Self::Initialized];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stateless => "2026-07-28",
            Self::Initialized => "2025-11-25",
        }
    }
}

/// The revision of a message whose headers are as it must have them.
pub(super) fn of(headers: &HeaderMap, message: &Message) -> Result<Revision, Fault> {
    let said = once(headers, VERSION)?;
    let in_body = message.meta(META_VERSION);
    let spoken = match said {
        Some(said) => Revision::ALL
            .into_iter()
            .find(|one| one.name() == said)
            .ok_or_else(|| Fault::revision(said))?,
        // Whoever begins says in the body what they speak, and is told what is spoken here.
        None if message.method == "initialize" => Revision::Initialized,
        None if in_body.is_some() => return Err(Fault::header("MCP-Protocol-Version")),
        // Without a word it would be a revision of before.
        None => return Err(Fault::revision("2025-03-26")),
    };
    if spoken == Revision::Stateless {
        stateless(headers, message, in_body)?;
    }
    Ok(spoken)
}

fn stateless(headers: &HeaderMap, message: &Message, in_body: Option<&Value>) -> Result<(), Fault> {
    if once(headers, METHOD)? != Some(message.method.as_str()) {
        return Err(Fault::header("Mcp-Method"));
    }
    let named = match message.method.as_str() {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        _ => None,
    };
    if let Some(named) = named {
        let said = once(headers, NAME)?.and_then(plain);
        if said.is_none() || said.as_deref() != message.text(named) {
            return Err(Fault::header("Mcp-Name"));
        }
    }
    if message.id.is_none() {
        return Ok(());
    }
    match in_body.map(Value::as_str) {
        Some(Some(version)) if version == Revision::Stateless.name() => {}
        Some(Some(_)) => return Err(Fault::header("MCP-Protocol-Version")),
        Some(None) | None => {
            return Err(Fault::malformed("_meta does not name the revision."));
        }
    }
    match message.meta(META_CAPABILITIES) {
        Some(Value::Object(_)) => Ok(()),
        _ => Err(Fault::malformed(
            "_meta does not name what the client can do.",
        )),
    }
}

/// The one value of a header, without the space around it. Twice is a lie of one of the two.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| Fault::header(name))?;
            Ok(Some(text.trim_matches([' ', '\t'])))
        }
        (Some(_), Some(_)) => Err(Fault::header(name)),
    }
}

/// What is no plain text travels in base64, marked as such.
fn plain(said: &str) -> Option<String> {
    let Some(encoded) = said.strip_prefix("=?base64?") else {
        return Some(said.to_owned());
    };
    let bytes = STANDARD.decode(encoded.strip_suffix("?=")?).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn message(method: &str, params: Value) -> Message {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        Message::read(body).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        headers
    }

    fn meta() -> Value {
        json!({ META_VERSION: "2026-07-28", META_CAPABILITIES: {} })
    }

    const CALL: [(&str, &str); 3] = [
        (VERSION, "2026-07-28"),
        (METHOD, "tools/call"),
        (NAME, "rep_load"),
    ];

    #[test]
    fn a_request_that_says_the_same_twice_is_taken() {
        let call = message("tools/call", json!({ "name": "rep_load", "_meta": meta() }));
        assert_eq!(of(&headers(&CALL), &call), Ok(Revision::Stateless));
        let mut encoded = CALL;
        encoded[2].1 = "=?base64?cmVwX2xvYWQ=?=";
        assert_eq!(of(&headers(&encoded), &call), Ok(Revision::Stateless));
        let list = message("tools/list", json!({ "_meta": meta() }));
        let spaced = headers(&[(VERSION, " 2026-07-28\t"), (METHOD, "tools/list")]);
        assert_eq!(of(&spaced, &list), Ok(Revision::Stateless));
        let begin = message("initialize", json!({ "protocolVersion": "2025-11-25" }));
        assert_eq!(of(&headers(&[]), &begin), Ok(Revision::Initialized));
        let old = message("tools/list", json!({}));
        let said = headers(&[(VERSION, "2025-11-25")]);
        assert_eq!(of(&said, &old), Ok(Revision::Initialized));
    }

    /// What stands in front judges by the headers, and is not to be misled.
    #[test]
    fn a_header_that_says_something_else_than_the_body_is_refused() {
        let call = message("tools/call", json!({ "name": "rep_load", "_meta": meta() }));
        let attacks: [&[(&str, &str)]; 9] = [
            &[(VERSION, "2026-07-28"), (METHOD, "tools/call")],
            &[(VERSION, "2026-07-28"), (NAME, "rep_load")],
            &[
                (VERSION, "2026-07-28"),
                (METHOD, "tools/list"),
                (NAME, "rep_load"),
            ],
            &[
                (VERSION, "2026-07-28"),
                (METHOD, "TOOLS/CALL"),
                (NAME, "rep_load"),
            ],
            &[
                (VERSION, "2026-07-28"),
                (METHOD, "tools/call"),
                (NAME, "record_search"),
            ],
            &[
                (VERSION, "2026-07-28"),
                (METHOD, "tools/call"),
                (NAME, "=?base64?!?="),
            ],
            &[
                (VERSION, "2026-07-28"),
                (METHOD, "tools/call"),
                (NAME, "rep_load"),
                (NAME, "record_search"),
            ],
            &[
                (VERSION, "2026-07-28"),
                (VERSION, "2025-11-25"),
                (METHOD, "tools/call"),
                (NAME, "rep_load"),
            ],
            &[(METHOD, "tools/call"), (NAME, "rep_load")],
        ];
        for said in attacks {
            let fault = of(&headers(said), &call).unwrap_err();
            assert_eq!(fault.body()["code"], -32_020, "{said:?}");
            assert_eq!(fault.status(), 400);
        }
        let other = json!({ "name": "rep_load", "_meta": { META_VERSION: "2025-11-25", META_CAPABILITIES: {} } });
        let fault = of(&headers(&CALL), &message("tools/call", other)).unwrap_err();
        assert_eq!(fault.body()["code"], -32_020);
    }

    #[test]
    fn what_is_not_spoken_here_or_not_told_is_refused() {
        let list = message("tools/list", json!({}));
        for said in ["2024-11-05", "2025-03-26", "2099-01-01", "x", ""] {
            let fault = of(&headers(&[(VERSION, said)]), &list).unwrap_err();
            assert_eq!(fault.body()["code"], -32_022, "{said}");
            assert_eq!(
                fault.body()["data"],
                json!({ "supported": ["2026-07-28"], "requested": said })
            );
        }
        assert_eq!(
            of(&headers(&[]), &list).unwrap_err().body()["code"],
            -32_022
        );
        let said = headers(&[(VERSION, "2026-07-28"), (METHOD, "tools/list")]);
        for params in [
            json!({}),
            json!({ "_meta": {} }),
            json!({ "_meta": { META_VERSION: "2026-07-28" } }),
            json!({ "_meta": { META_VERSION: 1, META_CAPABILITIES: {} } }),
            json!({ "_meta": { META_VERSION: "2026-07-28", META_CAPABILITIES: [] } }),
        ] {
            let fault = of(&said, &message("tools/list", params.clone())).unwrap_err();
            assert_eq!(
                (fault.body()["code"].clone(), fault.status().as_u16()),
                (json!(-32_602), 400),
                "{params}"
            );
        }
    }
}
