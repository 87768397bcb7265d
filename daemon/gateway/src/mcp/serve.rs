//! The methods. What a token lacks the scope for is not listed, and asking for it all the same is refused.

use http::{Granted, Problem};
use serde_json::{Map, Value, json};

use super::{
    message::{Fault, Message},
    outside::{ADVICE, FRAME, clean},
    prompts, resources,
    revision::Revision,
    schema,
    tools::{self, Tool},
};
use crate::Gateway;

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// Why there is no result: the program did not ask as it must, or may not, or we cannot.
pub(super) enum Refusal {
    Fault(Fault),
    Problem(Problem),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

pub(super) async fn answer(
    who: &Granted,
    gateway: &Gateway,
    spoken: Revision,
    message: Message,
) -> Result<Value, Refusal> {
    let result = match (spoken, message.method.as_str()) {
        (Revision::Stateless, "server/discover") => listed(spoken, discovered()),
        (Revision::Initialized, "initialize") => begun(&message)?,
        (Revision::Initialized, "ping") => json!({}),
        (_, "tools/list") => listed(spoken, json!({ "tools": whole(&message, tool_list(who))? })),
        (_, "tools/call") => tool_call(who, gateway, message).await?,
        (_, "resources/list") => {
            let there = resources::list(who);
            listed(spoken, json!({ "resources": whole(&message, there)? }))
        }
        (_, "resources/templates/list") => {
            let there = resources::templates(who);
            listed(
                spoken,
                json!({ "resourceTemplates": whole(&message, there)? }),
            )
        }
        (_, "resources/read") => {
            let uri = message.text("uri").unwrap_or_default();
            listed(spoken, resources::read(who, gateway, spoken, uri).await?)
        }
        (_, "prompts/list") => listed(
            spoken,
            json!({ "prompts": whole(&message, prompts::list(who))? }),
        ),
        (_, "prompts/get") => prompts::get(who, &message)?,
        _ => return Err(Fault::no_method().into()),
    };
    Ok(match spoken {
        Revision::Stateless => complete(result),
        Revision::Initialized => result,
    })
}

/// Every list is whole, so there is no place in it to go on from.
fn whole(message: &Message, list: Vec<Value>) -> Result<Vec<Value>, Fault> {
    match message.params.get("cursor") {
        None | Some(Value::Null) => Ok(list),
        Some(_) => Err(Fault::params("This list is whole; it has no cursor.")),
    }
}

/// Each result of the newer revision says that it is one, and whose.
fn complete(mut result: Value) -> Value {
    if let Value::Object(members) = &mut result {
        members.insert(String::from("resultType"), Value::from("complete"));
        members.insert(String::from("_meta"), json!({ SERVER_INFO: server() }));
    }
    result
}

/// What depends on the token is kept by nobody for another, and by nobody at all.
fn listed(spoken: Revision, mut result: Value) -> Value {
    if let (Revision::Stateless, Value::Object(members)) = (spoken, &mut result) {
        members.insert(String::from("ttlMs"), Value::from(0));
        members.insert(String::from("cacheScope"), Value::from("private"));
    }
    result
}

fn server() -> Value {
    json!({ "name": "revkeep", "title": "Revkeep", "version": env!("CARGO_PKG_VERSION") })
}

fn capabilities() -> Value {
    json!({ "tools": {}, "resources": {}, "prompts": {} })
}

fn discovered() -> Value {
    json!({
        "supportedVersions": [Revision::Stateless.name()],
        "capabilities": capabilities(),
        "instructions": ADVICE,
    })
}

/// Whatever was asked for, this is what is spoken; nothing is remembered of it.
fn begun(message: &Message) -> Result<Value, Fault> {
    if message.text("protocolVersion").is_none() {
        return Err(Fault::params("protocolVersion is missing."));
    }
    Ok(json!({
        "protocolVersion": Revision::Initialized.name(),
        "capabilities": capabilities(),
        "serverInfo": server(),
        "instructions": ADVICE,
    }))
}

fn tool_list(who: &Granted) -> Vec<Value> {
    let opened = tools::ALL.iter().filter(|tool| who.has(tool.spec().scope));
    opened.map(|tool| described(*tool)).collect()
}

fn described(tool: Tool) -> Value {
    let spec = tool.spec();
    json!({
        "name": spec.name,
        "title": spec.title,
        "description": spec.description,
        "inputSchema": (spec.input)(),
        "outputSchema": (spec.output)(),
        "annotations": {
            "title": spec.title,
            "readOnlyHint": spec.reads,
            "destructiveHint": false,
            "idempotentHint": true,
            "openWorldHint": false,
        },
    })
}

async fn tool_call(who: &Granted, gateway: &Gateway, message: Message) -> Result<Value, Refusal> {
    let name = message.text("name").unwrap_or_default();
    let Some(tool) = tools::ALL.into_iter().find(|tool| tool.spec().name == name) else {
        return Err(Fault::params("There is no such tool here.").into());
    };
    if !who.has(tool.spec().scope) {
        return Err(who.lacks(tool.spec().scope).into());
    }
    let given = match message.params.get("arguments") {
        None => Value::Object(Map::new()),
        Some(given) => given.clone(),
    };
    if let Some(fault) = schema::fault(&(tool.spec().input)(), &given) {
        return Ok(failed(&format!("input_invalid: {fault}.")));
    }
    match tool.run(who, gateway, given).await {
        Ok(answer) => Ok(told(&clean(answer))),
        Err(problem) if problem.status().is_client_error() => {
            Ok(failed(&format!("{}: {}", problem.code(), problem.detail())))
        }
        Err(problem) => Err(problem.into()),
    }
}

fn told(answer: &Value) -> Value {
    json!({
        "content": [
            { "type": "text", "text": FRAME },
            { "type": "text", "text": answer.to_string() },
        ],
        "structuredContent": answer,
        "isError": false,
    })
}

/// For the model to read and to ask again otherwise.
fn failed(why: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": why }], "isError": true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_described_and_those_that_leave_a_wish_behind_say_so() {
        for tool in tools::ALL {
            let told = described(tool);
            let name = told["name"].as_str().unwrap();
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            );
            assert!(!told["description"].as_str().unwrap().is_empty(), "{name}");
            let proposes = name.ends_with("_propose");
            assert_eq!(told["annotations"]["readOnlyHint"], !proposes, "{name}");
            assert_eq!(told["annotations"]["destructiveHint"], false, "{name}");
            assert_eq!(told["outputSchema"]["type"], "object", "{name}");
        }
    }

    #[test]
    fn a_result_of_the_newer_revision_says_that_it_is_one() {
        let told = complete(listed(Revision::Stateless, json!({ "tools": [] })));
        assert_eq!(told["resultType"], "complete");
        assert_eq!(
            (&told["ttlMs"], &told["cacheScope"]),
            (&json!(0), &json!("private"))
        );
        assert_eq!(told["_meta"][SERVER_INFO]["name"], "revkeep");
        let old = listed(Revision::Initialized, json!({ "tools": [] }));
        assert_eq!(old, json!({ "tools": [] }));
    }
}
