//! A tenant's own program at the door, by its interface key (LR-33), and what becomes of its request (LR-34).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    web,
};
use chrono::{DateTime, Utc};
use identity::Caller;
use kernel::{
    Actor, Principal, RequestId, Roles,
    port::{KeyCheck, KeyHolder, KeyLedger, KeyLeft, KeyRefusal, KeyRequest as Noted, KeySpent},
};

use super::admit::{bearer, route, told};
use crate::{problem::Problem, shared::Shared};

/// Longer than any path of ours; what is longer is cut.
const MOST_PATH: usize = 300;

/// Left in the request as soon as the key is known: what it has left.
#[derive(Clone, Copy)]
struct Left(KeyLeft);

/// Left in the request as soon as the key is known: whose it is.
#[derive(Clone)]
struct Known(KeyHolder);

/// Whoever is behind an interface key that has the scope. A key without it is somebody known, whose refusal
/// is on record.
pub(super) async fn program(
    shared: &Shared,
    request: &HttpRequest,
    scope: &'static str,
    caller: &Caller,
) -> Result<Principal, Problem> {
    let shown = bearer(request).unwrap_or_default();
    let holder = match shared.identity().check(shown).await {
        Ok(holder) => holder,
        Err(KeyRefusal::Unknown) => {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "key_invalid",
                "This needs a valid interface key. An administrator makes one under Settings, Keys.",
            ));
        }
        Err(KeyRefusal::Unavailable) => {
            return Err(unchecked());
        }
    };
    request.extensions_mut().insert(Known(holder.clone()));
    charge(shared, request, &holder).await?;
    let principal = Principal {
        tenant: holder.tenant,
        actor: Actor::Program { key: holder.key },
        roles: Roles::default(),
        request: caller.request,
        origin: Some(caller.origin()),
    };
    if holder.scopes.iter().any(|held| held == scope) {
        return Ok(principal);
    }
    let route = route(request);
    let refused = shared
        .identity()
        .verb_deny(&principal, &route, "scope_missing");
    told(refused.await);
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "scope_missing",
        "This key may not be used for that. Make one with the scope that is named here.",
    )
    .with("scope", serde_json::Value::from(scope)))
}

fn unchecked() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "key_unchecked",
        "The key cannot be checked just now. Try again in a moment.",
    )
}

/// Takes one of the key's hundred requests a minute, which all daemons count together.
async fn charge(shared: &Shared, request: &HttpRequest, holder: &KeyHolder) -> Result<(), Problem> {
    let ledger = shared.inner.ledger.get().ok_or_else(unchecked)?;
    match ledger.take(holder.tenant, holder.key).await {
        Ok(left) => {
            request.extensions_mut().insert(Left(left));
            Ok(())
        }
        Err(KeySpent::Spent(left)) => {
            request.extensions_mut().insert(Left(left));
            Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "This key has used up its 100 requests of the minute. Wait as Retry-After says.",
            )
            .retry_after(Duration::from_secs(whole_seconds(left.resets_in))))
        }
        Err(KeySpent::Unavailable) => Err(unchecked()),
    }
}

/// Watches one request of a program until there is an answer. A request that is cut, by the client or by the
/// time limit, is on record as well: without a status.
pub(crate) struct Watch {
    request: HttpRequest,
    method: String,
    path: String,
    at: DateTime<Utc>,
    began: Instant,
    status: Option<StatusCode>,
}

impl Watch {
    pub(crate) fn begin(request: &HttpRequest) -> Option<Self> {
        let shared = request.app_data::<web::Data<Shared>>()?;
        Some(Self {
            method: request.method().to_string(),
            path: request.uri().path().chars().take(MOST_PATH).collect(),
            at: shared.inner.clock.now(),
            began: Instant::now(),
            status: None,
            request: request.clone(),
        })
    }

    /// Says in the answer what the key has left.
    pub(crate) fn end(mut self, mut answer: HttpResponse) -> HttpResponse {
        self.status = Some(answer.status());
        let left = self.request.extensions().get::<Left>().copied();
        for (name, value) in left.iter().flat_map(|Left(left)| rate_headers(left)) {
            answer.headers_mut().insert(name, value);
        }
        answer
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(Known(holder)) = self.request.extensions().get::<Known>().cloned() else {
            return;
        };
        let Some(shared) = self.request.app_data::<web::Data<Shared>>() else {
            return;
        };
        let ledger: Option<&Arc<dyn KeyLedger>> = shared.inner.ledger.get();
        let caller = shared.caller(&self.request);
        if let Some(ledger) = ledger {
            ledger.note(Noted {
                tenant: holder.tenant,
                key: holder.key,
                request: caller
                    .request
                    .unwrap_or_else(|| RequestId::generate(shared.inner.clock.as_ref())),
                at: self.at,
                method: std::mem::take(&mut self.method),
                path: std::mem::take(&mut self.path),
                status: self.status.map(|status| status.as_u16()),
                address: caller.address.to_string(),
                took: self.began.elapsed(),
            });
        }
    }
}

/// draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4.
fn rate_headers(left: &KeyLeft) -> Vec<(HeaderName, HeaderValue)> {
    let policy = format!("\"key\";q={};w={}", left.quota, left.window.as_secs());
    let now = format!(
        "\"key\";r={};t={}",
        left.remaining,
        whole_seconds(left.resets_in)
    );
    [("ratelimit-policy", policy), ("ratelimit", now)]
        .into_iter()
        .filter_map(|(name, value)| {
            let value = HeaderValue::from_str(&value).ok()?;
            Some((HeaderName::from_static(name), value))
        })
        .collect()
}

/// Rounded up: whoever waits so long is served.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_are_structured_fields() {
        let left = KeyLeft {
            quota: 100,
            window: Duration::from_secs(60),
            remaining: 7,
            resets_in: Duration::from_millis(12_001),
        };
        let told: Vec<String> = rate_headers(&left)
            .into_iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                "ratelimit-policy: \"key\";q=100;w=60",
                "ratelimit: \"key\";r=7;t=13"
            ]
        );
    }
}
