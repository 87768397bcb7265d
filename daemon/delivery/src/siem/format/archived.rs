//! Whatever a format, a transport or an export makes of a head, `revkeep audit compare` finds it there.

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;

/// A head that reads as one, and its event.
fn readable_head() -> (audit::Head, Event) {
    let statement = audit::Statement {
        number: 17,
        size: 42,
        root: [1; 32],
        previous: [2; 32],
        at: DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap(),
        cluster: "7412345678901234567".to_owned(),
        mark: 99,
        cursor: None,
        complete: true,
        pruned: None,
        key: [3; 32],
    };
    let head = audit::Head::new(&statement.to_text(), &[0x11; 64]).unwrap();
    let event = Event::head(&head);
    (head, event)
}

/// What of an archive's line `revkeep audit compare` finds again.
#[track_caller]
fn finds_the_head(line: &str) {
    let (head, _) = readable_head();
    let archived = audit::Archived::in_line(line.as_bytes());
    assert_eq!(archived.heads, [head], "{line}");
    assert!(!archived.unreadable, "{line}");
}

/// The formats, each as a transport writes it alone.
fn lines_of_the_head() -> Vec<String> {
    let (_, event) = readable_head();
    let mut lines = vec![syslog(&event, "h", None)];
    for format in [Format::Cef, Format::Leef, Format::Ocsf, Format::Json] {
        let text = payload(format, &event).unwrap().into_text();
        lines.push(syslog(&event, "h", Some(&text)));
        lines.push(text);
    }
    lines
}

#[test]
fn compare_finds_a_head_in_each_format_alone_and_within_syslog() {
    for line in lines_of_the_head() {
        finds_the_head(&line);
        finds_the_head(&format!("{line}\n"));
    }
}

/// `%msgid% %structured-data% %msg%`, the template of docs/siem.md.
#[test]
fn compare_finds_a_head_in_the_lines_of_the_documented_receiver() {
    for line in lines_of_the_head() {
        if line.starts_with('<') {
            let written = line.splitn(6, ' ').nth(5).unwrap();
            assert!(written.starts_with("head-17 "), "{written}");
            finds_the_head(written);
        }
    }
}

#[test]
fn compare_finds_a_head_in_what_a_collector_keeps() {
    let (_, event) = readable_head();
    let mut contents = vec![Value::from(syslog(&event, "h", None))];
    for format in [Format::Cef, Format::Leef, Format::Ocsf, Format::Json] {
        contents.push(match payload(format, &event).unwrap() {
            Payload::Json(value) => value,
            Payload::Text(text) => Value::from(text),
        });
    }
    for content in contents {
        let kept =
            json!({ "time": "1", "host": "h", "event": content, "fields": { "id": "head-17" } });
        finds_the_head(&kept.to_string());
        // A body as it comes has objects after each other.
        finds_the_head(&format!("{{\"event\":\"x {{\"}}{kept}{kept}"));
    }
}

#[test]
fn compare_finds_a_head_in_exports_of_splunk_and_of_the_journal() {
    for line in lines_of_the_head() {
        let raw = json!({ "preview": false, "result": { "_time": "1", "_raw": line } });
        finds_the_head(&raw.to_string());
        finds_the_head(&json!({ "_raw": line, "host": "h" }).to_string());
        let journal = json!({ "__CURSOR": "s=1", "PRIORITY": "6", "MESSAGE": line });
        finds_the_head(&journal.to_string());
        finds_the_head(&format!("Nov 22 14:00:00 h revkeep[1]: {line}"));
    }
}

#[test]
fn compare_passes_over_what_is_no_head_and_names_one_that_was_changed() {
    let (head, event) = readable_head();
    let entry = Event {
        head: None,
        ..event.clone()
    };
    for format in [Format::Cef, Format::Leef, Format::Ocsf, Format::Json] {
        let text = payload(format, &entry).unwrap().into_text();
        let archived = audit::Archived::in_line(text.as_bytes());
        assert!(archived.heads.is_empty() && !archived.unreadable, "{text}");
    }
    for line in lines_of_the_head() {
        let changed = line.replace("complete yes", "complete perhaps");
        let archived = audit::Archived::in_line(changed.as_bytes());
        assert!(
            archived.heads.is_empty() && archived.unreadable,
            "{changed}"
        );
    }
    // Bytes of another encoding beside it.
    let mut line = b"caf\xe9 ".to_vec();
    line.extend_from_slice(syslog(&event, "h", None).as_bytes());
    assert_eq!(audit::Archived::in_line(&line).heads, [head]);
}
