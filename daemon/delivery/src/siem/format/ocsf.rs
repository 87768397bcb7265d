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
    let mut set = |path: &[&str], value: Value| set(&mut object, path, value);
    if let Some(name) = activity_name(&class) {
        set(&["activity_name"], json!(name));
    }
    if let Some(code) = &event.code {
        set(&["status_code"], json!(code));
    }
    match class.uid {
        6003 => {
            set(&["api", "operation"], json!(event.action));
            if let Some(request) = event.request_id.map(kernel::RequestId::from_uuid) {
                set(&["api", "request", "uid"], json!(request.to_string()));
            }
            // Addresses stay sealed in the log.
            set(&["src_endpoint", "name"], json!("not streamed"));
            let resource = json!({ "uid": event.resource_id, "type": event.resource_type });
            set(&["resources"], json!([resource]));
        }
        3001 => set(&["user"], json!({ "uid": event.resource_id, "type_id": 0 })),
        // What was signed in to; the schema asks for it, or for an address.
        _ => {
            set(&["user"], user);
            set(&["service", "name"], json!(PRODUCT));
        }
    }
    if let Some((position, hash)) = &event.leaf {
        set(&["metadata", "sequence"], json!(position));
        set(&["unmapped", "leaf_hash"], json!(hash));
    }
    if let Some(head) = &event.head {
        let head = serde_json::to_value(head).unwrap_or_default();
        set(&["unmapped", "head"], head);
    }
    object
}

/// Sets what stands at `path`, through objects that are made where they are not there yet.
fn set(object: &mut Value, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *object = value;
        return;
    };
    if let Value::Object(fields) = object {
        let next = fields.entry(*first).or_insert_with(|| json!({}));
        set(next, rest, value);
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
