//! The only door to the database. A pool per database role; four kinds of unit of work, each with
//! one maker:
//!
//! * [`TenantTx`] sees one tenant's rows, as the role `revkeep_app`;
//! * [`MachineTx`] sees what machines may see of one tenant, as the role `revkeep_gateway`;
//! * [`AuthTx`] is identity's, as the role `revkeep_auth`, for a person or for nobody yet;
//! * [`SystemTx`] has no table at all, only the listed definer functions.
//!
//! [`ProbeTx`] is for `revkeep verify`: as either role, hostile, and always rolled back.
//!
//! [`Auditor`] stands apart: it reads the audit log across tenants, as `revkeep_auditor`, for the command and
//! for the appliance's operator.
//!
//! A connection is lent inside the closure and never leaves it; the transaction is opened together
//! with the tenant context, in one round trip, before any caller's code runs.

mod appliance;
mod audit_log;
mod auditor;
mod auth;
mod census;
mod config;
mod context;
mod erasure;
mod error;
mod evidence;
mod hints;
mod machine;
mod nodes;
mod oauth;
mod people;
mod person;
mod place;
mod plan;
mod pool;
mod probe;
mod quarantine;
mod restore;
mod samples;
mod scim;
pub mod setup;
mod siem;
mod snapshot;
mod sso;
mod standing;
mod system;
mod tenant;
mod turn;
mod unit;
mod upkeep;

pub use appliance::ApplianceProvider;
pub use audit_log::{
    CoveringHead, LeafPlace, LogCount, LogOrder, LogPlace, LogQuery, LogRow, Unplaced, log_counts,
    log_leaf, log_page, log_unplaced,
};
pub use auditor::{Auditor, Cluster, LeafRow, LooseRow, NodeRow};
pub use auth::{
    AuthScope, AuthTx, ChallengeRef, PasskeyRef, RefreshTokenRef, SessionStanding, TenantName,
    UserLogin,
};
pub use census::Counted;
pub use config::DbConfig;
pub use context::ContextKey;
pub use erasure::{CertificateRow, ErasureRow};
pub use error::DbError;
pub use evidence::{Horizon, NewHead, StoredHead, UnsealedRow};
pub use hints::{Hints, hint};
pub use machine::{MachineRight, MachineTx, RateBlock};
pub use nodes::{DaemonNode, ServerNode, Standing, servers};
pub use oauth::{OauthKind, OauthStanding};
pub use people::{ApiKeyStanding, InvitationFound, TenantLine};
pub use place::by_place;
pub use plan::{Planned, TableLock, Work, schema_versions};
pub use pool::DbRole;
pub use probe::{Admission, Looked, ProbeTx, Side, TableStanding, admission, reachable};
pub use quarantine::{Ledger, Quarantine, Returned};
pub use samples::{Sample, SampleStep};
pub use scim::ScimTokenStanding;
pub use siem::{LogEnd, SealedEntry, SiemTargetKey};
pub use snapshot::{NOT_DUMPED, Snapshot};
pub use sso::WaitingDomain;
pub use standing::{DatabaseFacts, LeaseCount, QueueCount, RewrapOpen, TableStand, UpkeepMark};
pub use system::{ClaimedJob, JobCount, RewrapCount, SystemTx, TrialDue};
pub use tenant::TenantTx;
pub use turn::take_turn;
pub use unit::{Db, Unit};
pub use upkeep::{RecordCount, ServerFacts, TableSize};
