//! Background work: the routing cycle, its parts, and the list of reps.
//!
//! A cycle of a router does what its state allows: the baseline, or pull, decide and push. What is
//! in doubt is settled in every state. The schedule is the retry: a cycle says its troubles in the
//! router's own row and ends well.

mod baseline;
mod cycle;
mod doubts;
mod pull;
mod push;
mod reps;

use std::sync::Arc;

use db::{Db, DbError};
use jobs::{Handler, JobsError};
use kernel::{Classified, ErrorKind, Principal};
use layer::LayerError;
use routing::RoutingError;
use soql::SoqlError;

use crate::client::{ApiError, RoutingConnection, SalesforceClient};

/// The handlers of this crate's jobs.
pub fn handlers(db: &Db, client: &SalesforceClient) -> Vec<Arc<dyn Handler>> {
    vec![
        Arc::new(cycle::Cycle {
            db: db.clone(),
            client: client.clone(),
        }),
        Arc::new(reps::RepsSync {
            db: db.clone(),
            client: client.clone(),
        }),
    ]
}

/// Why a piece of work ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    #[error("the database did not do it")]
    Db(#[from] DbError),
    #[error("routing did not do it")]
    Routing(#[from] RoutingError),
    #[error("the layer did not do it")]
    Layer(#[from] LayerError),
    #[error("the queue did not do it")]
    Jobs(#[from] JobsError),
    #[error("the connection could not be updated")]
    Connection(#[from] connections::ConnectionError),
    #[error("Salesforce did not do it")]
    Api(#[from] ApiError),
    #[error("the stored enrollment does not pass the guard any more: {0}")]
    Enrollment(#[from] SoqlError),
    #[error("a record of Salesforce's answer is not readable")]
    Record,
    #[error("the budget of API requests is used up")]
    Budget,
}

impl Classified for WorkError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Routing(error) => error.kind(),
            Self::Layer(error) => error.kind(),
            Self::Jobs(error) => error.kind(),
            Self::Connection(error) => error.kind(),
            Self::Api(error) => error.kind(),
            Self::Enrollment(_) => ErrorKind::Conflict,
            Self::Record | Self::Budget => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Routing(error) => error.code(),
            Self::Layer(error) => error.code(),
            Self::Jobs(error) => error.code(),
            Self::Connection(error) => error.code(),
            Self::Api(error) => error.code(),
            Self::Enrollment(_) => "enrollment_refused",
            Self::Record => "salesforce_unreadable",
            Self::Budget => "api_limit",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            Self::Routing(error) => error.message(),
            Self::Layer(error) => error.message(),
            Self::Jobs(error) => error.message(),
            Self::Connection(error) => error.message(),
            Self::Api(error) => error.message(),
            Self::Enrollment(error) => {
                format!("The enrollment query cannot be used any more: {error}")
            }
            Self::Record => "Salesforce answered with a record that cannot be read.".to_owned(),
            Self::Budget => {
                "Revkeep's budget of Salesforce's daily API requests is used up. New records are fetched again when the count falls; owners that were decided are still written.".to_owned()
            }
        }
    }
}

/// One tenant's work with everything that it needs.
struct Bench<'a> {
    db: &'a Db,
    who: Principal,
    connection: RoutingConnection,
    client: &'a SalesforceClient,
}
