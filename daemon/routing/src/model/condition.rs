//! A rule's condition as people write it and as it is stored: nested all/any groups of terms.
//!
//! JSON: `{"all":[…]}`, `{"any":[…]}` or `{"field","op","value"?}`. The outermost is a group.
//! At most [`MAX_DEPTH`] groups stand inside each other and at most [`MAX_TERMS`] terms in all.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Number, Value as Json};

pub const MAX_DEPTH: usize = 5;
pub const MAX_TERMS: usize = 100;
/// Longest list of an `in` or `not_in`.
pub const MAX_LIST: usize = 200;
/// Longest text to compare with, in bytes; no text field of Salesforce that can be filtered is longer.
pub const MAX_TEXT: usize = 1020;

macro_rules! ops {
    ($($variant:ident = $name:literal,)*) => {
        /// How a term compares its field with its value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Op { $($variant,)* }

        impl Op {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

ops! {
    Eq = "eq",
    Ne = "ne",
    In = "in",
    NotIn = "not_in",
    Contains = "contains",
    StartsWith = "starts_with",
    EndsWith = "ends_with",
    Gt = "gt",
    Gte = "gte",
    Lt = "lt",
    Lte = "lte",
    Between = "between",
    IsEmpty = "is_empty",
    IsNotEmpty = "is_not_empty",
    IsTrue = "is_true",
    IsFalse = "is_false",
}

impl Op {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|op| op.name() == name)
    }
}

/// One value to compare with. Dates and times are text here and typed when compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    Text(String),
    Number(Number),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Operand {
    One(Scalar),
    Many(Vec<Scalar>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub field: String,
    pub op: Op,
    pub value: Option<Operand>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Term(Term),
}

/// One thing wrong with a condition: where (a JSON path in the request body), a stable code, and
/// what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flaw {
    #[serde(rename = "field")]
    pub path: String,
    pub code: &'static str,
    pub detail: String,
}

impl Flaw {
    pub(crate) fn new(
        path: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            code,
            detail: detail.into(),
        }
    }
}

/// Where a condition stands in the request body; paths in flaws and in reasons start with it.
pub const ROOT: &str = "condition";

impl Condition {
    /// Reads a condition and finds everything that is wrong with its shape and size. Types and
    /// operators are checked against the layer's fields by [`crate::model::compile::Compiled::new`].
    ///
    /// # Errors
    /// Every flaw found, in document order.
    pub fn from_json(json: &Json) -> Result<Self, Vec<Flaw>> {
        let mut reader = Reader::default();
        let condition = reader.node(json, ROOT, 1);
        if matches!(condition, Some(Self::Term(_))) {
            reader.flaw(
                ROOT,
                "group_expected",
                "The outermost condition is a group: all or any.",
            );
        }
        match condition {
            Some(condition) if reader.flaws.is_empty() => Ok(condition),
            _ => Err(reader.flaws),
        }
    }

    /// The names of the fields it reads, each once.
    pub fn fields(&self) -> std::collections::BTreeSet<&str> {
        fn walk<'a>(node: &'a Condition, into: &mut std::collections::BTreeSet<&'a str>) {
            match node {
                Condition::All(nodes) | Condition::Any(nodes) => {
                    nodes.iter().for_each(|node| walk(node, into));
                }
                Condition::Term(term) => {
                    into.insert(&term.field);
                }
            }
        }
        let mut fields = std::collections::BTreeSet::new();
        walk(self, &mut fields);
        fields
    }
}

#[derive(Default)]
struct Reader {
    flaws: Vec<Flaw>,
    terms: usize,
}

impl Reader {
    fn flaw(&mut self, path: &str, code: &'static str, detail: impl Into<String>) {
        self.flaws.push(Flaw::new(path, code, detail));
    }

    fn node(&mut self, json: &Json, path: &str, depth: usize) -> Option<Condition> {
        let Some(object) = json.as_object() else {
            self.flaw(path, "object_expected", "Expected a group or a term.");
            return None;
        };
        match (object.get("all"), object.get("any")) {
            (Some(children), None) => self
                .group(object, children, path, "all", depth)
                .map(Condition::All),
            (None, Some(children)) => self
                .group(object, children, path, "any", depth)
                .map(Condition::Any),
            (None, None) => self.term(object, path).map(Condition::Term),
            (Some(_), Some(_)) => {
                self.flaw(
                    path,
                    "group_ambiguous",
                    "A group is either all or any, not both.",
                );
                None
            }
        }
    }

