//! What a stream carries: entries of the audit log, its signed heads, and the words of a test.

use std::borrow::Cow;

use audit::{Head, HeadLine, hex};
use chrono::{DateTime, SecondsFormat, Utc};
use db::SealedEntry;
use uuid::Uuid;

/// One event. It holds no more than what stands in the clear in the audit log: what is sealed there
/// (before and after, addresses) does not leave, since nobody could erase it elsewhere (CX-35).
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The same whenever the event is sent again. At most 32 characters of ASCII: an entry's id without
    /// its prefix, `head-17`, or a test's.
    pub(crate) id: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) tenant: Uuid,
    pub(crate) action: String,
    pub(crate) outcome: String,
    pub(crate) code: Option<String>,
    pub(crate) actor_kind: String,
    pub(crate) actor_id: String,
    pub(crate) resource_type: String,
    pub(crate) resource_id: String,
    pub(crate) request_id: Option<Uuid>,
    /// An entry's place in the log and the hash of its leaf, hex.
    pub(crate) leaf: Option<(i64, String)>,
    /// A head, as `revkeep audit compare` reads it.
    pub(crate) head: Option<HeadLine>,
}

/// A field of an event by its name.
pub(crate) type Field<'a> = (&'static str, Cow<'a, str>);

impl Event {
    pub(crate) fn entry(row: SealedEntry) -> Self {
        Self {
            id: row.audit_id.as_simple().to_string(),
            at: row.at,
            tenant: row.tenant_id,
            action: row.action,
            outcome: row.outcome,
            code: row.code,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            request_id: row.request_id,
            leaf: Some((row.position, hex(&row.hash))),
            head: None,
        }
    }

    pub(crate) fn head(head: &Head) -> Self {
        let number = head.statement.number.to_string();
        Self {
            id: format!("head-{number}"),
            head: Some(head.line()),
            ..Self::own("audit_head", "audit_head", number, head.statement.at)
        }
    }

    /// What the test of a target sends.
    pub(crate) fn test(target: String, id: Uuid, at: DateTime<Utc>, tenant: Uuid) -> Self {
        Self {
            id: id.as_simple().to_string(),
            tenant,
            ..Self::own("siem_target_test", "siem_target", target, at)
        }
    }

    fn own(action: &str, resource: &str, resource_id: String, at: DateTime<Utc>) -> Self {
        Self {
            id: String::new(),
            at,
            tenant: Uuid::nil(),
            action: action.to_owned(),
            outcome: "done".to_owned(),
            code: None,
            actor_kind: "system".to_owned(),
            actor_id: "daemon".to_owned(),
            resource_type: resource.to_owned(),
            resource_id,
            request_id: None,
            leaf: None,
            head: None,
        }
    }

    /// What there is of the event, in a fixed order, but for its head.
    pub(crate) fn fields(&self) -> Vec<Field<'_>> {
        let mut fields: Vec<Field<'_>> = vec![
            ("id", Cow::Borrowed(&self.id)),
            ("at", Cow::Owned(time(self.at))),
            ("tenant", Cow::Owned(self.tenant_id())),
            ("action", Cow::Borrowed(&self.action)),
            ("outcome", Cow::Borrowed(&self.outcome)),
        ];
        if let Some(code) = &self.code {
            fields.push(("code", Cow::Borrowed(code)));
        }
        fields.extend([
            ("actor_kind", Cow::Borrowed(self.actor_kind.as_str())),
            ("actor_id", Cow::Borrowed(self.actor_id.as_str())),
            ("resource_type", Cow::Borrowed(self.resource_type.as_str())),
            ("resource_id", Cow::Borrowed(self.resource_id.as_str())),
        ]);
        if let Some(request) = self.request_id {
            let request = kernel::RequestId::from_uuid(request).to_string();
            fields.push(("request_id", Cow::Owned(request)));
        }
        if let Some((position, hash)) = &self.leaf {
            fields.push(("position", Cow::Owned(position.to_string())));
            fields.push(("hash", Cow::Borrowed(hash)));
        }
        fields
    }

    /// As it reads everywhere else; `platform` for what belongs to no tenant (CX-31).
    pub(crate) fn tenant_id(&self) -> String {
        if self.tenant.is_nil() {
            return "platform".to_owned();
        }
        kernel::TenantId::from_uuid(self.tenant).to_string()
    }

    /// The head as one line of JSON.
    pub(crate) fn head_json(&self) -> Option<String> {
        serde_json::to_string(self.head.as_ref()?).ok()
    }

    /// For people: what was done to what, by whom.
    pub(crate) fn sentence(&self) -> String {
        let code = self.code.as_deref();
        format!(
            "{} {} {} by {} {}{}{}",
            self.action,
            self.outcome,
            self.resource_id,
            self.actor_kind,
            self.actor_id,
            if code.is_some() { ": " } else { "" },
            code.unwrap_or_default(),
        )
    }
}

/// RFC 3339 with microseconds, what PostgreSQL stores.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
