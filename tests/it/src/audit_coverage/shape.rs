//! Every entry that there is: its fields (LM-76, CX-35), and that nobody is named in it (LM-64).

use audit::Scope;
use kernel::{Action, AuditId, Principal, TenantId};

use super::walk::Walk;
use crate::console_desk::reader;

/// Clear columns are ids, verbs, codes and times; a person's entry says which request it was of, and from where.
/// A refresh has no origin, so that running sessions go on while the secrets backend is sealed.
const LACKING: &str = "SELECT DISTINCT action || ' ' || actor_kind || ' ' || actor_id || ' ' || resource_type || ' ' || resource_id \
   || ' ' || coalesce(code, '') FROM audit_log WHERE \
   audit_id::text <> ALL ('{BEFORE}') AND (actor_kind NOT IN ('human', 'agent', 'system') \
   OR outcome NOT IN ('done', 'refused', 'failed') OR (outcome = 'done') <> (code IS NULL OR code = 'detail_not_kept') \
   OR actor_id !~ '^([a-z]+_[0-9a-f]{32}|daemon|local:[a-z]+)$' OR (actor_kind = 'human' AND actor_id NOT LIKE 'user\\_%') \
   OR action !~ '^[a-z_]+$' OR resource_type !~ '^[a-z_]+$' OR code !~ '^[a-z_0-9]+$' \
   OR resource_id !~ '^([a-z]+_[0-9a-f]{32}|[A-Za-z0-9_.:-]{1,64}|[A-Z]+ /[A-Za-z0-9/{}_-]+)$' \
   OR (actor_kind = 'human' AND (request_id IS NULL OR (origin_sealed IS NULL AND action <> 'session_refresh')))) ORDER BY 1";

pub(super) async fn is_kept(walk: &Walk) {
    let rows = |sql: &str| walk.desk.rows(sql);
    let lacking = LACKING.replace("{BEFORE}", &format!("{{{}}}", walk.before.join(",")));
    assert_eq!(rows(&lacking), Vec::<String>::new(), "not as LM-76 has it");
    for action in rows("SELECT DISTINCT action FROM audit_log") {
        assert!(Action::from_name(&action).is_some(), "{action}");
    }
    let clear = rows("SELECT l::text FROM audit_log l").join("\n");
    nobody_is_in(&clear);
    let opened = opened(walk).await;
    assert!(
        opened.contains("[personal]") && opened.contains("from Some(\"127.0.0.1\")"),
        "nothing was opened"
    );
    nobody_is_in(&opened);
}

fn nobody_is_in(text: &str) {
    for line in text.lines() {
        let lower = line.to_lowercase();
        assert!(!lower.contains("canary") && !lower.contains('@'), "{line}");
    }
}

/// Before, after and origin of every entry, in clear.
async fn opened(walk: &Walk) -> String {
    let reader = reader(&walk.desk.house.bed);
    let entries = walk
        .desk
        .rows("SELECT tenant_id || ' ' || audit_id FROM audit_log ORDER BY 1");
    assert!(entries.len() > 150, "only {} entries", entries.len());
    let mut text = String::new();
    for entry in entries {
        let (tenant, id) = entry.split_once(' ').unwrap();
        let tenant = TenantId::from_uuid(tenant.parse().unwrap());
        let (who, id) = (
            Principal::system(tenant, None),
            AuditId::from_uuid(id.parse().unwrap()),
        );
        let whole = reader.entry_show(&who, Scope::Own, id).await.unwrap();
        assert!(!whole.content.closed, "{:?} did not open", whole.line);
        let content = whole.content;
        text.push_str(&format!(
            "{} {:?} {:?} from {:?}\n",
            whole.line.action, content.before, content.after, content.address
        ));
    }
    text
}
