//! Promises that stand in texts: the disclosure policy (LM-80, LM-81, OB-37), and sources that may not
//! put SQL together (LM-37).

use std::path::Path;

use super::sources::{Source, sources};

#[test]
fn the_times_of_the_disclosure_policy_are_the_promised_ones() {
    let policy = include_str!("../../../../SECURITY.md");
    for (control, what, time) in [
        (
            "LM-80",
            "Acknowledgement",
            "48 hours or 2 business days, whichever is earlier",
        ),
        (
            "OB-37",
            "Acknowledgement",
            "48 hours or 2 business days, whichever is earlier",
        ),
        ("LM-80", "Assessment", "7 days"),
        ("LM-81", "high severity", "7 days from assessment"),
        ("LM-81", "medium severity", "30 days"),
        ("LM-81", "low severity", "90 days"),
    ] {
        let rows: Vec<_> = policy
            .lines()
            .filter(|line| line.starts_with('|') && line.contains(what))
            .collect();
        let [row] = rows.as_slice() else {
            panic!("{what}: {rows:?}");
        };
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert_eq!(cells[2], time, "{what}");
        assert!(cells[3].contains(control), "{what}: {row}");
    }
}

/// What the guide for programs does not say about where a refresh token is kept (LM-08).
fn unsaid(guide: &str) -> Vec<&'static str> {
    let said = [
        "Keychain",
        "Secure Enclave",
        "Android Keystore",
        "StrongBox",
        "Credential Manager",
        "Secret Service",
        "Never in a file",
    ];
    said.into_iter()
        .filter(|said| !guide.contains(said))
        .collect()
}

#[test]
fn native_programs_are_told_where_a_refresh_token_is_kept() {
    let guide = include_str!("../../../../docs/programs.md");
    assert_eq!(unsaid(guide), Vec::<&str>::new());
    assert_eq!(unsaid(&guide.replace("Keychain", "disk")), ["Keychain"]);
}

/// Statements that a line begins to put together from pieces.
fn pieced_together(source: &Source) -> Vec<String> {
    let verbs = [
        "select ",
        "insert ",
        "update ",
        "delete ",
        "with ",
        "truncate ",
        "set ",
    ];
    let flat = source.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for opening in ["format!( \"", "format!(\"", "format_args!(\""] {
        for piece in flat.split(opening).skip(1) {
            let begins = piece.trim_start().to_ascii_lowercase();
            if verbs.iter().any(|verb| begins.starts_with(verb)) && flat.contains("diesel") {
                found.push(format!("{}: {:.60}", source.path.display(), piece));
            }
        }
    }
    found
}

#[test]
fn no_statement_of_the_daemon_is_put_together_from_text() {
    let looked_at: Vec<Source> = sources()
        .into_iter()
        .filter(|source| source.path.starts_with("daemon"))
        .filter(|source| !source.path.starts_with("daemon/db"))
        // An export reads tables that nobody knows yet: names come from the catalogue alone, quoted.
        .filter(|source| !source.path.ends_with("custody/src/reader.rs"))
        .filter(|source| !source.path.to_string_lossy().contains("tests"))
        .collect();
    assert!(looked_at.len() > 100, "{}", looked_at.len());
    let found: Vec<String> = looked_at.iter().flat_map(pieced_together).collect();
    assert_eq!(found, Vec::<String>::new());

    // The search finds what it is for.
    let planted = Source {
        path: Path::new("planted.rs").to_owned(),
        text: "diesel::sql_query(format!(\n    \"SELECT name FROM reps WHERE name = '{name}'\"\n))"
            .to_owned(),
    };
    assert_eq!(pieced_together(&planted).len(), 1);
    // And clippy refuses the ways to run such text, wherever no exception with a reason stands.
    let banned = include_str!("../../../../clippy.toml");
    for method in ["diesel::sql_query", "SimpleConnection::batch_execute"] {
        assert!(banned.contains(method), "{method}");
    }
}
