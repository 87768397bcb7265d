//! The deletion of a tenant: asked for with its typed name, by its owner or by an operator, and taken back as
//! long as its day has not come. Until then everything works as before.

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use kernel::{Action, Event, Principal, TenantId};
use schema::tenant_deletions;
use serde_json::json;

use crate::{Custody, error::CustodyError, export::owner};

/// A deletion that waits for its day.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = tenant_deletions)]
pub struct Deletion {
    /// The id of whoever asked.
    pub asked_by: String,
    /// An operator of the appliance, not the owner.
    pub by_operator: bool,
    pub asked_at: DateTime<Utc>,
    /// From here on it cannot be taken back.
    pub due_at: DateTime<Utc>,
}

impl Custody {
    /// The deletion of the caller's tenant, if one waits.
    pub async fn deletion_show(&self, who: &Principal) -> Result<Option<Deletion>, CustodyError> {
        self.db.run(who, waiting).await
    }

    /// The owner asks for the end of their tenant.
    pub async fn tenant_delete(
        &self,
        who: &Principal,
        confirm: &str,
    ) -> Result<Deletion, CustodyError> {
        owner(who)?;
        self.ask(who, confirm, false).await
    }

    /// An operator asks for the end of any tenant.
    pub async fn tenant_delete_as_operator(
        &self,
        who: &Principal,
        tenant: TenantId,
        confirm: &str,
    ) -> Result<Deletion, CustodyError> {
        self.ask(&at(who, tenant), confirm, true).await
    }

    /// The owner takes it back.
    pub async fn tenant_keep(&self, who: &Principal) -> Result<(), CustodyError> {
        self.take_back(who, owner(who).map(|_| ())).await
    }

    /// An operator takes it back.
    pub async fn tenant_keep_as_operator(
        &self,
        who: &Principal,
        tenant: TenantId,
    ) -> Result<(), CustodyError> {
        self.take_back(&at(who, tenant), Ok(())).await
    }

    async fn ask(
        &self,
        who: &Principal,
        confirm: &str,
        by_operator: bool,
    ) -> Result<Deletion, CustodyError> {
        let target = who.tenant;
        if self.identity.tenant_brief(target).await?.name != confirm.trim() {
            return Err(CustodyError::ConfirmWrong);
        }
        let operators = self
            .db
            .system(move |tx| tx.tenant_is_operators_home(target))
            .await?;
        if operators {
            return Err(CustodyError::OperatorsHome);
        }
        let days = TimeDelta::days(i64::from(self.erasure.cooling_off_days));
        let asked_by = who.actor.id();
        self.db
            .run(who, move |tx| {
                let now = tx.now();
                let due_at = now + days;
                diesel::insert_into(tenant_deletions::table)
                    .values((
                        tenant_deletions::tenant_id.eq(target.uuid()),
                        tenant_deletions::asked_by.eq(asked_by),
                        tenant_deletions::by_operator.eq(by_operator),
                        tenant_deletions::asked_at.eq(now),
                        tenant_deletions::due_at.eq(due_at),
                    ))
                    .execute(tx.conn())
                    .map_err(db::DbError::from)
                    .map_err(|error| match error {
                        db::DbError::Duplicate(_) => CustodyError::DeletionAsked,
                        other => other.into(),
                    })?;
                Entry::new(Action::TenantDelete, "tenant", target)
                    .after(json!({ "due_at": due_at, "by_operator": by_operator }))
                    .write(tx)?;
                jobs::publish(tx, &Event::TenantDeletion { due_at })?;
                db::hint(tx, "deletion")?;
                waiting(tx)?.ok_or(CustodyError::NoDeletion)
            })
            .await
    }

    async fn take_back(
        &self,
        who: &Principal,
        may: Result<(), CustodyError>,
    ) -> Result<(), CustodyError> {
        let target = who.tenant;
        self.db
            .run(who, move |tx| {
                let now = tx.now();
                let gone = diesel::delete(
                    tenant_deletions::table
                        .find(target.uuid())
                        .filter(tenant_deletions::due_at.gt(now)),
                )
                .execute(tx.conn())?;
                if gone == 0 {
                    return Err(CustodyError::NoDeletion);
                }
                may?;
                Entry::new(Action::TenantKeep, "tenant", target).write(tx)?;
                jobs::publish(tx, &Event::TenantKept)?;
                Ok(db::hint(tx, "deletion")?)
            })
            .await
    }
}

fn waiting(tx: &mut TenantTx<'_>) -> Result<Option<Deletion>, CustodyError> {
    Ok(tenant_deletions::table
        .find(tx.tenant().uuid())
        .select(Deletion::as_select())
        .first(tx.conn())
        .optional()?)
}

/// The same person, at work in another tenant: for a platform verb, whose route asked for the right to it.
fn at(who: &Principal, tenant: TenantId) -> Principal {
    Principal {
        tenant,
        ..who.clone()
    }
}
