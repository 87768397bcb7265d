//! What can go wrong in the layer.

use audit::AuditError;
use db::DbError;
use kernel::{Classified, ErrorKind};

#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    #[error("the layer could not be read or written")]
    Db(#[from] DbError),
    #[error("the audit entry could not be written")]
    Audit(#[from] AuditError),
    #[error("the field is in the layer already")]
    FieldExists,
    #[error("routing needs the field")]
    FieldRequired,
    #[error("the field's name is not a name of one field")]
    FieldName,
    #[error("the reason is missing or too long")]
    Reason,
    #[error("somebody has decided already")]
    IntentDecided,
    #[error("too many proposals of the program wait")]
    IntentsFull,
}

impl From<diesel::result::Error> for LayerError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl Classified for LayerError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::FieldExists | Self::FieldRequired | Self::IntentDecided | Self::IntentsFull => {
                ErrorKind::Conflict
            }
            Self::FieldName | Self::Reason => ErrorKind::Invalid,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::FieldExists => "field_exists",
            Self::FieldRequired => "field_required",
            Self::FieldName => "field_name_invalid",
            Self::Reason => "reason_invalid",
            Self::IntentDecided => "intent_decided",
            Self::IntentsFull => "intents_full",
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Db(error) => return error.message(),
            Self::Audit(error) => return error.message(),
            Self::FieldExists => "This field is in the data layer already.",
            Self::FieldRequired => {
                "Routing itself needs this field, so it stays while the object is routed."
            }
            Self::FieldName => {
                "Give the name of one field of the object, such as Country or Region__c; fields of related objects are not taken."
            }
            Self::Reason => "Say in 1 to 500 characters why.",
            Self::IntentDecided => "Somebody has decided this already.",
            Self::IntentsFull => {
                "50 proposals of this program wait for a person. Propose more once some of them are decided."
            }
        }
        .to_owned()
    }
    fn field(&self) -> Option<String> {
        match self {
            Self::FieldName => Some(String::from("name")),
            Self::Reason => Some(String::from("reason")),
            Self::Db(_)
            | Self::Audit(_)
            | Self::FieldExists
            | Self::FieldRequired
            | Self::IntentDecided
            | Self::IntentsFull => None,
        }
    }
}
