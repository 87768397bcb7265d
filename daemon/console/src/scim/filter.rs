//! Filters of SCIM (RFC 7644 section 3.4.2.2) and paths of its PATCH (section 3.5.2): parsed, and
//! matched against a resource. Pure; the fuzzer compiles this file by itself.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

/// Nothing that a provider sends is longer.
const MOST_BYTES: usize = 4096;
const MOST_DEPTH: usize = 32;
/// What an attribute's name may be prefixed with (RFC 7644 section 3.10).
const SCHEMAS: [&str; 2] = [
    "urn:ietf:params:scim:schemas:core:2.0:User:",
    "urn:ietf:params:scim:schemas:core:2.0:Group:",
];

/// What a text that is no filter is refused with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoFilter(pub(crate) &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// An attribute and, where there is one, a part of it, both in lower case and without the URN of a schema
/// of ours. An attribute of another schema keeps its URN, so that it never passes for one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) attribute: String,
    pub(crate) part: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    /// Some value of a multi-valued attribute matches.
    Within(Name, Box<Filter>),
    Present(Name),
    Compare(Name, Operator, Value),
}

/// Where a PATCH operation acts: `attribute`, `attribute.part`, `attribute[filter].part`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) attribute: String,
    pub(crate) filter: Option<Filter>,
    pub(crate) part: Option<String>,
}

pub(crate) fn parse(text: &str) -> Result<Filter, NoFilter> {
    let mut reader = Reader::new(text)?;
    let filter = reader.either(0)?;
    reader.end()?;
    Ok(filter)
}

pub(crate) fn parse_place(text: &str) -> Result<Place, NoFilter> {
    let mut reader = Reader::new(text)?;
    let name = reader.name()?;
    let mut place = Place {
        attribute: name.attribute,
        filter: None,
        part: name.part,
    };
    if place.part.is_none() && reader.take('[') {
        place.filter = Some(reader.either(0)?);
        reader.expect(']')?;
        if reader.take_now('.') {
            place.part = Some(reader.word()?);
        }
    }
    reader.end()?;
    Ok(place)
}

impl Filter {
    pub(crate) fn matches(&self, resource: &Value) -> bool {
        match self {
            Self::And(one, other) => one.matches(resource) && other.matches(resource),
            Self::Or(one, other) => one.matches(resource) || other.matches(resource),
            Self::Not(inner) => !inner.matches(resource),
            Self::Within(name, inner) => values(resource, name)
                .into_iter()
                .any(|value| inner.matches(value)),
            Self::Present(name) => values(resource, name)
                .into_iter()
                .any(|value| !is_empty(value)),
            Self::Compare(name, Operator::NotEqual, wanted) => !values(resource, name)
                .into_iter()
                .any(|value| compare(name, value, Operator::Equal, wanted)),
            Self::Compare(name, operator, wanted) => values(resource, name)
                .into_iter()
                .any(|value| compare(name, value, *operator, wanted)),
        }
    }

    /// Whether the filter looks at the attribute at all.
    pub(crate) fn mentions(&self, attribute: &str) -> bool {
        match self {
            Self::And(one, other) | Self::Or(one, other) => {
                one.mentions(attribute) || other.mentions(attribute)
            }
            Self::Not(inner) => inner.mentions(attribute),
            Self::Within(name, _) | Self::Present(name) | Self::Compare(name, _, _) => {
                name.attribute == attribute
            }
        }
    }

    /// The text that `attribute` has to be equal to, when that is all that is asked.
    pub(crate) fn key(&self, attribute: &str) -> Option<&str> {
        match self {
            Self::Compare(name, Operator::Equal, Value::String(text))
                if name.attribute == attribute && name.part.is_none() =>
            {
                Some(text)
            }
            _ => None,
        }
    }

    /// What a value would look like that the filter matches, for an addition to what is not there:
    /// equalities joined by `and`.
    pub(crate) fn template(&self) -> Option<Vec<(String, Value)>> {
        match self {
            Self::Compare(name, Operator::Equal, value) if name.part.is_none() => {
                Some(vec![(name.attribute.clone(), value.clone())])
            }
            Self::And(one, other) => {
                let mut parts = one.template()?;
                parts.extend(other.template()?);
                Some(parts)
            }
            _ => None,
        }
    }
}

