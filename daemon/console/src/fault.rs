//! Errors inside a unit of work, on their way to an answer. They become a [`Problem`] on the
//! request's own thread, where the log knows the request's id.

use std::borrow::Cow;

use connections::{ConnectionError, SourceError};
use db::DbError;
use http::{FieldError, Problem};
use identity::IdentityError;
use jobs::JobsError;
use kernel::ErrorKind;
use layer::LayerError;
use routing::RoutingError;
use serde::Serialize;
use serde_json::{Value as Json, json};

/// Why a unit of work was rolled back, or could not begin.
#[derive(Debug)]
pub(crate) enum Fault {
    Db(DbError),
    Identity(IdentityError),
    Jobs(JobsError),
    Layer(LayerError),
    Connections(ConnectionError),
    Routing(RoutingError),
    Source(SourceError),
    /// Somebody else changed it: the answer shows how it is now.
    Stale(Json),
    /// What no domain knows of.
    Answer(Problem),
}

macro_rules! from {
    ($($variant:ident($error:ty),)*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}
from! {
    Db(DbError),
    Identity(IdentityError),
    Jobs(JobsError),
    Layer(LayerError),
    Connections(ConnectionError),
    Routing(RoutingError),
    Source(SourceError),
    Answer(Problem),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Db(error) => error.into(),
            Fault::Identity(error) => error.into(),
            Fault::Jobs(error) => error.into(),
            Fault::Layer(error) => error.into(),
            Fault::Connections(error) => error.into(),
            Fault::Routing(error) => routing_problem(error),
            Fault::Source(error) => source_problem(error),
            Fault::Stale(current) => {
                Self::from(RoutingError::VersionConflict).with("current", current)
            }
            Fault::Answer(problem) => problem,
        }
    }
}

/// Whatever keeps Salesforce from being read is one thing for the page, with a reason.
fn source_problem(error: SourceError) -> Problem {
    if error.kind != ErrorKind::Unavailable {
        return Problem::from(error);
    }
    let reason = error.code;
    let told = SourceError {
        code: "connection_unavailable",
        ..error
    };
    Problem::from(told).with("reason", Json::from(reason))
}

/// A flaw of a condition stands at its place in the body; what is in use says by which rules.
fn routing_problem(error: RoutingError) -> Problem {
    let flaws: Vec<FieldError> = error
        .flaws()
        .iter()
        .map(|flaw| FieldError {
            field: flaw.path.clone(),
            code: Cow::Borrowed(flaw.code),
            detail: flaw.detail.clone(),
            position: None,
        })
        .collect();
    let rules = match &error {
        RoutingError::PoolInUse { rules } | RoutingError::FieldInUse { rules } => rules
            .iter()
            .map(|(id, name)| json!({ "rule_id": id, "name": name }))
            .collect(),
        _ => Vec::new(),
    };
    let mut problem = Problem::from(error);
    if !rules.is_empty() {
        problem = problem.with("rules", Json::from(rules));
    }
    flaws.into_iter().fold(problem, Problem::with_error)
}

/// Reads how a thing is now when `change` found that somebody else had changed it.
pub(crate) fn or_current<T, V: Serialize>(
    change: Result<T, RoutingError>,
    current: impl FnOnce() -> Result<V, Fault>,
) -> Result<T, Fault> {
    match change {
        Err(RoutingError::VersionConflict) => {
            let view = serde_json::to_value(current()?);
            Err(Fault::Stale(view.unwrap_or(Json::Null)))
        }
        other => Ok(other?),
    }
}
