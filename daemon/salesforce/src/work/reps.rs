//! Who can own records: users and queues, as a whole list each time.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionError;
use db::Db;
use jobs::{Handler, Job, JobError};
use kernel::{Classified, Principal};
use routing::{SyncedQueue, SyncedRep};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use soql::guard::{AllowList, Guarded};

use super::WorkError;
use crate::{
    client::{ApiError, RoutingConnection, SalesforceClient},
    fault::RequestFault,
};

const USERS: &str = "SELECT Id, Name, IsActive FROM User WHERE UserType = 'Standard' ORDER BY Id";
const QUEUES: &str = "SELECT Id, Name FROM Group WHERE Type = 'Queue' ORDER BY Id";
const QUEUE_OBJECTS: &str = "SELECT QueueId, SobjectType FROM QueueSobject";
const EVERY_SECONDS: i32 = 3600;

/// The handler of `reps.sync`.
pub(super) struct RepsSync {
    pub(super) db: Db,
    pub(super) client: SalesforceClient,
}

#[derive(Deserialize)]
struct Payload {
    /// Set in the schedule's own payload.
    #[serde(default)]
    scheduled: bool,
}

#[async_trait]
impl Handler for RepsSync {
    fn kind(&self) -> &'static str {
        "reps.sync"
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let payload: Payload = job.read()?;
        match self.sync(&job.principal(), payload.scheduled).await {
            Err(error) if is_unconnected(&error) => {
                log::info!(REVKEEP_TENANT = job.tenant.to_string().as_str(); "reps were not synchronised: {}", error.code());
                Ok(())
            }
            done => done.map_err(|error| JobError::from_classified(&error)),
        }
    }
}

/// Whether only a person can help, who sees it at the connection: no failure of the job, and no
/// dead letter each hour. A new login has the reps synchronised at once.
fn is_unconnected(error: &WorkError) -> bool {
    let WorkError::Api(error) = error else {
        return false;
    };
    match error {
        ApiError::Connection(
            ConnectionError::Broken(_)
            | ConnectionError::NotConnected
            | ConnectionError::NotConfigured,
        ) => true,
        ApiError::Refused(refusal) => matches!(
            refusal.fault,
            RequestFault::Broken(_) | RequestFault::Session
        ),
        _ => false,
    }
}

impl RepsSync {
    async fn sync(&self, who: &Principal, scheduled: bool) -> Result<(), WorkError> {
        let connection = self.client.routing(who).await?;
        let reps: Vec<SyncedRep> = fetch(&connection, USERS, rep).await?;
        let names: Vec<(String, String)> = fetch(&connection, QUEUES, queue_name).await?;
        let served: Vec<(String, String)> = fetch(&connection, QUEUE_OBJECTS, queue_object).await?;
        let queues = queues(names, served);
        self.db
            .run(who, move |tx| {
                routing::reps_sync(tx, &reps)?;
                routing::queues_sync(tx, &queues)?;
                if !scheduled {
                    let again = json!({ "scheduled": true });
                    jobs::schedule_set(tx, "reps.sync", "reps.sync", again, EVERY_SECONDS)?;
                }
                Ok(())
            })
            .await
    }
}

/// All rows of a fixed query.
async fn fetch<T>(
    connection: &RoutingConnection,
    statement: &'static str,
    read: fn(&Map<String, Json>) -> Option<T>,
) -> Result<Vec<T>, WorkError> {
    let query = Guarded::fixed(statement, &AllowList::standard())?;
    let mut page = connection.query(&query).await?;
    let mut rows = Vec::new();
    loop {
        for record in &page.records {
            rows.push(read(record).ok_or(WorkError::Record)?);
        }
        match page.next {
            Some(locator) => page = connection.next_page(&locator).await?,
            None => return Ok(rows),
        }
    }
}

fn text(record: &Map<String, Json>, name: &str) -> Option<String> {
    record.get(name).and_then(Json::as_str).map(str::to_owned)
}

/// An id in its form of 18 characters.
fn id(record: &Map<String, Json>, name: &str) -> Option<String> {
    let id: soql::SalesforceId = record.get(name)?.as_str()?.parse().ok()?;
    Some(id.to_string())
}

fn rep(record: &Map<String, Json>) -> Option<SyncedRep> {
    Some(SyncedRep {
        external_id: id(record, "Id")?,
        name: text(record, "Name")?,
        active: record.get("IsActive")?.as_bool()?,
    })
}

fn queue_name(record: &Map<String, Json>) -> Option<(String, String)> {
    Some((id(record, "Id")?, text(record, "Name")?))
}

fn queue_object(record: &Map<String, Json>) -> Option<(String, String)> {
    Some((id(record, "QueueId")?, text(record, "SobjectType")?))
}

fn queues(names: Vec<(String, String)>, served: Vec<(String, String)>) -> Vec<SyncedQueue> {
    let mut objects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (queue, object) in served {
        objects.entry(queue).or_default().push(object);
    }
    names
        .into_iter()
        .map(|(external_id, name)| SyncedQueue {
            objects: objects.remove(&external_id).unwrap_or_default(),
            external_id,
            name,
        })
        .collect()
}
