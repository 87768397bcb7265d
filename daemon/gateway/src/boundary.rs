//! What machines can see, told by what they see it with: the same role, the same views.

use kernel::{Principal, TenantId};
use layer::{
    LayerError, Object,
    machine::{self, MachineField},
};
use serde_json::{Value, json};

use crate::Gateway;

impl Gateway {
    /// The rights of the machines' role as the database reports them, and, of a tenant, each object with its
    /// fields, why and since when each is there, and how many records there are.
    pub async fn describe(&self, tenant: Option<TenantId>) -> Result<Value, LayerError> {
        let who = Principal::system(tenant.unwrap_or(TenantId::PLATFORM), None);
        self.db
            .machine(&who, move |tx| {
                let rights: Vec<Value> = tx
                    .rights()?
                    .into_iter()
                    .map(|right| json!({ "kind": right.kind, "name": right.name, "verbs": right.verbs }))
                    .collect();
                let mut objects = Vec::new();
                for object in tenant.map_or(&[][..], |_| &Object::ALL) {
                    let fields = machine::fields(tx, *object)?;
                    objects.push(json!({
                        "object": object.name(),
                        "records": machine::record_count(tx, *object)?,
                        "fields": fields.iter().map(field).collect::<Vec<_>>(),
                    }));
                }
                Ok(json!({ "role": "revkeep_gateway", "tenant": tenant, "objects": objects, "rights": rights }))
            })
            .await
    }
}

fn field(field: &MachineField) -> Value {
    json!({
        "name": field.name,
        "type": field.data_type,
        "class": field.data_class,
        "reason": field.reason,
        "searchable": field.searchable,
        "required": field.required,
        "since": field.added_at,
    })
}
