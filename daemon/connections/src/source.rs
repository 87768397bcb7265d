//! The port through which people's pages ask the CRM itself: which fields there are, how many
//! records an enrollment matches. Reads only.

use async_trait::async_trait;
use kernel::{Classified, ErrorKind, Principal};

/// A field that the connection's user may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailableField {
    pub name: String,
    pub label: String,
    /// The layer's name of the type, such as `picklist`.
    pub kind: &'static str,
    /// Looks like data about a person, so the page proposes that class.
    pub personal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrollmentCounts {
    /// Records that the enrollment matches.
    pub matching: u64,
    /// All records of the object that could be routed.
    pub total: u64,
}

/// Why the CRM gave no answer, as the person is told.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct SourceError {
    pub kind: ErrorKind,
    pub code: &'static str,
    pub message: String,
}

impl Classified for SourceError {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
    fn code(&self) -> &'static str {
        self.code
    }
    fn message(&self) -> String {
        self.message.clone()
    }
}

/// Live reads of the tenant's routing connection. `object` is `Lead` or `Contact`.
#[async_trait]
pub trait RoutingSource: Send + Sync + 'static {
    async fn available_fields(
        &self,
        who: &Principal,
        object: &str,
    ) -> Result<Vec<AvailableField>, SourceError>;

    /// `canonical` is a router's enrollment; it is guarded again before it is sent.
    async fn enrollment_counts(
        &self,
        who: &Principal,
        object: &str,
        canonical: &str,
    ) -> Result<EnrollmentCounts, SourceError>;
}
