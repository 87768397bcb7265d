//! Answers of the administrator's command about routing, in the tenant that it names.

use db::{Db, DbError};
use kernel::{Actor, AssignmentId, Classified, ErrorKind, Principal, TenantId};
use layer::Object;
use routing::RoutingError;
use serde_json::{Value, json};
use soql::SalesforceId;

/// Why an administrator is not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoutingFault {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Routing(#[from] RoutingError),
    #[error("which tenant is not said")]
    Tenant,
    #[error("the id is of no entry and no record")]
    Id,
}

impl Classified for RoutingFault {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Routing(error) => error.kind(),
            Self::Tenant | Self::Id => ErrorKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Routing(error) => error.code(),
            Self::Tenant => "tenant_unsaid",
            Self::Id => "id_unknown",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            Self::Routing(error) => error.message(),
            Self::Tenant => String::from(
                "There is not one organisation alone: say which with --tenant, as the console's list of organisations shows it.",
            ),
            Self::Id => String::from(
                "Give the id of an entry of the routing log (asg_...), or of a lead or contact at Salesforce.",
            ),
        }
    }
}

/// The administrator at the machine, inside the tenant: the one named, or the only one.
async fn within(
    db: &Db,
    asker: &Actor,
    tenant: Option<TenantId>,
) -> Result<Principal, RoutingFault> {
    let tenant = match tenant {
        Some(tenant) => tenant,
        None => {
            let all = db.system(|tx| tx.tenants_all()).await?;
            let mut own = all.into_iter().filter(|id| *id != TenantId::PLATFORM);
            match (own.next(), own.next()) {
                (Some(only), None) => only,
                _ => return Err(RoutingFault::Tenant),
            }
        }
    };
    Ok(Principal {
        tenant,
        ..Principal::of_appliance(asker)
    })
}

/// A record, by the id that people copy out of Salesforce.
fn record(text: &str) -> Option<(Object, String)> {
    let id: SalesforceId = text.parse().ok()?;
    let objects = [
        (Object::Lead, soql::guard::Object::Lead),
        (Object::Contact, soql::guard::Object::Contact),
    ];
    let (object, _) = objects
        .into_iter()
        .find(|(_, known)| known.key_prefix() == id.key_prefix())?;
    Some((object, id.as_str().to_owned()))
}

pub(super) async fn explain(
    db: &Db,
    asker: &Actor,
    tenant: Option<TenantId>,
    id: &str,
) -> Result<Value, RoutingFault> {
    let who = within(db, asker, tenant).await?;
    if let Ok(id) = id.parse::<AssignmentId>() {
        return Ok(db.run(&who, move |tx| decided(tx, id)).await?);
    }
    let (object, id) = record(id).ok_or(RoutingFault::Id)?;
    let told = db.run(&who, move |tx| {
        match routing::assignment_latest(tx, object, &id) {
            Ok(latest) => decided(tx, latest),
            Err(RoutingError::Db(DbError::NotFound)) => {
                let told = routing::what_if(tx, object, &id, false)?;
                Ok(json!({ "record_id": told.record_id, "version": told.version, "said": told.said }))
            }
            Err(error) => Err(error),
        }
    });
    Ok(told.await?)
}

fn decided(tx: &mut db::TenantTx<'_>, id: AssignmentId) -> Result<Value, RoutingError> {
    let told = routing::assignment_explain(tx, id)?;
    Ok(json!({
        "assignment_id": id, "record_id": told.assignment.record_id, "decided_at": told.assignment.decided_at.to_rfc3339(),
        "version": told.version.map(|version| version.version), "again": told.again.outcome(), "said": told.said,
    }))
}

pub(super) async fn export(
    db: &Db,
    asker: &Actor,
    tenant: Option<TenantId>,
    object: Object,
) -> Result<Value, RoutingFault> {
    let who = within(db, asker, tenant).await?;
    let text = db.run(&who, move |tx| routing::rules_export(tx, object));
    Ok(json!({ "text": text.await? }))
}

pub(super) async fn plan(
    db: &Db,
    asker: &Actor,
    tenant: Option<TenantId>,
    (object, text): (Object, String),
) -> Result<Value, RoutingFault> {
    let who = within(db, asker, tenant).await?;
    let plan = db.run(&who, move |tx| routing::rules_plan(tx, object, &text));
    let plan = plan.await?;
    Ok(json!({
        "draft_version": plan.draft_version, "published": plan.published, "changes": plan.changes,
        "said": plan.said, "draft_changes": plan.draft_changes,
    }))
}

pub(super) async fn apply(
    db: &Db,
    asker: &Actor,
    tenant: Option<TenantId>,
    (object, text): (Object, String),
    (draft, note): (i64, String),
) -> Result<Value, RoutingFault> {
    let who = within(db, asker, tenant).await?;
    let applied = db.run(&who, move |tx| {
        routing::rules_apply(tx, object, &text, draft, &note)
    });
    Ok(json!({ "version": applied.await?.version }))
}
