//! A company's name, brought to the form in which names are compared.

use super::{
    fold::{fold, is_plain, skeleton},
    legal::{AFTER, BEFORE, Form},
    words::{NOT_A_NAME, SILENT, WEAK, usual},
};

/// A company's name as words: folded, without legal forms, in their usual writing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompanyName {
    words: Vec<String>,
    joined: String,
    /// Countries of the legal form; empty: none was written, or one that many countries have.
    form: &'static str,
    foreign: bool,
}

/// What stands in brackets after these is not the firm's name today.
const ASIDE: &[&str] = &[
    "formerly",
    "former",
    "previously",
    "fka",
    "aka",
    "dba",
    "ehem",
    "ehemals",
    "vormals",
    "ex",
    "anciennement",
];

impl CompanyName {
    /// Reads a name as a person typed it. No name, or a word that stands for none (`n/a`), gives an
    /// empty one.
    pub fn read(text: &str) -> Self {
        let folded = fold(&without_aside(text.trim()));
        let mut words = split(&folded);
        if NOT_A_NAME.contains(&words.join(" ").as_str()) {
            return Self::default();
        }
        let form = strip_forms(&mut words);
        let silent = |word: &String| SILENT.contains(&word.as_str());
        if !words.iter().all(silent) {
            words.retain(|word| !silent(word));
        }
        let words: Vec<String> = words
            .iter()
            .map(|word| skeleton(usual(&skeleton(word))))
            .collect();
        let joined = words.concat();
        Self {
            foreign: joined.chars().any(|c| !is_plain(c)),
            words,
            joined,
            form,
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The words in one: what is equal whether a name is written in one word or in two.
    pub fn joined(&self) -> &str {
        &self.joined
    }

    /// The words that say which firm it is; all of them when none does.
    pub fn strong(&self) -> Vec<&str> {
        let strong = self.words.iter().map(String::as_str);
        let strong: Vec<&str> = strong.filter(|word| !WEAK.contains(word)).collect();
        if strong.is_empty() {
            return self.words.iter().map(String::as_str).collect();
        }
        strong
    }

    /// Whether it is written in a script that has no one Latin writing.
    pub const fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// Whether both legal forms are known and no country has both.
    pub fn forms_disagree(&self, other: &Self) -> bool {
        let known = !self.form.is_empty() && !other.form.is_empty();
        let in_other = |country| other.form.split(' ').any(|known| known == country);
        known && !self.form.split(' ').any(in_other)
    }
}

fn without_aside(text: &str) -> String {
    let (Some(open), Some(close)) = (text.find('('), text.rfind(')')) else {
        return text.to_owned();
    };
    let inside = text.get(open.saturating_add(1)..close).unwrap_or_default();
    let first = inside.split_whitespace().next().unwrap_or_default();
    let first = first.trim_end_matches(['.', ':']).to_lowercase();
    match (text.get(..open), text.get(close..)) {
        (Some(before), Some(after)) if ASIDE.contains(&first.as_str()) => {
            format!("{before} {}", after.trim_start_matches(')'))
        }
        _ => text.to_owned(),
    }
}

/// Words, with single letters that follow each other in one (`I.B.M.`, `C & A`, `s. r. l.`).
fn split(folded: &str) -> Vec<String> {
    let plain = folded.replace('\'', "");
    let mut words: Vec<String> = Vec::new();
    let mut letters = String::new();
    for word in plain.split(|c: char| !c.is_alphanumeric() && !is_mark(c)) {
        if word.is_empty() {
            continue;
        }
        let single = word.len() == 1 && word.chars().all(|c| c.is_ascii_alphabetic());
        if single {
            letters.push_str(word);
            continue;
        }
        if !letters.is_empty() {
            words.push(std::mem::take(&mut letters));
        }
        words.extend(apart(word));
    }
    if !letters.is_empty() {
        words.push(letters);
    }
    words
}

/// Vowel signs and tone marks of scripts that write them as marks of their own.
const fn is_mark(c: char) -> bool {
    matches!(c, '\u{900}'..='\u{e7f}' | '\u{5b0}'..='\u{5c7}' | '\u{64b}'..='\u{65f}' | '\u{3099}'..='\u{309a}')
}

/// Chinese, Japanese and Korean write the legal form onto the name: it becomes a word of its own.
fn apart(word: &str) -> Vec<String> {
    if word.is_ascii() {
        return vec![word.to_owned()];
    }
    let forms = AFTER.iter().filter(|(form, _)| !form.is_ascii());
    for (form, _) in forms {
        for rest in [word.strip_suffix(form), word.strip_prefix(form)] {
            if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
                return vec![rest.to_owned(), (*form).to_owned()];
            }
        }
    }
    vec![word.to_owned()]
}

/// Takes legal forms off both ends while a word is left; gives the countries of the first found.
fn strip_forms(words: &mut Vec<String>) -> &'static str {
    let mut found = "";
    while let Some((form, count)) = longest(words, AFTER, ends_with) {
        words.truncate(words.len().saturating_sub(count));
        found = if found.is_empty() { form } else { found };
    }
    while let Some((form, count)) = longest(words, BEFORE, starts_with) {
        words.drain(..count);
        found = if found.is_empty() { form } else { found };
    }
    found
}

fn longest(
    words: &[String],
    forms: &[Form],
    fits: fn(&[String], &[&str]) -> bool,
) -> Option<(&'static str, usize)> {
    forms.iter().find_map(|(form, countries)| {
        let parts: Vec<&str> = form.split(' ').collect();
        let fits = parts.len() < words.len() && fits(words, &parts);
        fits.then_some((*countries, parts.len()))
    })
}

fn ends_with(words: &[String], parts: &[&str]) -> bool {
    let mut pairs = words.iter().rev().zip(parts.iter().rev());
    pairs.all(|(word, part)| word == part)
}

fn starts_with(words: &[String], parts: &[&str]) -> bool {
    words.iter().zip(parts).all(|(word, part)| word == part)
}
