//! Each format read back by the rules of its own specification, whatever an event holds.

use audit::HeadLine;
use chrono::DateTime;
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::*;

fn event() -> Event {
    Event {
        id: "0192f0c1a2b37000800000000000000a".to_owned(),
        at: DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap(),
        tenant: Uuid::from_u128(7),
        action: "sign_in_refuse".to_owned(),
        outcome: "refused".to_owned(),
        code: Some("password_wrong".to_owned()),
        actor_kind: "human".to_owned(),
        actor_id: "user_1".to_owned(),
        resource_type: "session".to_owned(),
        resource_id: "session_9".to_owned(),
        request_id: Some(Uuid::from_u128(9)),
        leaf: Some((41, "ab".repeat(32))),
        head: None,
    }
}

fn head() -> Event {
    Event {
        head: Some(HeadLine {
            number: 17,
            size: 42,
            at: "2026-11-22T14:00:00.123456Z".to_owned(),
            root: "00".repeat(32),
            statement: "revkeep audit head 1\nnumber 17\n".to_owned(),
            signature: "11".repeat(64),
        }),
        leaf: None,
        id: "head-17".to_owned(),
        ..event()
    }
}

/// Anything that could come to stand in a field, and what hurts most more often.
fn text() -> impl Strategy<Value = String> {
    let hostile = "[\"\\\\\\]|=\t\r\n\u{0}\u{7f}\u{85}\u{feff} \\[<>a-zé€😀]{0,20}";
    prop_oneof![any::<String>(), hostile]
}

prop_compose! {
    fn any_event()(action in text(), outcome in prop_oneof![Just("done".to_owned()), Just("failed".to_owned()), text()],
        code in proptest::option::of(text()), actor_id in text(), resource_id in text(), resource_type in text(), leaf in any::<bool>()) -> Event {
        Event { action, outcome, code, actor_id, resource_id, resource_type, leaf: if leaf { event().leaf } else { None }, ..event() }
    }
}

/// A reader of RFC 5424 section 6: header, parameters of the one element, message.
fn read_syslog(line: &str) -> (Vec<&str>, Vec<(String, String)>, String) {
    let mut rest = line;
    let mut header = Vec::new();
    for _ in 0..6 {
        let (word, after) = rest.split_once(' ').unwrap();
        assert!(
            !word.is_empty() && word.chars().all(|c| c.is_ascii_graphic()),
            "{word:?}"
        );
        header.push(word);
        rest = after;
    }
    let mut params = Vec::new();
    let mut chars = rest.chars();
    match chars.next() {
        Some('-') => {}
        Some('[') => {
            let id: String = chars.by_ref().take_while(|c| *c != ' ').collect();
            assert_eq!(id, "revkeep@32473");
            loop {
                let name: String = chars.by_ref().take_while(|c| *c != '=').collect();
                assert!(
                    name.len() <= 32 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                );
                assert_eq!(chars.next(), Some('"'));
                let mut value = String::new();
                loop {
                    match chars.next().unwrap() {
                        '"' => break,
                        '\\' => match chars.next().unwrap() {
                            c @ ('"' | '\\' | ']') => value.push(c),
                            other => panic!("escape of {other:?}"),
                        },
                        ']' => panic!("a bracket that is not escaped"),
                        c => value.push(c),
                    }
                }
                params.push((name, value));
                match chars.next().unwrap() {
                    ' ' => {}
                    ']' => break,
                    other => panic!("{other:?} after a value"),
                }
            }
        }
        other => panic!("structured data begins with {other:?}"),
    }
    assert_eq!(chars.next(), Some(' '));
    (header, params, chars.collect())
}

