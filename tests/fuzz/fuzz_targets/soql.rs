//! Any text: it is read or refused, what is read prints and reads back to the same tree, and what
//! the guard lets pass names nothing that the allow-list lacks and passes again unchanged.

#![no_main]

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use soql::guard::{AllowList, Enrollment, Object};

static ALLOW: LazyLock<AllowList> = LazyLock::new(AllowList::standard);

/// Every word that may stand in an enrollment query outside strings.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let keywords = "SELECT FROM WHERE AND OR NOT IN LIKE NULL TRUE FALSE INCLUDES EXCLUDES \
                    YESTERDAY TODAY TOMORROW toLabel DAY_ONLY convertTimezone CALENDAR_YEAR \
                    CALENDAR_QUARTER CALENDAR_MONTH FISCAL_YEAR FISCAL_QUARTER FISCAL_MONTH \
                    DAY_IN_YEAR DAY_IN_MONTH DAY_IN_WEEK WEEK_IN_YEAR WEEK_IN_MONTH HOUR_IN_DAY \
                    Owner CreatedBy Queue Account Type DeveloperName";
    let fields = Object::ALL.into_iter().flat_map(|object| {
        let names = ALLOW
            .fields(object)
            .iter()
            .map(|field| field.name().to_owned());
        names.chain([object.name().to_owned()]).collect::<Vec<_>>()
    });
    let keywords = keywords.split_whitespace().map(str::to_owned);
    fields
        .chain(keywords)
        .map(|word| word.to_lowercase())
        .collect()
});

/// LAST_N_DAYS and its kin, dates, numbers and amounts.
fn is_literal(word: &str) -> bool {
    let relative = ["last_", "this_", "next_", "n_"]
        .iter()
        .any(|start| word.starts_with(start));
    let after_currency = word.get(3..).unwrap_or_default();
    let ends_in_digits = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    relative || ends_in_digits(word) || ends_in_digits(after_currency)
}

fn guard(text: &str, object: Object) {
    let now = DateTime::<Utc>::from_timestamp(1_780_000_000, 0).unwrap();
    let Ok(enrollment) = Enrollment::guard(text, object, &ALLOW, now) else {
        return;
    };
    let sent = enrollment.to_string();
    let unescaped = sent.replace("\\\\", "").replace("\\'", "");
    let outside_strings = unescaped
        .split('\'')
        .step_by(2)
        .collect::<Vec<_>>()
        .join(" ");
    for word in outside_strings.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        let word = word.to_lowercase();
        assert!(
            word.is_empty() || is_literal(&word) || WORDS.contains(&word),
            "{word}: {sent}"
        );
    }
    let again = Enrollment::guard(&sent, object, &ALLOW, now).expect("what is sent passes");
    assert_eq!(again.to_string(), sent);
    assert!(enrollment.select(&["Id", "OwnerId"]).is_ok());
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match soql::parse(text) {
        Ok(query) => {
            let printed = query.to_string();
            assert_eq!(soql::parse(&printed).as_ref(), Ok(&query), "{printed}");
            guard(text, Object::Lead);
            guard(text, Object::Contact);
        }
        Err(error) => {
            let place = error.span.map(|span| text.get(span.start..span.end));
            assert_ne!(place, Some(None), "{error}");
        }
    }
});
