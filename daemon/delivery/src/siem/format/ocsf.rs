//! OCSF 1.3: sign-ins as Authentication (3002), changes of accounts as Account Change (3001), everything
//! else as API Activity (6003). What the schema has no attribute for stands in `unmapped`.

use serde_json::{Value, json};

use super::{Grade, PRODUCT, VENDOR, VERSION};
use crate::siem::event::Event;

const SCHEMA: &str = "1.3.0";
/// `Other` of every activity.
const OTHER: u32 = 99;

/// Verbs of the audit log that are sign-ins: logon, logoff.
const SIGN_INS: [(&str, u32); 6] = [
    ("sign_in", 1),
    ("sign_in_refuse", 1),
    ("sign_in_challenge", 1),
    ("sign_out", 2),
    ("session_revoke", 2),
    ("sessions_end", 2),
];

/// Verbs that change an account, with the activity of Account Change.
const ACCOUNTS: [(&str, u32); 16] = [
    ("user_create", 1),
    ("member_create", 1),
    ("scim_user_create", 1),
    ("member_reactivate", 2),
    ("password_change", 3),
    ("password_reset", 4),
    ("member_deactivate", 5),
    ("scim_user_delete", 6),
    ("member_update", OTHER),
    ("member_roles_map", OTHER),
    ("scim_user_update", OTHER),
    ("owner_transfer", OTHER),
    ("factor_add", 10),
    ("factor_remove", 11),
    ("factors_reset", 11),
    ("password_upgrade", OTHER),
];

struct Class {
    uid: u32,
    category: u32,
    name: &'static str,
    category_name: &'static str,
    activity: u32,
}

impl Class {
    fn of(action: &str) -> Self {
        let find = |list: &[(&str, u32)]| {
            let found = list.iter().find(|(verb, _)| *verb == action);
            found.map(|(_, activity)| *activity)
        };
        if let Some(activity) = find(&SIGN_INS) {
            return Self {
                uid: 3002,
                name: "Authentication",
                ..Self::identity(activity)
            };
        }
        if let Some(activity) = find(&ACCOUNTS) {
            return Self::identity(activity);
        }
        Self {
            uid: 6003,
            category: 6,
            name: "API Activity",
            category_name: "Application Activity",
            activity: interface(action),
        }
    }

    const fn identity(activity: u32) -> Self {
        Self {
            uid: 3001,
            category: 3,
            name: "Account Change",
            category_name: "Identity & Access Management",
            activity,
        }
    }
}

/// API Activity: create, read, update, delete, other.
fn interface(action: &str) -> u32 {
    match action.rsplit('_').next() {
        Some("create" | "add") => 1,
        Some("read" | "verify") => 2,
        Some("update" | "configure" | "set" | "reorder" | "rotate" | "pause" | "activate") => 3,
        Some("delete" | "remove" | "revoke") => 4,
        _ => OTHER,
    }
}

pub(super) fn ocsf(event: &Event) -> Value {
    let class = Class::of(&event.action);
    let (severity_id, severity, status_id, status) = match Grade::of(event) {
        Grade::Done => (1, "Informational", 1, "Success"),
        Grade::Failed => (2, "Low", 2, "Failure"),
        Grade::Refused => (3, "Medium", 2, "Failure"),
    };
    let user =
        json!({ "uid": event.actor_id, "type_id": user_type(event), "type": event.actor_kind });
    let mut object = json!({
        "activity_id": class.activity,
        "category_uid": class.category,
        "category_name": class.category_name,
        "class_uid": class.uid,
        "class_name": class.name,
        "type_uid": class.uid * 100 + class.activity,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "time": event.at.timestamp_millis(),
        "message": event.sentence(),
        "metadata": {
            "version": SCHEMA,
            "uid": event.id,
            "tenant_uid": event.tenant_id(),
            "product": { "name": PRODUCT, "vendor_name": VENDOR, "version": VERSION },
        },
        "actor": { "user": user },
        "unmapped": {
            "resource_type": event.resource_type,
            "resource_id": event.resource_id,
            "outcome": event.outcome,
        },
    });
    put(&mut object, "activity_name", activity_name(&class));
    if let Some(code) = &event.code {
        put(&mut object, "status_code", Some(code));
    }
    match class.uid {
        6003 => {
            let request = event.request_id.map(kernel::RequestId::from_uuid);
            object["api"] = json!({ "operation": event.action });
            if let Some(request) = request {
                object["api"]["request"] = json!({ "uid": request.to_string() });
            }
            // Addresses stay sealed in the log.
            object["src_endpoint"] = json!({ "name": "not streamed" });
            object["resources"] =
                json!([{ "uid": event.resource_id, "type": event.resource_type }]);
        }
        3001 => object["user"] = json!({ "uid": event.resource_id, "type_id": 0 }),
        _ => object["user"] = user,
    }
    if let Some((position, hash)) = &event.leaf {
        object["metadata"]["sequence"] = json!(position);
        object["unmapped"]["leaf_hash"] = json!(hash);
    }
    if let Some(head) = &event.head {
        object["unmapped"]["head"] = serde_json::to_value(head).unwrap_or_default();
    }
    object
}

fn put(object: &mut Value, name: &str, value: Option<&str>) {
    if let (Value::Object(object), Some(value)) = (object, value) {
        object.insert(name.to_owned(), Value::from(value));
    }
}

/// Where the schema has no name for what was done, ours.
fn activity_name(class: &Class) -> Option<&'static str> {
    (class.activity == OTHER).then_some("Other")
}

/// User, system or unknown.
fn user_type(event: &Event) -> u32 {
    match event.actor_kind.as_str() {
        "human" => 1,
        "system" | "agent" => 3,
        _ => 0,
    }
}
