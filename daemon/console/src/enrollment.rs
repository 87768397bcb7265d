//! Enrollment queries between the person who types them and the guard that judges them: the fields
//! of the tenant's layer extend the guard's table, and a refusal shows where in the text it is.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use http::{FieldError, Position, Problem};
use layer::{Field, FieldType, Object};
use serde::Serialize;
use soql::{
    SoqlError, Span,
    guard::{self, AllowList, Enrollment, Guarded},
};

/// The field of the request body that holds the query.
const FIELD: &str = "enrollment_text";
/// What routing reads of a record before any field was put into the layer.
const REQUIRED: [&str; 4] = ["Id", "OwnerId", "CreatedDate", "SystemModstamp"];

/// A query that passed the guard.
pub(crate) struct Judged {
    enrollment: Enrollment,
    sent: Guarded,
}

/// Accepted, but not what the person may have meant.
#[derive(Serialize)]
pub(crate) struct WarningView {
    code: &'static str,
    message: &'static str,
}

impl Judged {
    /// Judges `text` with the fields that the layer has now.
    pub(crate) fn new(
        text: &str,
        object: Object,
        fields: &[Field],
        now: DateTime<Utc>,
    ) -> Result<Self, SoqlError> {
        let enrollment =
            Enrollment::guard(text, soql_object(object), &allow_list(object, fields), now)?;
        let mut selected: Vec<&str> = REQUIRED.to_vec();
        selected.extend(
            fields
                .iter()
                .map(|field| field.name.as_str())
                .filter(|name| !REQUIRED.contains(name)),
        );
        let sent = enrollment.select(&selected)?;
        Ok(Self { enrollment, sent })
    }

    pub(crate) fn canonical(&self) -> String {
        self.enrollment.to_string()
    }
    /// The query that fetches records, without the part that names the last cycle's end.
    pub(crate) fn sent(&self) -> String {
        self.sent.to_string()
    }
    pub(crate) fn warnings(&self) -> Vec<WarningView> {
        let view = |warning: &guard::Warning| WarningView {
            code: warning.as_str(),
            message: warning.message(),
        };
        self.enrollment.warnings().iter().map(view).collect()
    }
}

fn soql_object(object: Object) -> guard::Object {
    match object {
        Object::Lead => guard::Object::Lead,
        Object::Contact => guard::Object::Contact,
    }
}

fn allow_list(object: Object, fields: &[Field]) -> AllowList {
    let kind = |field: &Field| {
        Some(match field.kind()? {
            FieldType::String => guard::FieldType::Text,
            FieldType::Number => guard::FieldType::Decimal,
            FieldType::Boolean => guard::FieldType::Boolean,
            FieldType::Date => guard::FieldType::Date,
            FieldType::DateTime => guard::FieldType::DateTime,
            FieldType::Picklist => guard::FieldType::Picklist,
            FieldType::Id => guard::FieldType::Reference,
        })
    };
    fields
        .iter()
        .filter_map(|field| guard::Field::new(&field.name, kind(field)?))
        .fold(AllowList::standard(), |list, field| {
            list.allow(soql_object(object), field)
        })
}

/// The code on the wire: the guard's own, so marked that no other domain's can be meant.
pub(crate) fn wire_code(error: &SoqlError) -> String {
    format!("soql_{}", error.code)
}

/// A refusal as an answer: 422, with the place in the text.
pub(crate) fn problem(error: &SoqlError, text: &str) -> Problem {
    let code = wire_code(error);
    Problem::unprocessable(code.clone(), FIELD, error.message.clone()).with_error(FieldError {
        field: FIELD.to_owned(),
        code: Cow::Owned(code),
        detail: error.message.clone(),
        position: Some(position(error, text)),
    })
}

/// In UTF-16 code units, as browsers count text. A refusal of the whole stands for all of it.
pub(crate) fn position(error: &SoqlError, text: &str) -> Position {
    let whole = Span {
        start: 0,
        end: text.len(),
    };
    let span = error.span.unwrap_or(whole);
    let units = |bytes: usize| {
        let before = text.char_indices().take_while(|(at, _)| *at < bytes);
        before.map(|(_, letter)| letter.len_utf16()).sum()
    };
    Position {
        start: units(span.start),
        end: units(span.end),
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, SystemClock};

    use super::*;

    fn judged(text: &str) -> Result<Judged, SoqlError> {
        Judged::new(text, Object::Lead, &[], SystemClock.now())
    }

    #[test]
    fn a_place_is_counted_as_browsers_count() {
        let text = "SELECT Id FROM Lead WHERE Company = '𝄞é' AND Secret__c = 'x'";
        let error = judged(text).err().unwrap();
        assert_eq!(wire_code(&error), "soql_field_forbidden");
        let place = position(&error, text);
        let units: Vec<u16> = text.encode_utf16().collect();
        let marked = String::from_utf16(&units[place.start..place.end]).unwrap();
        assert_eq!(marked, "Secret__c");
    }

    #[test]
    fn what_restricts_nothing_is_refused_as_a_whole() {
        let text = "SELECT Id FROM Lead WHERE Id != null";
        let error = judged(text).err().unwrap();
        assert_eq!(wire_code(&error), "soql_tautology");
        assert_eq!(
            position(&error, text),
            Position {
                start: 0,
                end: text.len()
            }
        );
    }

    #[test]
    fn what_is_sent_names_what_routing_needs_once() {
        let sent = judged("select id from lead where Country = 'DE'")
            .unwrap()
            .sent();
        assert!(
            sent.starts_with("SELECT Id, OwnerId, CreatedDate, SystemModstamp FROM Lead WHERE"),
            "{sent}"
        );
        assert!(sent.contains("IsConverted = FALSE"), "{sent}");
    }
}