/// A reader of CEF: the seven fields of the header and the extension, by its rules of escaping.
fn read_cef(line: &str) -> (Vec<String>, Vec<(String, String)>) {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while fields.len() < 8 {
        match chars.next().unwrap() {
            '\\' => fields.last_mut().unwrap().push(chars.next().unwrap()),
            '|' => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields.pop();
    let rest: Vec<char> = chars.collect();
    // An equals sign that is not escaped ends a key, which is the word before it.
    let mut signs = Vec::new();
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 1,
            '=' => signs.push(at),
            _ => {}
        }
        at += 1;
    }
    let key_of = |sign: usize| {
        rest[..sign]
            .iter()
            .rposition(|c| *c == ' ')
            .map_or(0, |space| space + 1)
    };
    let pairs = signs.iter().enumerate().map(|(n, sign)| {
        let end = signs
            .get(n + 1)
            .map_or(rest.len(), |next| key_of(*next) - 1);
        let raw: String = rest[sign + 1..end].iter().collect();
        let mut value = String::new();
        let mut raw = raw.chars();
        while let Some(c) = raw.next() {
            value.push(if c == '\\' { raw.next().unwrap() } else { c });
        }
        (rest[key_of(*sign)..*sign].iter().collect(), value)
    });
    (fields, pairs.collect())
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let found: Vec<_> = pairs.iter().filter(|(key, _)| key == name).collect();
    assert_eq!(found.len(), 1, "{name} in {pairs:?}");
    &found[0].1
}

proptest! {
    #[test]
    fn syslog_reads_back_whatever_the_event_holds(event in any_event(), host in text()) {
        let line = syslog(&event, &host, None);
        prop_assert!(!line.chars().any(char::is_control));
        let (header, params, message) = read_syslog(&line);
        prop_assert!(header[2].len() <= 255);
        prop_assert_eq!(header[5], &event.id);
        prop_assert_eq!(value(&params, "action"), plain(&event.action));
        prop_assert_eq!(value(&params, "actor_id"), plain(&event.actor_id));
        prop_assert_eq!(value(&params, "resource_id"), plain(&event.resource_id));
        // Section 6.4: UTF-8 is announced, ASCII is not.
        let told = message.strip_prefix('\u{feff}');
        let sentence = plain(&event.sentence());
        prop_assert_eq!(told.is_some(), !sentence.is_ascii());
        prop_assert_eq!(told.unwrap_or(&message), sentence);
    }

    #[test]
    fn cef_reads_back_whatever_the_event_holds(event in any_event()) {
        let line = cef::cef(&event);
        prop_assert!(!line.chars().any(char::is_control));
        let (header, pairs) = read_cef(&line);
        prop_assert_eq!(&header[0], "CEF:0");
        prop_assert_eq!(&header[4], &plain(&event.action));
        prop_assert_eq!(value(&pairs, "externalId"), &event.id);
        prop_assert_eq!(value(&pairs, "suid"), plain(&event.actor_id));
        prop_assert_eq!(value(&pairs, "cs4"), plain(&event.resource_id));
        prop_assert_eq!(value(&pairs, "msg"), plain(&event.sentence()));
    }

    #[test]
    fn leef_has_its_six_fields_and_each_attribute_once_whatever_the_event_holds(event in any_event()) {
        let line = leef::leef(&event);
        prop_assert!(!line.chars().any(|c| c.is_control() && c != '\t'));
        let parts: Vec<&str> = line.splitn(7, '|').collect();
        prop_assert_eq!(parts[..4].join("|"), format!("LEEF:2.0|Revkeep|Revkeep|{VERSION}"));
        prop_assert_eq!(parts[5], "x09");
        let pairs: Vec<(String, String)> = parts[6].split('\t').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        }).collect();
        prop_assert_eq!(value(&pairs, "id"), &event.id);
        prop_assert_eq!(value(&pairs, "usrName"), plain(&event.actor_id));
        prop_assert_eq!(value(&pairs, "resource_id"), plain(&event.resource_id));
    }

    #[test]
    fn json_and_ocsf_are_one_line_and_hold_what_they_were_given(event in any_event()) {
        for (format, pointer) in [(Format::Json, "/resource_id"), (Format::Ocsf, "/unmapped/resource_id")] {
            let line = payload(format, &event).unwrap().into_text();
            prop_assert!(!line.chars().any(char::is_control));
            let read: Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read.pointer(pointer).unwrap().as_str().unwrap(), &event.resource_id);
        }
    }
}