    fn group(
        &mut self,
        object: &Map<String, Json>,
        children: &Json,
        path: &str,
        key: &str,
        depth: usize,
    ) -> Option<Vec<Condition>> {
        self.known_keys(object, path, &[key]);
        let path = format!("{path}.{key}");
        let Some(children) = children.as_array() else {
            self.flaw(
                &path,
                "list_expected",
                "A group holds a list of conditions.",
            );
            return None;
        };
        if depth > MAX_DEPTH {
            self.flaw(
                &path,
                "too_deep",
                format!("At most {MAX_DEPTH} groups inside each other."),
            );
            return None;
        }
        if children.is_empty() {
            self.flaw(
                &path,
                "group_empty",
                "A group holds at least one condition.",
            );
        }
        let read = children
            .iter()
            .enumerate()
            .map_while(|(at, child)| {
                (self.terms <= MAX_TERMS)
                    .then(|| self.node(child, &format!("{path}[{at}]"), depth.saturating_add(1)))
            })
            .collect::<Vec<_>>();
        read.into_iter().collect()
    }

    fn term(&mut self, object: &Map<String, Json>, path: &str) -> Option<Term> {
        self.terms = self.terms.saturating_add(1);
        if self.terms > MAX_TERMS {
            self.flaw(
                path,
                "too_many_terms",
                format!("At most {MAX_TERMS} terms in a condition."),
            );
            return None;
        }
        self.known_keys(object, path, &["field", "op", "value"]);
        let field = object
            .get("field")
            .and_then(Json::as_str)
            .filter(|name| !name.is_empty());
        if field.is_none() {
            self.flaw(&format!("{path}.field"), "field_missing", "Choose a field.");
        }
        let op = object
            .get("op")
            .and_then(Json::as_str)
            .and_then(Op::from_name);
        if op.is_none() {
            self.flaw(&format!("{path}.op"), "op_unknown", "Choose an operator.");
        }
        let value = match object.get("value") {
            None | Some(Json::Null) => None,
            Some(json) => Some(self.operand(json, &format!("{path}.value"))?),
        };
        Some(Term {
            field: field?.to_owned(),
            op: op?,
            value,
        })
    }

    fn operand(&mut self, json: &Json, path: &str) -> Option<Operand> {
        let Some(items) = json.as_array() else {
            return self.scalar(json, path).map(Operand::One);
        };
        if items.is_empty() || items.len() > MAX_LIST {
            self.flaw(
                path,
                "list_length",
                format!("Give between 1 and {MAX_LIST} values."),
            );
            return None;
        }
        let read = items
            .iter()
            .enumerate()
            .map(|(at, item)| self.scalar(item, &format!("{path}[{at}]")))
            .collect::<Vec<_>>();
        read.into_iter().collect::<Option<_>>().map(Operand::Many)
    }

    fn scalar(&mut self, json: &Json, path: &str) -> Option<Scalar> {
        match json {
            Json::String(text) if text.len() <= MAX_TEXT => Some(Scalar::Text(text.clone())),
            Json::String(_) => {
                self.flaw(
                    path,
                    "text_too_long",
                    format!("At most {MAX_TEXT} bytes of text."),
                );
                None
            }
            Json::Number(number) => Some(Scalar::Number(number.clone())),
            _ => {
                self.flaw(
                    path,
                    "value_type",
                    "A value is text, a number, or a list of these.",
                );
                None
            }
        }
    }

    /// A misspelt key must not be read as a wider rule.
    fn known_keys(&mut self, object: &Map<String, Json>, path: &str, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.flaw(
                &format!("{path}.{key}"),
                "key_unknown",
                "This key means nothing here.",
            );
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::All(children) => map.serialize_entry("all", children)?,
            Self::Any(children) => map.serialize_entry("any", children)?,
            Self::Term(term) => {
                map.serialize_entry("field", &term.field)?;
                map.serialize_entry("op", term.op.name())?;
                if let Some(value) = &term.value {
                    map.serialize_entry("value", value)?;
                }
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_json(&json).map_err(|flaws| {
            let listed = flaws
                .iter()
                .map(|flaw| format!("{}: {}", flaw.path, flaw.detail));
            serde::de::Error::custom(listed.collect::<Vec<_>>().join(" "))
        })
    }
}