/// The member of an object with that name in any case (RFC 7643 section 2.1).
pub(crate) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// All values of an attribute: each of a list, and the part that is meant. A list of complex values
/// stands for its parts `value`.
fn values<'a>(resource: &'a Value, name: &Name) -> Vec<&'a Value> {
    let Some(found) = member(resource, &name.attribute) else {
        return Vec::new();
    };
    let each: Vec<&Value> = match found {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    };
    match &name.part {
        Some(part) => each
            .into_iter()
            .filter_map(|value| member(value, part))
            .collect(),
        None => each,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn compare(name: &Name, value: &Value, operator: Operator, wanted: &Value) -> bool {
    if let (Value::Object(_), Some(inner)) = (value, member(value, "value")) {
        return compare(name, inner, operator, wanted);
    }
    match (value, wanted) {
        (Value::String(value), Value::String(wanted)) if is_date(name) => {
            let (value, wanted) = (date(value), date(wanted));
            match (value, wanted) {
                (Some(value), Some(wanted)) => ordered(Some(value.cmp(&wanted)), operator),
                _ => false,
            }
        }
        (Value::String(value), Value::String(wanted)) => {
            let exact = matches!(name.attribute.as_str(), "id" | "externalid");
            if operator == Operator::Equal && (exact || value.is_ascii() && wanted.is_ascii()) {
                return value == wanted || !exact && value.eq_ignore_ascii_case(wanted);
            }
            if exact {
                texts(value, operator, wanted)
            } else {
                texts(&value.to_lowercase(), operator, &wanted.to_lowercase())
            }
        }
        (Value::Number(value), Value::Number(wanted)) => match (value.as_f64(), wanted.as_f64()) {
            (Some(value), Some(wanted)) => ordered(value.partial_cmp(&wanted), operator),
            _ => false,
        },
        (Value::Bool(_) | Value::Null, _) => operator == Operator::Equal && value == wanted,
        _ => false,
    }
}

fn is_date(name: &Name) -> bool {
    name.attribute == "meta" && matches!(name.part.as_deref(), Some("created" | "lastmodified"))
}

fn date(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text).ok()
}

fn texts(value: &str, operator: Operator, wanted: &str) -> bool {
    match operator {
        Operator::Contains => value.contains(wanted),
        Operator::StartsWith => value.starts_with(wanted),
        Operator::EndsWith => value.ends_with(wanted),
        _ => ordered(Some(value.cmp(wanted)), operator),
    }
}

