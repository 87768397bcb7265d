//! What a changed record must satisfy: owners, references, and the organisation's own rules.

use crate::{
    model::{id::Id, value::Value},
    store::{
        Store,
        refusal::Refusal,
        table::{Row, Table},
    },
    wire::ValidationRule,
};

impl Store {
    /// The id must name a live record of an object that the field may refer to.
    pub(super) fn check_reference(
        &self,
        table: &Table,
        column: usize,
        id: Id,
    ) -> Result<(), Refusal> {
        let Some(field) = table.object.fields.get(column) else {
            return Ok(());
        };
        let Some(target) = self.table_of(id).filter(|target| {
            field.refers_to.is_empty() || field.refers_to.contains(&target.object.name)
        }) else {
            let message = format!("{}: id value of incorrect type: {id}", field.name);
            return Err(Refusal::new(400, "MALFORMED_ID", message).on(&field.name));
        };
        let Some(row) = target.get(id).filter(|row| !row.is_deleted()) else {
            let refusal = Refusal::new(
                400,
                "INVALID_CROSS_REFERENCE_KEY",
                "invalid cross reference id",
            );
            return Err(refusal.on(&field.name));
        };
        if field.name == "OwnerId" {
            self.check_owner(table, target, row)
        } else {
            Ok(())
        }
    }

    /// An owner is an active user, or a queue that serves the object.
    fn check_owner(&self, table: &Table, target: &Table, owner: &Row) -> Result<(), Refusal> {
        let text = |name: &str| {
            target
                .object
                .stored_column(name)
                .map_or(&Value::Null, |column| owner.get(column))
        };
        if target.object.name == "User" {
            if text("IsActive") == &Value::Bool(true) {
                return Ok(());
            }
            let message = format!(
                "operation performed with inactive user [{}] as owner of {}",
                owner.id,
                table.object.name.to_lowercase()
            );
            return Err(Refusal::new(400, "INACTIVE_OWNER_OR_USER", message).on("OwnerId"));
        }
        if text("Type").as_text() == Some("Queue") && self.queue_serves(owner.id, table.object.name)
        {
            return Ok(());
        }
        let message = "Queue not associated with this SObject type";
        Err(Refusal::new(400, "INVALID_CROSS_REFERENCE_KEY", message).on("OwnerId"))
    }

    fn queue_serves(&self, queue: Id, object: &str) -> bool {
        let Some(table) = self.table("QueueSobject") else {
            return false;
        };
        let (Some(queue_column), Some(type_column)) = (
            table.object.stored_column("QueueId"),
            table.object.stored_column("SobjectType"),
        ) else {
            return false;
        };
        table.rows().iter().any(|row| {
            !row.is_deleted()
                && row.get(queue_column) == &Value::Id(queue)
                && row.get(type_column).as_text() == Some(object)
        })
    }

    /// The rules that the administrator set, over the record as it would be after the change.
    pub(super) fn check_rules(
        &self,
        table: &Table,
        after: impl Fn(usize) -> Value,
    ) -> Result<(), Refusal> {
        for rule in self
            .rules
            .iter()
            .filter(|rule| rule.sobject == table.object.name)
        {
            let broken = table
                .object
                .stored_column(&rule.field)
                .is_some_and(|column| after(column).to_json() == rule.equals);
            if broken {
                return Err(refusal_of(rule));
            }
        }
        Ok(())
    }
}

fn refusal_of(rule: &ValidationRule) -> Refusal {
    Refusal {
        status: 400,
        code: rule.code.clone().into(),
        message: rule.message.clone(),
        fields: vec![rule.field.clone()],
    }
}
