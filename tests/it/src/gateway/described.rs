//! The description of the interface is what the daemon does, and the manual's examples run.

use std::{collections::BTreeSet, process::Command};

use reqwest::Method;
use serde_json::Value;

use super::desk::{Door, address};

impl Door {
    async fn described(&self) -> Value {
        let path = format!("{}/openapi.json", gateway::BASE);
        let answer = self.desk.outside(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        answer.json().await.unwrap()
    }
}

/// A part of the description, by a reference.
fn resolved<'a>(described: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => described
            .pointer(reference.trim_start_matches('#'))
            .unwrap(),
        None => schema,
    }
}

/// What of an answer is not as its schema says.
pub(crate) fn faults(
    described: &Value,
    schema: &Value,
    answer: &Value,
    at: &str,
    faults: &mut Vec<String>,
) {
    let schema = resolved(described, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|choice| {
            let mut found = Vec::new();
            self::faults(described, choice, answer, at, &mut found);
            found.is_empty()
        });
        if !fits {
            faults.push(format!("{at}: none of the choices"));
        }
        return;
    }
    let kind = match answer {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|one| one == kind),
        one => one == kind,
    };
    if !allowed {
        faults.push(format!("{at}: {kind} is not {}", schema["type"]));
    }
    if let (Some(words), Value::String(_)) = (schema["enum"].as_array(), answer)
        && !words.contains(answer)
    {
        faults.push(format!("{at}: {answer} is none of {words:?}"));
    }
    for (index, item) in answer.as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}[{index}]");
        self::faults(described, &schema["items"], item, &at, faults);
    }
    let Some(members) = answer.as_object() else {
        return;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            faults.push(format!("{at}: lacks {name}"));
        }
    }
    for (name, member) in members {
        match schema["properties"].get(name) {
            Some(inner) => {
                self::faults(described, inner, member, &format!("{at}.{name}"), faults);
            }
            None if schema["additionalProperties"] == false => {
                faults.push(format!("{at}: {name} is not described"));
            }
            None => {}
        }
    }
}

#[tokio::test]
async fn every_answer_and_every_example_is_as_it_is_described() {
    let door = Door::open().await;
    let described = door.described().await;
    let keys = [
        door.key("records:read").await,
        door.key("routing:read").await,
    ];
    let mut wrong = Vec::new();
    let mut parameters = 0;
    for (path, operations) in described["paths"].as_object().unwrap() {
        let operation = &operations["get"];
        let told = &operation["responses"]["200"]["content"]["application/json"];
        let key = &keys[usize::from(operation["x-scope"] == "routing:read")];
        faults(
            &described,
            &told["schema"],
            &told["example"],
            &format!("example of {path}"),
            &mut wrong,
        );
        let path = address(path);
        let answer = door.good(key, &path).await;
        faults(&described, &told["schema"], &answer, &path, &mut wrong);
        let (status, problem) = door.ask(key, &format!("{path}?nothing=1")).await;
        assert_eq!(status, 400, "{path}");
        let schema = &operation["responses"]["400"]["content"]["application/problem+json"];
        faults(&described, &schema["schema"], &problem, &path, &mut wrong);
        // Each parameter that is described is taken; a lone field or value is not.
        for one in operation["parameters"].as_array().unwrap() {
            let name = one["name"].as_str().unwrap();
            if one["in"] != "query" || name == "cursor" {
                continue;
            }
            let mut query = format!("{name}={}", text(&one["example"]));
            match name {
                "field" => query.push_str("&value=x"),
                "value" => query.push_str("&field=Company"),
                "from" if path.ends_with("statistics") => {
                    query.push_str("&to=2026-01-08T00:00:00Z");
                }
                _ => {}
            }
            let (status, body) = door.ask(key, &format!("{path}?{query}")).await;
            assert_eq!(status, 200, "{path}?{query}: {body}");
            parameters += 1;
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(parameters > 25, "{parameters}");
    door.close().await;
}

fn text(example: &Value) -> String {
    let told = example.to_string();
    told.trim_matches('"').to_owned()
}

#[test]
fn a_member_that_is_not_described_and_one_that_is_missing_are_found() {
    let schema: Value = serde_json::json!({
        "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": ["integer", "null"] } },
        "required": ["a", "b"], "additionalProperties": false,
    });
    let mut found = Vec::new();
    let answer = serde_json::json!({ "a": 1, "c": true });
    faults(&Value::Null, &schema, &answer, "x", &mut found);
    assert_eq!(
        found,
        [
            "x: lacks \"b\"",
            "x.a: integer is not \"string\"",
            "x: c is not described"
        ]
    );
}

/// Blocks of the manual in a language.
fn blocks(language: &str) -> Vec<String> {
    let chapter = include_str!("../../../../docs/api.md");
    let begin = format!("```{language}\n");
    let body = |rest: &str| rest.split("\n```").next().unwrap().to_owned();
    chapter.split(&begin).skip(1).map(body).collect()
}

/// Both examples, as they stand in the manual, read every record of a running daemon.
#[tokio::test]
async fn the_examples_of_the_manual_run() {
    let door = Door::open().await;
    let key = door.key("records:read").await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, door.desk.ca_pem()).unwrap();
    let site = format!("https://{}", door.desk.running.address());
    let expected: BTreeSet<String> = (1..=5)
        .map(|n| format!("00Q0000000000{n}AAAA Visible {n}"))
        .collect();
    for (language, program, name) in [
        ("python", python(), "leads.py"),
        ("javascript", "node".to_owned(), "leads.mjs"),
    ] {
        let [example] = <[String; 1]>::try_from(blocks(language)).unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, example).unwrap();
        let mut command = Command::new(&program);
        command
            .arg(&file)
            .env("REVKEEP_URL", &site)
            .env("REVKEEP_KEY", &key)
            .env("SSL_CERT_FILE", &ca)
            .env("NODE_EXTRA_CA_CERTS", &ca);
        let run = tokio::task::spawn_blocking(move || command.output());
        let ran = run.await.unwrap().unwrap();
        let told = String::from_utf8_lossy(&ran.stdout).into_owned();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{language}: {told}{said}");
        let lines: BTreeSet<String> = told.lines().map(str::to_owned).collect();
        assert_eq!(lines, expected, "{language}: {said}");
    }
    door.close().await;
}

#[expect(clippy::disallowed_methods, reason = "a tool of the tests")]
fn python() -> String {
    std::env::var("REVKEEP_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}
