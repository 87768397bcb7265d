//! The REST client of lead routing. Its verbs are all that there is: guarded queries, describe,
//! limits, and the owner of leads and contacts.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connections::{AccessToken, AccessTokens, BrokenCode, ConnectionError};
use egress::{Egress, EgressError, Http, Method, Purpose, Request, Response};
use kernel::{Classified, ErrorKind, Principal, SharedClock};
use layer::Object;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json};
use soql::guard::Guarded;
use tokio::sync::Mutex;

use crate::{
    config::Config,
    fault::{RequestFault, of_request},
    guard::{self, Forbidden, Verb},
    host::Hosts,
    limits::Usage,
    owner::{self, MOST_OWNERS, OwnerPatch, WriteResult},
    wire::{Describe, DescribedField, QueryAnswer, RestError, SaveResult},
};

/// How long a read may take: a page of 2000 records.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// A page of 2000 records of some dozen fields is one or two megabytes.
const MOST_RESPONSE_BYTES: usize = 64 << 20;
/// One for the token that has expired, one for a token that another daemon replaced meanwhile.
const MOST_RENEWALS: u32 = 2;
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// An answer that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// Salesforce's `errorCode`; empty when there was none.
    pub code: String,
    pub fault: RequestFault,
}

#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("the connection gives no access token")]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("the instance address is outside Salesforce's domains")]
    HostRefused,
    #[error("nothing was sent to Salesforce")]
    NotSent(#[source] EgressError),
    /// Salesforce may have acted.
    #[error("Salesforce's answer did not arrive")]
    InDoubt(#[source] EgressError),
    #[error("Salesforce refused: status {}, code {}", .0.status, .0.code)]
    Refused(Refusal),
    #[error("Salesforce's answer is not readable")]
    Unreadable,
    /// The claim on the records ends too soon for a call that may last as long as it may.
    #[error("too little time was left, so nothing was sent")]
    TooLate,
}

/// Until when a write may be on its way: the end of the claim under which it is made.
pub struct Deadline<'a> {
    pub clock: &'a SharedClock,
    pub until: DateTime<Utc>,
}

impl Deadline<'_> {
    /// Twice the call's time-out must be left: what is cut at its end may be worked on for a while.
    fn admits(&self, call: Duration) -> bool {
        TimeDelta::from_std(call * 2).is_ok_and(|needed| self.clock.now() + needed <= self.until)
    }
}

impl ApiError {
    /// Whether a write may have happened although its answer says nothing.
    pub const fn in_doubt(&self) -> bool {
        match self {
            Self::InDoubt(_) | Self::Unreadable => true,
            // A gateway's word says nothing of what happened behind it.
            Self::Refused(refusal) => refusal.status >= 500,
            Self::Connection(_)
            | Self::Forbidden(_)
            | Self::HostRefused
            | Self::NotSent(_)
            | Self::TooLate => false,
        }
    }
}

