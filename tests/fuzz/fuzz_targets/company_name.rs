//! Any text as a company's name: it has one reading, the same in small letters and with blanks around it,
//! of words that are not empty, and as long as the text allows.

#![no_main]

use libfuzzer_sys::fuzz_target;

// The reader is pure, so it is compiled by itself and not with all of routing.
#[path = "../../../daemon/routing/src/account_match/fold.rs"]
mod fold;
#[path = "../../../daemon/routing/src/account_match/legal.rs"]
mod legal;
#[expect(dead_code, reason = "comparison uses all of it")]
#[path = "../../../daemon/routing/src/account_match/name.rs"]
mod name;
#[expect(dead_code, reason = "comparison uses all of it")]
#[path = "../../../daemon/routing/src/account_match/words.rs"]
mod words;

fuzz_target!(|text: &str| {
    let read = name::CompanyName::read(text);
    assert!(read.words().iter().all(|word| !word.is_empty()));
    assert_eq!(read.words().concat(), read.joined());
    assert_eq!(read.is_empty(), read.joined().is_empty());
    assert!(read.strong().len() <= read.words().len());
    assert!(!read.forms_disagree(&read));
    assert_eq!(read, name::CompanyName::read(&format!(" {text} ")));
});
