//! `/mcp`: the Model Context Protocol for programs of others that a person let in (OB-19), in its revisions
//! 2026-07-28 and 2025-11-25. One request, one answer in JSON: no session, no stream, nothing kept in a process.
//!
//! `message` reads JSON-RPC; `revision` which of the two a request speaks, and holds its headers to its body; `serve`
//! answers the methods; `tools`, `resources` and `prompts` are what a token opens, one scope each; `schema`
//! checks what a tool is given by what its schema says (LM-49); `outside` marks and cleans what people outside
//! wrote, so that a hostile name stays a name (LM-46, LM-47).

mod message;
mod outside;
mod prompts;
mod resources;
mod revision;
mod schema;
mod serve;
mod tools;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    web,
};
use http::{Body, Granted, Problem, Routes};
use kernel::port::MCP_PATH;
use serde_json::{Value, json};

use crate::Gateway;
use message::{Fault, Message};
use serve::Refusal;

/// RFC 9728 section 3.1: the path of what is described comes behind.
const METADATA: &str = "/.well-known/oauth-protected-resource";

/// The one address; its scopes are its tools' own.
pub fn routes() -> Routes {
    Routes::new().post(MCP_PATH, call)
}

/// Every scope that something here takes, once.
pub fn scopes() -> Vec<&'static str> {
    let mut scopes: Vec<&str> = tools::ALL.iter().map(|tool| tool.spec().scope).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

pub(crate) fn configure(app: &mut web::ServiceConfig, gateway: &Gateway, public_url: &str) {
    for resource in routes().into_resources() {
        app.service(resource.app_data(web::Data::new(gateway.clone())));
    }
    let told = described(public_url.trim_end_matches('/'));
    for path in [format!("{METADATA}{MCP_PATH}"), METADATA.to_owned()] {
        let told = told.clone();
        let answer = move || {
            let told = told.clone();
            async move {
                HttpResponse::Ok()
                    .insert_header((CACHE_CONTROL, "max-age=300"))
                    .json(told)
            }
        };
        app.service(web::resource(path).route(web::get().to(answer)));
    }
}

/// RFC 9728 section 2. It names no tenant and nobody.
fn described(site: &str) -> Value {
    json!({
        "resource": format!("{site}{MCP_PATH}"),
        "authorization_servers": [site],
        "scopes_supported": scopes(),
        "bearer_methods_supported": ["header"],
        "resource_name": "Revkeep",
    })
}

async fn call(
    who: Granted,
    gateway: web::Data<Gateway>,
    request: HttpRequest,
    body: Result<Body<Value>, Problem>,
) -> Result<HttpResponse, Problem> {
    let body = match body {
        Ok(Body(body)) => body,
        Err(problem) if problem.code() == "body_not_json" => {
            return Ok(told(&Fault::not_json(), &Value::Null));
        }
        Err(problem) => return Err(problem),
    };
    let message = match Message::read(body) {
        Ok(message) => message,
        Err(fault) => return Ok(told(&fault, &Value::Null)),
    };
    let id = message.id.clone();
    let spoken = match revision::of(request.headers(), &message) {
        Ok(spoken) => spoken,
        Err(fault) => return Ok(told(&fault, &id.unwrap_or_default())),
    };
    // Nothing that a program only tells changes anything here.
    let Some(id) = id else {
        return Ok(HttpResponse::Accepted().finish());
    };
    match serve::answer(&who, &gateway, spoken, message).await {
        Ok(result) => Ok(json_answer(
            &mut HttpResponse::Ok(),
            &json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        )),
        Err(Refusal::Fault(fault)) => Ok(told(&fault.within(spoken), &id)),
        Err(Refusal::Problem(problem)) => Err(problem),
    }
}

fn told(fault: &Fault, id: &Value) -> HttpResponse {
    let body = json!({ "jsonrpc": "2.0", "id": id, "error": fault.body() });
    json_answer(&mut HttpResponse::build(fault.status()), &body)
}

fn json_answer(answer: &mut actix_web::HttpResponseBuilder, body: &Value) -> HttpResponse {
    answer
        .insert_header((CONTENT_TYPE, "application/json"))
        .body(body.to_string())
}

#[cfg(test)]
mod tests {
    use http::Access;

    use super::*;

    #[test]
    fn there_is_one_address_and_it_takes_a_persons_grant() {
        let routes = routes();
        let [route] = routes.list() else {
            panic!("{routes:?}", routes = routes.list());
        };
        assert_eq!((route.method.as_str(), route.path), ("POST", "/mcp"));
        assert_eq!(route.access, Access::Grant);
    }

    #[test]
    fn the_description_names_this_address_and_who_issues_its_tokens() {
        let told = described("https://revkeep.example");
        assert_eq!(told["resource"], "https://revkeep.example/mcp");
        assert_eq!(
            told["authorization_servers"],
            json!(["https://revkeep.example"])
        );
        assert_eq!(told["bearer_methods_supported"], json!(["header"]));
        assert_eq!(told["scopes_supported"].as_array().unwrap().len(), 7);
    }
}