impl Classified for ApiError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Connection(error) => error.kind(),
            Self::Forbidden(_) => ErrorKind::Internal,
            Self::HostRefused => ErrorKind::Conflict,
            Self::NotSent(_)
            | Self::InDoubt(_)
            | Self::Unreadable
            | Self::Refused(_)
            | Self::TooLate => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Connection(error) => error.code(),
            Self::Forbidden(_) => "request_forbidden",
            Self::HostRefused => "host_refused",
            Self::NotSent(_) => "salesforce_unreachable",
            Self::InDoubt(_) => "salesforce_no_answer",
            Self::Unreadable => "salesforce_unreadable",
            Self::TooLate => "claim_over",
            Self::Refused(refusal) => match refusal.fault {
                RequestFault::Session => "salesforce_session",
                RequestFault::Limit => "salesforce_limit",
                RequestFault::Broken(_) => "connection_broken",
                RequestFault::Query => "salesforce_query_refused",
                RequestFault::LocatorGone => "salesforce_page_gone",
                RequestFault::Unavailable => "salesforce_unavailable",
                RequestFault::Other => "salesforce_refused",
            },
        }
    }

    fn message(&self) -> String {
        let text = match self {
            Self::Connection(error) => return error.message(),
            Self::NotSent(error) => return error.message(),
            Self::Forbidden(_) => "Something failed on our side; the log has the cause.",
            Self::HostRefused => {
                "The connection's instance is outside Salesforce's domains. Reconnect it."
            }
            Self::TooLate => "Salesforce is slow. Work goes on by itself.",
            Self::InDoubt(_) | Self::Unreadable => {
                "Salesforce did not answer properly. Try again in a moment."
            }
            Self::Refused(refusal) => match refusal.fault {
                RequestFault::Session => "Salesforce does not accept the access token. Reconnect.",
                RequestFault::Limit => {
                    "The organisation's API requests are used up. Work goes on by itself when Salesforce accepts requests again."
                }
                RequestFault::Broken(code) => return code.message().to_owned(),
                RequestFault::Query => {
                    "Salesforce does not know a field of the query, or hides it from the integration user. Check the enrollment query, the layer's fields and the user's field permissions."
                }
                RequestFault::LocatorGone => "The query took too long and is begun anew.",
                RequestFault::Unavailable => "Salesforce is not available. Work goes on by itself.",
                RequestFault::Other => "Salesforce refused the request. The log names its code.",
            },
        };
        text.to_owned()
    }
}

/// One page of a query's records.
#[derive(Debug)]
pub struct Page {
    /// Of the whole result.
    pub total: u64,
    pub records: Vec<Map<String, Json>>,
    pub next: Option<Locator>,
}

/// Where the next page is. Only an answer of Salesforce makes one, after its shape was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locator(String);

/// Makes connections. Cheap to clone.
#[derive(Clone)]
pub struct SalesforceClient {
    http: Http,
    hosts: Hosts,
    tokens: AccessTokens,
    api_version: String,
    page_size: u16,
    budget_percent: u8,
    pub(crate) write_timeout: Duration,
}

impl SalesforceClient {
    pub fn new(egress: &Egress, tokens: AccessTokens, config: &Config) -> Self {
        Self {
            http: egress.http(Purpose::Salesforce),
            hosts: Hosts::new(&config.declared_hosts),
            tokens,
            api_version: config.api_version.clone(),
            page_size: config.page_size.clamp(200, 2000),
            budget_percent: config.budget_percent.clamp(1, 100),
            write_timeout: Duration::from_secs(config.write_timeout_seconds.clamp(1, 600).into()),
        }
    }

    /// The tenant's routing connection with its access token, for one piece of work.
    pub async fn routing(&self, who: &Principal) -> Result<RoutingConnection, ApiError> {
        let token = self.tokens.for_routing(who).await?;
        Ok(RoutingConnection {
            client: self.clone(),
            who: who.clone(),
            token: Mutex::new(token),
            usage: std::sync::Mutex::new(None),
        })
    }
}

/// A connection that may read what routing reads and write owners. It has no other verb.
pub struct RoutingConnection {
    client: SalesforceClient,
    who: Principal,
    token: Mutex<AccessToken>,
    usage: std::sync::Mutex<Option<Usage>>,
}

impl RoutingConnection {
    /// The first page of a query.
    pub async fn query(&self, query: &Guarded) -> Result<Page, ApiError> {
        let text = query.to_string();
        let encoded = utf8_percent_encode(&text, QUERY);
        self.page(&format!("query?q={encoded}")).await
    }

    pub async fn next_page(&self, locator: &Locator) -> Result<Page, ApiError> {
        self.page(&format!("query/{}", locator.0)).await
    }

    /// What a COUNT() query counts.
    pub async fn count(&self, query: &Guarded) -> Result<u64, ApiError> {
        Ok(self.query(query).await?.total)
    }

    /// The fields that the integration user may read.
    pub async fn describe(&self, object: Object) -> Result<Vec<DescribedField>, ApiError> {
        let answer = self
            .send(
                Verb::Get,
                &format!("sobjects/{}/describe", object.name()),
                None,
            )
            .await?;
        let describe: Describe = answer.json().map_err(|_| ApiError::Unreadable)?;
        Ok(describe.fields)
    }

