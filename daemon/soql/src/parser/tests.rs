//! The grammar by example; agreement with Salesforce's own parser is tested over the corpus.

use super::{MAX_DEPTH, MAX_STATEMENT_CHARS, parse};
use crate::error::Code;

fn code(statement: &str) -> Code {
    parse(statement).unwrap_err().code
}

#[test]
fn what_is_printed_is_canonical_and_reads_back() {
    let cases = [
        (
            "select id from lead where ((name='a'))",
            "SELECT id FROM lead WHERE name = 'a'",
        ),
        (
            "SELECT Id FROM Lead WHERE (a=1 OR (NOT b=2)) AND NOT_c < - 5.50",
            "SELECT Id FROM Lead WHERE (a = 1 OR (NOT b = 2)) AND NOT_c < -5.5",
        ),
        (
            r"SELECT Id FROM Lead WHERE a LIKE '5\%_%\u0041\'' AND b = '\u000a\\%'",
            r"SELECT Id FROM Lead WHERE a LIKE '5\%_%A\'' AND b = '\n\\%'",
        ),
        (
            "SELECT Id FROM Lead WHERE a > 2024-02-29t10:00:00.500+0530 AND b=usd5.50",
            "SELECT Id FROM Lead WHERE a > 2024-02-29T04:30:00.500Z AND b = USD5.5",
        ),
        (
            "SELECT Id FROM Lead WHERE a = last_n_fiscal_quarters : 3 OR b IN (n_days_ago:2, NULL)",
            "SELECT Id FROM Lead WHERE a = LAST_N_FISCAL_QUARTERS:3 OR b IN (N_DAYS_AGO:2, NULL)",
        ),
        (
            "SELECT TYPEOF Owner WHEN User THEN Id,Name ELSE Id END, (SELECT Id FROM Notes) n, \
             COUNT( Id ) c FROM Lead AS l, l.Owner order GROUP BY CUBE(a) HAVING COUNT(Id)>1 \
             ORDER BY a DESC NULLS LAST LIMIT 1 OFFSET 2 FOR VIEW UPDATE TRACKING",
            "SELECT TYPEOF Owner WHEN User THEN Id, Name ELSE Id END, (SELECT Id FROM Notes) n, \
             COUNT(Id) c FROM Lead l, l.Owner order GROUP BY CUBE(a) HAVING COUNT(Id) > 1 \
             ORDER BY a DESC NULLS LAST LIMIT 1 OFFSET 2 FOR VIEW UPDATE TRACKING",
        ),
        (
            "SELECT Id FROM A WITH DATA CATEGORY G AT (x, y) AND H ABOVE_OR_BELOW z WITH u='1'",
            "SELECT Id FROM A WITH DATA CATEGORY G AT (x, y) AND H ABOVE_OR_BELOW (z) WITH u = '1'",
        ),
    ];
    for (typed, printed) in cases {
        let query = parse(typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert_eq!(query.to_string(), printed);
        assert_eq!(parse(printed).unwrap(), query, "{typed}");
    }
}

#[test]
fn what_is_refused_says_where_and_why() {
    let error = parse("SELECT Id\nFROM Lead WHERE a = 1 AND b = 2 OR c = 3").unwrap_err();
    assert_eq!(error.code, Code::ParenthesesNeeded);
    assert_eq!(
        error.line_and_column("SELECT Id\nFROM Lead WHERE a = 1 AND b = 2 OR c = 3"),
        Some((2, 33))
    );
    let cases = [
        ("SELECT Id FROM Lead -- all", Code::UnknownCharacter),
        ("SELECT Id FROM Lead;", Code::UnknownCharacter),
        (
            "SELECT Id FROM Lead WHERE a = \"x\"",
            Code::UnknownCharacter,
        ),
        ("SELECT Id FROM Lead WHERE a = 'x", Code::TextUnclosed),
        ("SELECT Id FROM Lead WHERE a = 'x\\", Code::TextUnclosed),
        ("SELECT Id FROM Lead WHERE a = 'x\\q'", Code::EscapeUnknown),
        (
            "SELECT Id FROM Lead WHERE a = '\\ud800'",
            Code::EscapeUnknown,
        ),
        ("SELECT Id FROM Lead WHERE a = 'x\ny'", Code::TextControl),
        (
            "SELECT Id FROM Lead WHERE a = 2024-13-45",
            Code::DateMalformed,
        ),
        (
            "SELECT Id FROM Lead WHERE a = 2024-01-01T00:00Z",
            Code::DateMalformed,
        ),
        (
            "SELECT Id FROM Lead WHERE a = LAST_N_DAYS",
            Code::DateLiteralMalformed,
        ),
        ("SELECT Id FROM Lead WHERE a = b", Code::ValueUnknown),
        ("SELECT Id FROM Lead OFFSET 5 LIMIT 10", Code::ClauseOrder),
        (
            "SELECT Id FROM Lead LIMIT 99999999999999999999",
            Code::CountOutOfRange,
        ),
        (
            "SELECT Id FROM Lead WHERE NOT NOT a = 1",
            Code::ParenthesesNeeded,
        ),
        ("SELECT Id FROM Lead WHERE a = :b", Code::Unexpected),
        ("", Code::Unexpected),
    ];
    for (statement, expected) in cases {
        assert_eq!(code(statement), expected, "{statement}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |levels: usize| {
        format!(
            "SELECT Id FROM Lead WHERE {}a = 1{}",
            "(".repeat(levels),
            ")".repeat(levels)
        )
    };
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(code(&nested(MAX_DEPTH + 1)), Code::TooDeep);
    assert_eq!(code(&nested(40_000)), Code::TooDeep);
    let children = format!("SELECT {}", "(SELECT ".repeat(10_000));
    assert_eq!(code(&children), Code::TooDeep);
    let shortest = "SELECT Id FROM Lead";
    let padded = |length: usize| format!("{shortest}{}", " ".repeat(length - shortest.len()));
    assert!(parse(&padded(MAX_STATEMENT_CHARS)).is_ok());
    assert_eq!(
        code(&padded(MAX_STATEMENT_CHARS + 1)),
        Code::StatementTooLong
    );
    let holding = |text: &str| format!("SELECT Id FROM L WHERE a = '{text}'");
    assert_eq!(code(&holding(&"x".repeat(4_001))), Code::TextTooLong);
    for (raw, sent) in [("\t", 2), ("\u{2028}", 6)] {
        let longest = holding(&format!("{raw}{}", "x".repeat(4_000 - sent)));
        let query = parse(&longest).unwrap();
        assert_eq!(parse(&query.to_string()), Ok(query));
        let longer = holding(&format!("{raw}{}", "x".repeat(4_001 - sent)));
        assert_eq!(code(&longer), Code::TextTooLong);
    }
}