fn ordered(order: Option<Ordering>, operator: Operator) -> bool {
    let Some(order) = order else {
        return false;
    };
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => false,
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Result<Self, NoFilter> {
        if text.len() > MOST_BYTES {
            return Err(NoFilter("it is too long"));
        }
        Ok(Self { rest: text })
    }

    fn either(&mut self, depth: usize) -> Result<Filter, NoFilter> {
        let mut filter = self.both(depth)?;
        while self.keyword("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.both(depth)?));
        }
        Ok(filter)
    }

    fn both(&mut self, depth: usize) -> Result<Filter, NoFilter> {
        let mut filter = self.one(depth)?;
        while self.keyword("and") {
            filter = Filter::And(Box::new(filter), Box::new(self.one(depth)?));
        }
        Ok(filter)
    }

    fn one(&mut self, depth: usize) -> Result<Filter, NoFilter> {
        if depth >= MOST_DEPTH {
            return Err(NoFilter("it is nested too deeply"));
        }
        let inner = depth.saturating_add(1);
        if self.take('(') {
            let filter = self.either(inner)?;
            self.expect(')')?;
            return Ok(filter);
        }
        if self.negation() {
            self.expect('(')?;
            let filter = self.either(inner)?;
            self.expect(')')?;
            return Ok(Filter::Not(Box::new(filter)));
        }
        let name = self.name()?;
        if self.take('[') {
            let filter = self.either(inner)?;
            self.expect(']')?;
            return Ok(Filter::Within(name, Box::new(filter)));
        }
        if self.keyword("pr") {
            return Ok(Filter::Present(name));
        }
        let operator = self.operator()?;
        let value = self.literal()?;
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        if matches!(value, Value::Bool(_) | Value::Null) && !equality {
            return Err(NoFilter("true, false and null have no order"));
        }
        Ok(Filter::Compare(name, operator, value))
    }

    /// `not` counts only before a parenthesis: an attribute may begin like it.
    fn negation(&mut self) -> bool {
        let before = self.rest;
        if self.keyword("not") && self.rest.trim_start().starts_with('(') {
            return true;
        }
        self.rest = before;
        false
    }

    fn operator(&mut self) -> Result<Operator, NoFilter> {
        [
            ("eq", Operator::Equal),
            ("ne", Operator::NotEqual),
            ("co", Operator::Contains),
            ("sw", Operator::StartsWith),
            ("ew", Operator::EndsWith),
            ("gt", Operator::Greater),
            ("ge", Operator::GreaterOrEqual),
            ("lt", Operator::Less),
            ("le", Operator::LessOrEqual),
        ]
        .into_iter()
        .find(|(word, _)| self.keyword(word))
        .map(|(_, operator)| operator)
        .ok_or(NoFilter("an operator is missing"))
    }

    /// A JSON string, number, true, false or null.
    fn literal(&mut self) -> Result<Value, NoFilter> {
        let missing = NoFilter("a value is missing");
        self.space();
        if !self.rest.starts_with('"') {
            let end = self
                .rest
                .find(|c: char| c.is_whitespace() || matches!(c, ')' | ']'))
                .unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            let value: Value = serde_json::from_str(word).map_err(|_| missing)?;
            if value.is_array() || value.is_object() {
                return Err(missing);
            }
            self.rest = rest;
            return Ok(value);
        }
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        let value = values.next().and_then(Result::ok).ok_or(missing)?;
        self.rest = self.rest.get(values.byte_offset()..).unwrap_or_default();
        Ok(value)
    }

    /// `[urn:...:]attribute[.part]`.
    fn name(&mut self) -> Result<Name, NoFilter> {
        self.space();
        if self
            .rest
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
        {
            let ours = SCHEMAS.into_iter().find_map(|schema| {
                let (start, rest) = self.rest.split_at_checked(schema.len())?;
                start.eq_ignore_ascii_case(schema).then_some(rest)
            });
            match ours {
                Some(rest) => self.rest = rest,
                None => return Ok(self.foreign()),
            }
        }
        let attribute = self.word()?;
        let part = if self.take_now('.') {
            Some(self.word()?)
        } else {
            None
        };
        Ok(Name { attribute, part })
    }

    /// An attribute of a schema that is not ours, whole.
    fn foreign(&mut self) -> Name {
        let end = self
            .rest
            .find([' ', '[', ']', '(', ')'])
            .unwrap_or(self.rest.len());
        let (urn, rest) = self.rest.split_at(end);
        self.rest = rest;
        Name {
            attribute: urn.to_ascii_lowercase(),
            part: None,
        }
    }

    /// ATTRNAME: a letter, then letters, digits, `-` and `_`; `$ref` is one as well.
    fn word(&mut self) -> Result<String, NoFilter> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if !word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$') {
            return Err(NoFilter("an attribute is missing"));
        }
        self.rest = rest;
        Ok(word.to_ascii_lowercase())
    }

    /// A word in any case that ends where it ends.
    fn keyword(&mut self, word: &str) -> bool {
        let text = self.rest.trim_start();
        let (Some(start), Some(rest)) = (text.get(..word.len()), text.get(word.len()..)) else {
            return false;
        };
        let ends = !rest
            .starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_' | '-'));
        if start.eq_ignore_ascii_case(word) && ends {
            self.rest = rest;
            return true;
        }
        false
    }

    fn take(&mut self, letter: char) -> bool {
        let text = self.rest.trim_start();
        match text.strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Without a space before it.
    fn take_now(&mut self, letter: char) -> bool {
        match self.rest.strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, letter: char) -> Result<(), NoFilter> {
        if self.take(letter) {
            Ok(())
        } else {
            Err(NoFilter("a bracket is missing"))
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn end(&mut self) -> Result<(), NoFilter> {
        self.space();
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(NoFilter("something follows its end"))
        }
    }
}
