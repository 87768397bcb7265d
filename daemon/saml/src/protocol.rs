//! What is asked of the child and what it answers: one JSON object each way.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// More than this is no question.
pub const MOST_QUESTION_BYTES: usize = 2 << 20;
/// More than this is no answer.
pub const MOST_ANSWER_BYTES: usize = 1 << 20;
/// A response or metadata, as XML.
pub const MOST_XML_BYTES: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    Response(Asked),
    Metadata { xml: String },
}

/// A response, and what it must say.
#[derive(Clone, Serialize, Deserialize)]
pub struct Asked {
    /// As the browser posted it: base64.
    pub response: String,
    /// The provider's entity id.
    pub issuer: String,
    /// X.509, DER in base64. A signature by any of them counts, whatever their dates: the administrator's
    /// word is what makes them trusted.
    pub certificates: Vec<String>,
    /// Our entity id.
    pub audience: String,
    pub acs_url: String,
    /// The request that is answered.
    pub in_response_to: String,
    pub now: DateTime<Utc>,
    /// How far the provider's clock may be off.
    pub skew_seconds: u32,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    Claims(Claims),
    Metadata(Metadata),
    Refused { code: Refusal },
}

/// What a verified assertion says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub assertion_id: String,
    pub subject: String,
    /// The NameID's format, where it has one.
    pub subject_format: Option<String>,
    /// From then on the assertion is refused for its age, so that a replay need not be remembered.
    pub expires_at: DateTime<Utc>,
    /// In the order of the assertion.
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    pub name: String,
    pub values: Vec<String>,
}

/// What a provider publishes about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    pub entity_id: String,
    /// HTTP-Redirect.
    pub sign_in_url: Option<String>,
    /// HTTP-Redirect.
    pub sign_out_url: Option<String>,
    /// For signing: DER in base64.
    pub certificates: Vec<String>,
    pub wants_signed_requests: bool,
}

/// Why something is refused; a stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    #[error("the question is malformed")]
    Question,
    #[error("it is no base64")]
    Base64,
    #[error("it is too large")]
    TooLarge,
    #[error("it is no well-formed XML, or too deep")]
    Xml,
    #[error("it has a document type or entities")]
    Dtd,
    #[error("it holds comments or processing instructions")]
    Comment,
    #[error("two elements have the same ID")]
    DuplicateId,
    #[error("its structure is not a response's with one assertion")]
    Shape,
    #[error("it holds more than one assertion or response")]
    Several,
    #[error("the provider reports a failure")]
    Status,
    #[error("it is encrypted")]
    Encrypted,
    #[error("the assertion is not signed")]
    Unsigned,
    #[error("its signature has another form than the one accepted, or covers something else")]
    SignatureShape,
    #[error("its signature or digest algorithm is not accepted")]
    Algorithm,
    #[error("no trusted certificate made its signature")]
    Signature,
    #[error("a trusted certificate is unusable")]
    Certificate,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for another address")]
    Destination,
    #[error("it answers no request")]
    Unsolicited,
    #[error("it answers another request")]
    InResponseTo,
    #[error("it is for another audience")]
    Audience,
    #[error("it holds a condition that is not understood")]
    Condition,
    #[error("it is not valid yet")]
    NotYet,
    #[error("it has expired")]
    Expired,
    #[error("its subject is missing, too long, or transient")]
    Subject,
    #[error("the metadata is of no identity provider")]
    NoProvider,
}

impl Refusal {
    /// As it stands in the audit log, in the journal and in the page's address.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Question => "saml_question",
            Self::Base64 => "saml_base64",
            Self::TooLarge => "saml_too_large",
            Self::Xml => "saml_xml",
            Self::Dtd => "saml_dtd",
            Self::Comment => "saml_comment",
            Self::DuplicateId => "saml_duplicate_id",
            Self::Shape => "saml_shape",
            Self::Several => "saml_several",
            Self::Status => "saml_status",
            Self::Encrypted => "saml_encrypted",
            Self::Unsigned => "saml_unsigned",
            Self::SignatureShape => "saml_signature_shape",
            Self::Algorithm => "saml_algorithm",
            Self::Signature => "saml_signature",
            Self::Certificate => "saml_certificate",
            Self::Issuer => "saml_issuer",
            Self::Destination => "saml_destination",
            Self::Unsolicited => "saml_unsolicited",
            Self::InResponseTo => "saml_in_response_to",
            Self::Audience => "saml_audience",
            Self::Condition => "saml_condition",
            Self::NotYet => "saml_not_yet",
            Self::Expired => "saml_expired",
            Self::Subject => "saml_subject",
            Self::NoProvider => "saml_no_provider",
        }
    }
}
