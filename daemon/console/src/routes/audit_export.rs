//! The audit log as a file: CSV or JSON lines, as it is read, so that neither side holds more than a page.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION},
    web::{self, Bytes},
};
use audit::{Export, Format, Scope};
use futures_util::stream;
use http::{Allowed, Problem, Query};
use identity::{Caller, Identity, permit};
use kernel::{Principal, Secret};
use serde::Deserialize;

use super::audit::Asked;
use crate::Console;

/// Why a file ends before its end: the connection is cut, so that it is not taken for whole.
type Cut = Box<dyn std::error::Error>;

#[derive(Deserialize)]
pub(super) struct As {
    format: Format,
}

/// An export on its way to who asked for it.
struct Sending {
    export: Export,
    identity: Identity,
    token: Secret<String>,
    caller: Caller,
}

impl Sending {
    async fn piece(&mut self) -> Result<Option<Vec<u8>>, Cut> {
        // Asked before each piece, as a request would be: what was revoked gets nothing more.
        self.identity
            .authenticate(self.token.expose(), &self.caller)
            .await?;
        Ok(self.export.next().await?)
    }

    async fn next(sending: Option<Self>) -> Option<(Result<Bytes, Cut>, Option<Self>)> {
        let mut sending = sending?;
        match sending.piece().await {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(Bytes::from(piece)), Some(sending))),
            Err(cut) => {
                log::warn!("an export of the audit log was cut: {cut}");
                Some((Err(cut), None))
            }
        }
    }
}

async fn send(
    console: &Console,
    who: &Principal,
    scope: Scope,
    request: &HttpRequest,
    (asked, format): (Asked, Format),
) -> Result<HttpResponse, Problem> {
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = header
        .and_then(|value| value.split_once(' '))
        .map(|(_, token)| token.trim().to_owned());
    let export = console
        .audit
        .export(who, scope, &asked.filter(), format)
        .await?;
    let day = console.db.clock().now().format("%Y-%m-%d");
    let (kind, ending) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Jsonl => ("application/x-ndjson", "jsonl"),
    };
    let sending = Sending {
        export,
        identity: console.identity.clone(),
        token: Secret::new(token.ok_or_else(Problem::internal)?),
        caller: console.shared.caller(request),
    };
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"audit-log-{day}.{ending}\""),
        ))
        .streaming(stream::unfold(Some(sending), Sending::next)))
}

pub(super) async fn audit_export(
    who: Allowed<permit::AuditExport>,
    console: web::Data<Console>,
    request: HttpRequest,
    Query(asked): Query<Asked>,
    Query(As { format }): Query<As>,
) -> Result<HttpResponse, Problem> {
    send(&console, &who, Scope::Own, &request, (asked, format)).await
}

pub(super) async fn platform_audit_export(
    who: Allowed<permit::PlatformAuditRead>,
    console: web::Data<Console>,
    request: HttpRequest,
    Query(asked): Query<Asked>,
    Query(As { format }): Query<As>,
) -> Result<HttpResponse, Problem> {
    let scope = Scope::Whole(asked.tenant());
    send(&console, &who, scope, &request, (asked, format)).await
}
