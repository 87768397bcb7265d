//! Which passwords are acceptable (LM-13, CX-16), and how strong one is. Pure.
//!
//! What is common is known to the estimator's own dictionaries (zxcvbn: the most used passwords,
//! words, names, rows of keys, dates, and their usual disguises). Breaches are looked up elsewhere.

use serde::{Deserialize, Serialize};
use zxcvbn::feedback::Warning;

/// More bytes than this are no password.
const MOST_BYTES: usize = 1024;
/// The estimator's work grows faster than its input; what follows these can only add strength.
const ESTIMATED: usize = 64;
/// Below this score a password falls to a million guesses.
const LEAST_SCORE: u8 = 2;

/// The two sets of rules (CX-16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordProfile {
    /// LM-13: 12 characters, three of four kinds.
    Complexity,
    /// ASVS 5.0 6.2: 15 characters, of any kind.
    Asvs,
}

impl PasswordProfile {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complexity => "complexity",
            Self::Asvs => "asvs",
        }
    }

    pub const fn min_length(self) -> usize {
        match self {
            Self::Complexity => 12,
            Self::Asvs => 15,
        }
    }
}

/// Whose password it is to be: what an attacker would try first. Empty where unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Whose<'a> {
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
}

/// How strong a password is and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strength {
    /// 0 (falls to a thousand guesses) to 4 (takes more than ten thousand million).
    pub score: u8,
    pub warning: Option<String>,
    pub suggestions: Vec<String>,
    /// Stable codes; empty when the password may be used.
    pub problems: Vec<&'static str>,
}

/// Judges a password. Takes up to some milliseconds.
pub(crate) fn judge(profile: PasswordProfile, password: &str, whose: Whose<'_>) -> Strength {
    let mut problems = rules(profile, password, whose.email);
    let known: Vec<&str> = [whose.email, whose.name, "revkeep"]
        .into_iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()).chain([text]))
        .filter(|word| word.chars().count() > 2)
        .collect();
    let estimated: String = password.chars().take(ESTIMATED).collect();
    let entropy = zxcvbn::zxcvbn(&estimated, &known);
    let score = u8::from(entropy.score());
    let warning = entropy.feedback().and_then(|feedback| feedback.warning());
    if score < LEAST_SCORE {
        let code = if warning.is_some_and(is_common) {
            "password_breached"
        } else {
            "password_too_simple"
        };
        if !problems.contains(&code) {
            problems.push(code);
        }
    }
    let suggestions = entropy
        .feedback()
        .map(|feedback| feedback.suggestions().iter().map(ToString::to_string));
    Strength {
        score,
        warning: warning.map(|warning| warning.to_string()),
        suggestions: suggestions.into_iter().flatten().collect(),
        problems,
    }
}

fn rules(profile: PasswordProfile, password: &str, email: &str) -> Vec<&'static str> {
    let mut problems = Vec::new();
    if password.chars().count() < profile.min_length() {
        problems.push("password_too_short");
    }
    if password.len() > MOST_BYTES {
        problems.push("password_too_long");
    }
    if profile == PasswordProfile::Complexity && kinds(password) < 3 {
        problems.push("password_too_simple");
    }
    let email = email.trim().to_lowercase();
    if !email.is_empty() && password.to_lowercase().contains(&email) {
        problems.push("password_is_address");
    }
    problems
}

/// Small letters, capitals, digits, anything else: how many of the four occur.
fn kinds(password: &str) -> usize {
    let kinds: [fn(char) -> bool; 4] = [
        char::is_lowercase,
        char::is_uppercase,
        char::is_numeric,
        |c| !c.is_lowercase() && !c.is_uppercase() && !c.is_numeric(),
    ];
    kinds
        .iter()
        .filter(|kind| password.chars().any(**kind))
        .count()
}

const fn is_common(warning: Warning) -> bool {
    matches!(
        warning,
        Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Whose<'_> = Whose {
        email: "ada@example.com",
        name: "Ada Lovelace",
    };

    fn first(profile: PasswordProfile, text: &str) -> &'static str {
        let problems = judge(profile, text, ADA).problems;
        problems.first().copied().unwrap_or("ok")
    }

    #[test]
    fn short_simple_or_telling_passwords_are_refused() {
        let code = |text: &str| first(PasswordProfile::Complexity, text);
        assert_eq!(code("Short1!"), "password_too_short");
        assert_eq!(code("Elevenchar1"), "password_too_short");
        assert_eq!(code("onlysmallletters"), "password_too_simple");
        assert_eq!(code("smallletters123456"), "password_too_simple");
        assert_eq!(code("Ada@example.com1"), "password_is_address");
        assert_eq!(code(&"Aa1!".repeat(300)), "password_too_long");
        assert_eq!(code("Correct horse 7"), "ok");
        assert_eq!(code("Größenwahn-Üben-9"), "ok");
    }

    /// ASVS 5.0 6.2.1, 6.2.5, 6.2.9: length alone, any characters, 64 and more.
    #[test]
    fn the_asvs_profile_wants_length_and_no_composition() {
        let code = |text: &str| first(PasswordProfile::Asvs, text);
        assert_eq!(code("Correct horse7"), "password_too_short");
        assert_eq!(code("quietly walking otters"), "ok");
        assert_eq!(code("сверчок за печкой поёт"), "ok");
        let long = "of otters and larks ".repeat(4);
        assert_eq!(code(&format!("{long}quietly")), "ok");
        assert_eq!(code("aaaaaaaaaaaaaaaaaaaa"), "password_too_simple");
    }

    /// What meets every rule of composition and is tried first all the same.
    #[test]
    fn a_common_password_in_its_usual_disguise_is_refused() {
        for text in [
            "Password1234",
            "P@ssw0rd1234",
            "Qwertyuiop123",
            "Iloveyou1234",
        ] {
            let found = judge(PasswordProfile::Complexity, text, ADA);
            assert!(!found.problems.is_empty(), "{text}: {found:?}");
        }
        let found = judge(PasswordProfile::Complexity, "Password1234", ADA);
        assert_eq!(found.problems, ["password_breached"]);
    }

    #[test]
    fn what_is_known_of_the_person_adds_no_strength() {
        let whose = Whose {
            email: "z.okonkwojski@example.com",
            name: "Zbyszko Okonkwojski",
        };
        let text = "Okonkwojski-12";
        let named = judge(PasswordProfile::Complexity, text, whose);
        let stranger = judge(PasswordProfile::Complexity, text, Whose::default());
        assert!(named.score < stranger.score, "{named:?} {stranger:?}");
        assert!(!named.problems.is_empty());
    }

    #[test]
    fn the_longest_input_is_judged_at_once() {
        let hostile = "4@8({[<369&#!1|0$5+7%2/".repeat(40);
        assert!(judge(PasswordProfile::Asvs, &hostile, ADA).score > 0);
    }
}