#[test]
fn an_entry_in_each_format() {
    let event = event();
    assert_eq!(
        syslog(&event, "revkeep.corp.example", None),
        format!(
            "<108>1 2027-01-15T08:00:00.123456Z revkeep.corp.example revkeep - 0192f0c1a2b37000800000000000000a \
             [revkeep@32473 id=\"0192f0c1a2b37000800000000000000a\" at=\"2027-01-15T08:00:00.123456Z\" tenant=\"tenant_00000000000000000000000000000007\" \
             action=\"sign_in_refuse\" outcome=\"refused\" code=\"password_wrong\" actor_kind=\"human\" actor_id=\"user_1\" resource_type=\"session\" \
             resource_id=\"session_9\" request_id=\"req_00000000000000000000000000000009\" position=\"41\" hash=\"{}\"] \
             sign_in_refuse refused session_9 by human user_1: password_wrong",
            "ab".repeat(32)
        )
    );
    assert!(cef::cef(&event).starts_with(&format!("CEF:0|Revkeep|Revkeep|{VERSION}|sign_in_refuse|sign in refuse|6|rt=1800000000123 externalId=0192f0c1a2b37000800000000000000a act=sign_in_refuse ")));
    assert!(leef::leef(&event).starts_with(&format!("LEEF:2.0|Revkeep|Revkeep|{VERSION}|sign_in_refuse|x09|devTime=1800000000123\tsev=6\tusrName=user_1\t")));
}

#[test]
fn a_message_in_another_format_stands_alone() {
    let event = event();
    let text = payload(Format::Json, &event).unwrap().into_text();
    let line = syslog(&event, "h", Some(&text));
    let (_, params, message) = read_syslog(&line);
    assert!(params.is_empty());
    assert_eq!(message, text);
}

#[test]
fn a_head_reaches_the_archive_as_compare_reads_it() {
    let event = head();
    let line = event.head_json().unwrap();
    let (header, _, message) = {
        let text = syslog(&event, "h", None);
        let (header, params, message) = read_syslog(&text);
        (header.join(" "), params, message)
    };
    assert!(header.ends_with(" head-17"));
    assert_eq!(message, line);
    let json: Value =
        serde_json::from_str(&payload(Format::Json, &event).unwrap().into_text()).unwrap();
    assert_eq!(
        json["head"]["statement"],
        "revkeep audit head 1\nnumber 17\n"
    );
    let ocsf: Value =
        serde_json::from_str(&payload(Format::Ocsf, &event).unwrap().into_text()).unwrap();
    assert_eq!(ocsf["unmapped"]["head"]["signature"], "11".repeat(64));
    let (_, pairs) = read_cef(&cef::cef(&event));
    assert_eq!(value(&pairs, "msg"), line);
}

/// What the schema requires of a class, by path.
const REQUIRED: [(u64, &[&str]); 3] = [
    (3001, &["/user/uid"]),
    (3002, &["/user/uid"]),
    (
        6003,
        &["/actor/user/uid", "/api/operation", "/src_endpoint/name"],
    ),
];

#[test]
fn every_verb_is_an_event_of_a_class_with_what_that_class_requires() {
    for action in kernel::Action::ALL {
        let event = Event {
            action: action.name().to_owned(),
            ..event()
        };
        let object = ocsf::ocsf(&event);
        let number = |path: &str| {
            object
                .pointer(path)
                .and_then(Value::as_u64)
                .unwrap_or_else(|| panic!("{path} of {action:?}"))
        };
        let class = number("/class_uid");
        assert_eq!(number("/category_uid"), class / 1_000);
        assert_eq!(number("/type_uid"), class * 100 + number("/activity_id"));
        number("/time");
        number("/severity_id");
        for path in [
            "/metadata/version",
            "/metadata/product/vendor_name",
            "/metadata/uid",
        ] {
            assert!(object.pointer(path).is_some_and(Value::is_string), "{path}");
        }
        let (_, required) = REQUIRED.iter().find(|(uid, _)| *uid == class).unwrap();
        for path in *required {
            assert!(
                object.pointer(path).is_some_and(Value::is_string),
                "{path} of {action:?}"
            );
        }
    }
}