    /// Asks for nothing but the request limits.
    pub async fn limits(&self) -> Result<Option<Usage>, ApiError> {
        self.send(Verb::Get, "limits", None).await?;
        Ok(self.usage())
    }

    /// Writes owners; answers one result per patch, in order. 1 to 200 patches.
    ///
    /// # Errors
    /// `TooLate` when the deadline is too near for the call, or for repeating it with a renewed
    /// token: nothing was sent, or what was sent was refused.
    pub async fn owners_write(
        &self,
        patches: &[OwnerPatch],
        deadline: &Deadline<'_>,
    ) -> Result<Vec<WriteResult>, ApiError> {
        let patches = patches
            .get(..patches.len().min(MOST_OWNERS))
            .unwrap_or(patches);
        let body = owner::body(patches).map_err(|_| ApiError::Unreadable)?;
        let answer = self
            .send(Verb::Patch, "composite/sobjects", Some((&body, deadline)))
            .await?;
        let results: Vec<SaveResult> = answer.json().map_err(|_| ApiError::Unreadable)?;
        if results.len() != patches.len() {
            return Err(ApiError::Unreadable);
        }
        results
            .into_iter()
            .zip(patches)
            .map(|(result, patch)| outcome(result, patch))
            .collect()
    }

    /// Requests of the organisation as the latest answer told them.
    pub fn usage(&self) -> Option<Usage> {
        *self
            .usage
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether the budget of requests for pulling is used up.
    pub fn over_budget(&self) -> bool {
        self.usage()
            .is_some_and(|usage| usage.reaches(self.client.budget_percent))
    }

    pub async fn connection_id(&self) -> kernel::ConnectionId {
        self.token.lock().await.connection
    }

    async fn page(&self, resource: &str) -> Result<Page, ApiError> {
        let answer = self.send(Verb::Get, resource, None).await?;
        let answer: QueryAnswer = answer.json().map_err(|_| ApiError::Unreadable)?;
        let next = match (answer.done, answer.next_records_url) {
            (true, _) => None,
            (false, Some(address)) => Some(locator(&address).ok_or(ApiError::Unreadable)?),
            (false, None) => return Err(ApiError::Unreadable),
        };
        Ok(Page {
            total: answer.total_size,
            records: answer.records,
            next,
        })
    }

    /// Sends a request, again with a renewed token when the token is not accepted. A request
    /// that was refused for its token was not carried out, so repeating a write is no second write.
    async fn send(
        &self,
        verb: Verb,
        resource: &str,
        write: Option<(&[u8], &Deadline<'_>)>,
    ) -> Result<Response, ApiError> {
        let body = write.map(|(body, _)| body);
        let target = format!("/services/data/v{}/{resource}", self.client.api_version);
        guard::admit(verb, &target, body)?;
        let mut renewals = 0;
        loop {
            let (request, generation) = self.prepared(verb, &target, body).await?;
            // Renewing a token takes time: looked at before every sending.
            if write.is_some_and(|(_, deadline)| !deadline.admits(self.client.write_timeout)) {
                return Err(ApiError::TooLate);
            }
            let answer = self.client.http.send(request).await.map_err(|error| {
                if error.nothing_sent() {
                    ApiError::NotSent(error)
                } else {
                    ApiError::InDoubt(error)
                }
            })?;
            self.note_usage(&answer);
            if answer.is_success() {
                return Ok(answer);
            }
            let refusal = refusal(&answer);
            match refusal.fault {
                RequestFault::Session if renewals < MOST_RENEWALS => {
                    renewals += 1;
                    self.renew(generation).await?;
                }
                // Fresh tokens are refused too: renewing them for ever would only wear out the grant.
                RequestFault::Session => {
                    self.give_up(BrokenCode::LoginRefused).await?;
                    return Err(ApiError::Refused(refusal));
                }
                RequestFault::Broken(code) => {
                    self.give_up(code).await?;
                    return Err(ApiError::Refused(refusal));
                }
                _ => return Err(ApiError::Refused(refusal)),
            }
        }
    }

    async fn prepared(
        &self,
        verb: Verb,
        target: &str,
        body: Option<&[u8]>,
    ) -> Result<(Request, i64), ApiError> {
        let token = self.token.lock().await;
        if !self.client.hosts.instance_allowed(&token.instance_url) {
            return Err(ApiError::HostRefused);
        }
        let (method, timeout) = match verb {
            Verb::Get => (Method::Get, READ_TIMEOUT),
            Verb::Patch => (Method::Patch, self.client.write_timeout),
        };
        let mut request = Request::new(method, format!("{}{target}", token.instance_url))
            .bearer(&token.secret)
            .header("accept", "application/json")
            .timeout(timeout)
            .most_response_bytes(MOST_RESPONSE_BYTES);
        request = match body {
            None => request.header(
                "sforce-query-options",
                &format!("batchSize={}", self.client.page_size),
            ),
            // Salesforce's own assignment rules must not move the record on.
            Some(body) => request
                .header("sforce-auto-assign", "false")
                .body("application/json;charset=UTF-8", body.to_vec()),
        };
        Ok((request, token.generation))
    }

    /// Takes a token newer than `generation`, unless somebody with the same connection already did.
    async fn renew(&self, generation: i64) -> Result<(), ApiError> {
        let mut token = self.token.lock().await;
        if token.generation == generation {
            *token = self.client.tokens.refresh_after(&self.who, &token).await?;
        }
        Ok(())
    }

    async fn give_up(&self, code: BrokenCode) -> Result<(), ApiError> {
        let token = self.token.lock().await;
        Ok(self.client.tokens.give_up(&self.who, &token, code).await?)
    }

    fn note_usage(&self, answer: &Response) {
        if let Some(usage) = answer.header("sforce-limit-info").and_then(Usage::parse) {
            let mut known = self
                .usage
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            *known = Some(usage);
        }
    }
}

fn refusal(answer: &Response) -> Refusal {
    let errors: Vec<RestError> = answer.json().unwrap_or_default();
    let code = errors
        .into_iter()
        .next()
        .map(|error| error.error_code)
        .unwrap_or_default();
    Refusal {
        status: answer.status,
        fault: of_request(answer.status, &code),
        code: code
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .take(80)
            .collect(),
    }
}

/// The locator in a `nextRecordsUrl`: a path of this API on the same host, nothing else.
fn locator(address: &str) -> Option<Locator> {
    let (_, rest) = address
        .strip_prefix("/services/data/v")?
        .split_once("/query/")?;
    guard::is_locator(rest).then(|| Locator(rest.to_owned()))
}

/// One record's result. An answer about another record than the one asked for says nothing.
fn outcome(result: SaveResult, patch: &OwnerPatch) -> Result<WriteResult, ApiError> {
    let same = result
        .id
        .as_deref()
        .is_none_or(|id| layer::value::id_key(id) == patch.record().short());
    match (same, result.success) {
        (true, true) => Ok(WriteResult::Written),
        (true, false) => Ok(WriteResult::Refused {
            code: result
                .errors
                .into_iter()
                .next()
                .map(|error| error.status_code)
                .unwrap_or_default(),
        }),
        (false, _) => Err(ApiError::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_page_is_a_path_of_this_api_and_nothing_else() {
        let good = "/services/data/v65.0/query/01gRO0000016PIAYA2-500";
        assert_eq!(
            locator(good),
            Some(Locator("01gRO0000016PIAYA2-500".to_owned()))
        );
        for address in [
            "https://evil.example/services/data/v65.0/query/01g-500",
            "//evil.example/services/data/v65.0/query/01g-500",
            "/services/data/v65.0/query/../../../apexrest/x",
            "/services/data/v65.0/query/01g-500?x=1",
            "/services/data/v65.0/query/01g/500",
            "/services/data/v65.0/queryAll/01g-500",
            "@evil.example/services/data/v65.0/query/01g-500",
            "",
        ] {
            assert_eq!(locator(address), None, "{address}");
        }
    }
}
