//! What is looked for, and where in a row it stands. Pure.

use serde_json::Value;

use crate::error::CustodyError;

/// Shorter ones are found in nearly everything.
const LEAST: usize = 4;
const MOST: usize = 254;

/// An address, or a name: found whole, whatever the case of its letters.
#[derive(Clone, Debug)]
pub(crate) struct Needle(String);

/// Where a row has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traces {
    pub(crate) own: bool,
    pub(crate) fields: Vec<String>,
}

impl Needle {
    /// Letters that JSON writes in another way are refused: they stand in no address and no name.
    pub(crate) fn new(term: &str) -> Result<Self, CustodyError> {
        let text = term.trim().to_lowercase();
        let length = text.chars().count();
        let odd = |letter: char| letter.is_control() || matches!(letter, '"' | '\\');
        if !(LEAST..=MOST).contains(&length) || text.chars().any(odd) {
            return Err(CustodyError::TermInvalid);
        }
        Ok(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it was typed again as it is.
    pub(crate) fn is(&self, typed: &str) -> bool {
        typed.trim().to_lowercase() == self.0
    }

    /// `None` when a row, as one line of JSON, does not have it.
    pub(crate) fn traces(&self, line: &str) -> Result<Option<Traces>, CustodyError> {
        if !self.stands_in(&line.to_lowercase()) {
            return Ok(None);
        }
        let row: Value = serde_json::from_str(line).map_err(|_| CustodyError::Unreadable)?;
        let mut traces = Traces::default();
        self.walk(&row, "", &mut traces);
        Ok(Some(traces).filter(|traces| !traces.fields.is_empty()))
    }

    fn walk(&self, value: &Value, path: &str, traces: &mut Traces) {
        match value {
            Value::String(text) => {
                let text = text.to_lowercase();
                if self.stands_in(&text) {
                    traces.own |= text.trim() == self.0;
                    if !traces.fields.iter().any(|field| field == path) {
                        traces.fields.push(path.to_owned());
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item, path, traces)),
            Value::Object(map) => map.iter().for_each(|(key, item)| {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                self.walk(item, &path, traces);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Whole, so that `ann@x.example` is not found in `joann@x.example` or `ann@x.example.org`.
    fn stands_in(&self, text: &str) -> bool {
        text.match_indices(&self.0).any(|(at, _)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let mut after = text.get(at + self.0.len()..).unwrap_or_default().chars();
            let free_before = before.is_none_or(|letter| {
                !letter.is_alphanumeric() && !matches!(letter, '.' | '_' | '%' | '+' | '-')
            });
            let free_after = match after.next() {
                Some('.' | '-') => after.next().is_none_or(|letter| !letter.is_alphanumeric()),
                Some(letter) => !letter.is_alphanumeric(),
                None => true,
            };
            free_before && free_after
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces(term: &str, line: &str) -> Option<Traces> {
        Needle::new(term).unwrap().traces(line).unwrap()
    }

    #[test]
    fn an_address_is_found_whole_and_nowhere_else() {
        let own = traces(
            "Ann@X.example",
            r#"{"fields":{"Email":"ann@x.example "},"n":1}"#,
        )
        .unwrap();
        assert_eq!(
            (own.own, own.fields),
            (true, vec!["fields.Email".to_owned()])
        );
        let named = traces("ann@x.example", r#"{"note":"call ann@x.example. today"}"#).unwrap();
        assert!(!named.own);
        for other in [
            "joann@x.example",
            "jo.ann@x.example",
            "ann@x.example.org",
            "ann@x.examples",
            "ann@x-example",
        ] {
            let line = format!(r#"{{"Email":"{other}"}}"#);
            assert_eq!(traces("ann@x.example", &line), None, "{other}");
        }
        // The name of a field is not somebody's data.
        assert_eq!(traces("email", r#"{"Email":"x"}"#), None);
    }

    #[test]
    fn letters_beyond_ascii_are_letters() {
        assert!(
            traces("Jörg Müller", r#"{"name":"JÖRG MÜLLER"}"#)
                .unwrap()
                .own
        );
        assert_eq!(traces("jörg", r#"{"name":"jörgen"}"#), None);
    }

    #[test]
    fn what_is_too_short_or_odd_is_refused() {
        for odd in [
            "",
            "ann",
            "   x   ",
            "a\"bcd",
            "a\\bcd",
            "ab\ncd",
            &"x".repeat(255),
        ] {
            assert!(Needle::new(odd).is_err(), "{odd:?}");
        }
    }
}
