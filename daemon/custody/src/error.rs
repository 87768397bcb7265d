//! What can go wrong with an export or an erasure.

use audit::{AuditError, SealError};
use db::DbError;
use identity::IdentityError;
use jobs::{JobError, JobsError};
use kernel::{Classified, ErrorKind};
use vault::VaultError;

#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    #[error("rows could not be read or written")]
    Db(#[from] DbError),
    #[error("a key could not be used")]
    Vault(#[from] VaultError),
    #[error("the audit entry could not be written")]
    Audit(#[from] AuditError),
    #[error("the audit log's signing key could not be used")]
    Sign(#[from] SealError),
    #[error("a job could not be stored")]
    Jobs(#[from] JobsError),
    #[error("identity could not be asked")]
    Identity(#[from] IdentityError),
    #[error("the archive's files could not be read or written")]
    Files(#[from] std::io::Error),
    /// A column that nobody has classed goes nowhere.
    #[error("{0} has no class in daemon/custody/src/columns.txt")]
    Unclassed(String),
    #[error("a file of the archive is not as it was written")]
    Damaged,
    #[error("another run has gone on with this archive")]
    Superseded,
    #[error("a row that was just read cannot be understood")]
    Unreadable,
    #[error("rows of the tenant came after they were erased")]
    LeftOver,
    #[error("only the owner may do this")]
    NotOwner,
    #[error("no such export of this person")]
    NoExport,
    #[error("an export is being made")]
    ExportRunning,
    #[error("the archive is not there: {0}")]
    NotReady(&'static str),
    #[error("the export has ended")]
    ExportEnded,
    #[error("what was typed is not the tenant's name")]
    ConfirmWrong,
    #[error("the deletion was asked for already")]
    DeletionAsked,
    #[error("no deletion was asked for")]
    NoDeletion,
    #[error("an operator belongs to this tenant alone")]
    OperatorsHome,
    #[error("no certificate")]
    NoCertificate,
    #[error("what is looked for is too short, too long or odd")]
    TermInvalid,
    #[error("what was typed is not what was searched for")]
    TermWrong,
    #[error("what was typed is not the member's address")]
    AddressWrong,
    #[error("what is looked for stands in too many rows")]
    TooMany,
    #[error("no such case or member")]
    NoCase,
    #[error("the case has ended, or is not that far")]
    CaseEnded,
    #[error("an erasure of this person was asked for already")]
    ErasureRunning,
}

impl From<diesel::result::Error> for CustodyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<CustodyError> for JobError {
    fn from(error: CustodyError) -> Self {
        Self::from_classified(&error)
    }
}

impl Classified for CustodyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::Sign(error) => error.kind(),
            Self::Jobs(error) => error.kind(),
            Self::Identity(error) => error.kind(),
            Self::Files(_) | Self::Damaged | Self::Unreadable => ErrorKind::Internal,
            Self::Unclassed(_)
            | Self::ConfirmWrong
            | Self::TermInvalid
            | Self::TermWrong
            | Self::AddressWrong
            | Self::TooMany => ErrorKind::Invalid,
            Self::Superseded
            | Self::LeftOver
            | Self::ExportRunning
            | Self::NotReady(_)
            | Self::ExportEnded
            | Self::DeletionAsked
            | Self::NoDeletion
            | Self::OperatorsHome
            | Self::CaseEnded
            | Self::ErasureRunning => ErrorKind::Conflict,
            Self::NotOwner => ErrorKind::Denied,
            Self::NoExport | Self::NoCertificate | Self::NoCase => ErrorKind::NotFound,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Sign(error) => error.code(),
            Self::Jobs(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::Files(_) => "export_files",
            Self::Damaged => "export_damaged",
            Self::Unreadable => "internal",
            Self::Unclassed(_) => "column_without_class",
            Self::Superseded => "export_superseded",
            Self::LeftOver => "erasure_rows_left",
            Self::NotOwner => "not_owner",
            Self::NoExport | Self::NoCertificate | Self::NoCase => "not_found",
            Self::TermInvalid => "term_invalid",
            Self::TermWrong | Self::AddressWrong => "confirm_wrong",
            Self::TooMany => "search_too_wide",
            Self::CaseEnded => "case_ended",
            Self::ErasureRunning => "erasure_running",
            Self::ExportRunning => "export_running",
            Self::NotReady(_) => "export_not_ready",
            Self::ExportEnded => "export_ended",
            Self::ConfirmWrong => "confirm_wrong",
            Self::DeletionAsked => "deletion_asked",
            Self::NoDeletion => "deletion_not_asked",
            Self::OperatorsHome => "operators_home",
        }
    }

    fn message(&self) -> String {
        let text = match self {
            Self::Db(error) => return error.message(),
            Self::Vault(error) => return error.message(),
            Self::Audit(error) => return error.message(),
            Self::Sign(error) => return error.message(),
            Self::Jobs(error) => return error.message(),
            Self::Identity(error) => return error.message(),
            Self::Files(_) | Self::Damaged => {
                "The archive's files cannot be read or written. The log says why; export.directory of the configuration says where they are."
            }
            Self::Unreadable | Self::Superseded | Self::LeftOver | Self::Unclassed(_) => {
                "Something failed on our side; the log has the cause."
            }
            Self::NotOwner => "Only the owner of the organisation may do this.",
            Self::NoExport => "There is no such export of yours.",
            Self::NoCertificate => "There is no certificate of that organisation.",
            Self::ExportRunning => {
                "An export is being made already. Wait until it is ready, or cancel it."
            }
            Self::NotReady("downloaded") => {
                "This archive was downloaded, which is possible once. Ask for a new export."
            }
            Self::NotReady("downloading") => "This archive is being downloaded at this moment.",
            Self::NotReady(_) => "This archive is not there: it is not ready, or it has ended.",
            Self::ExportEnded => "This export has ended, so there is nothing to cancel.",
            Self::TermInvalid => {
                "Search for a whole address or name, of 4 to 254 letters, without quotation marks."
            }
            Self::TermWrong => "What was typed is not what was searched for.",
            Self::AddressWrong => "What was typed is not this person's address.",
            Self::TooMany => {
                "This stands in more than 10,000 rows, so it is not one person. Search for an address."
            }
            Self::NoCase => "There is no such case or member here.",
            Self::CaseEnded => "This case has ended, or its search is not done yet.",
            Self::ErasureRunning => "The erasure of this person was asked for already.",
            Self::ConfirmWrong => "What was typed is not the organisation's name.",
            Self::DeletionAsked => {
                "The deletion of this organisation was asked for already. It can be taken back until its day."
            }
            Self::NoDeletion => "Nobody has asked for the deletion of this organisation.",
            Self::OperatorsHome => {
                "An operator of the appliance belongs to this organisation alone and could not sign in any more. Make them a member of another one first."
            }
        };
        text.to_owned()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::ConfirmWrong | Self::TermWrong | Self::AddressWrong => Some("confirm".to_owned()),
            Self::TermInvalid => Some("term".to_owned()),
            _ => None,
        }
    }
}
