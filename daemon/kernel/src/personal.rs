//! What must not be written down about a person (LM-64).

use std::fmt;

use serde::{Serialize, Serializer};

/// A value that says who somebody is or how to reach them, or what only they should tell. The mark goes
/// with the value: wherever it is serialised or printed, in the difference of an audit entry or in a log,
/// it stands as redacted, whatever the field is called. Only [`Personal::reveal`] reads it, by name.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Personal<T>(T);

/// What stands in its place.
pub const REDACTED: &str = "[personal]";

impl<T> Personal<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(REDACTED)
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize)]
    struct Someone {
        role: &'static str,
        #[serde(rename = "harmless")]
        name: Personal<String>,
        addresses: Vec<Personal<&'static str>>,
        #[serde(flatten)]
        more: More,
    }

    #[derive(Debug, Serialize)]
    struct More {
        phone: Personal<Option<u64>>,
    }

    /// Nested, renamed, flattened, in lists or absent: nothing of it comes out.
    #[test]
    fn a_marked_field_never_leaves_whatever_it_is_called_and_wherever_it_stands() {
        let someone = Someone {
            role: "admin",
            name: Personal::new("canary-ada".to_owned()),
            addresses: vec![Personal::new("canary@acme.example")],
            more: More {
                phone: Personal::new(Some(4_711)),
            },
        };
        let told = serde_json::to_string(&someone).unwrap();
        assert_eq!(
            told,
            r#"{"role":"admin","harmless":"[personal]","addresses":["[personal]"],"phone":"[personal]"}"#
        );
        let printed = format!("{someone:?}");
        for secret in ["canary", "4711"] {
            assert!(!told.contains(secret) && !printed.contains(secret));
        }
        assert_eq!(someone.name.reveal(), "canary-ada");
    }
}
