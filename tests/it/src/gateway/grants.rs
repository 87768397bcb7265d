//! Hostile SQL as `revkeep_gateway`: the views of the layer are all there is (LR-01, LR-03, CX-12).

use std::collections::BTreeSet;

use db::{DbError, Unit};
use diesel::{RunQueryDsl, connection::SimpleConnection, sql_query};
use kernel::Principal;

use crate::harness::{Bed, column, connect};

use super::desk::{CANARY, Door};

/// What the role may do, whole.
const RIGHTS: [&str; 11] = [
    "api_requests INSERT",
    "audit_log INSERT",
    "intents INSERT",
    "machine_failures SELECT",
    "machine_fields SELECT",
    "machine_log SELECT",
    "machine_pool_members SELECT",
    "machine_pools SELECT",
    "machine_records SELECT",
    "machine_reps SELECT",
    "machine_values SELECT",
];

#[test]
fn the_role_has_these_rights_and_no_other() {
    let bed = Bed::new();
    let mut owner = connect(&bed.database, "revkeep_owner");
    let found = column(
        &mut owner,
        "SELECT c.relname || ' ' || p.verb FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p(verb) \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege('revkeep_gateway', c.oid, p.verb) ORDER BY 1",
    );
    assert_eq!(found, RIGHTS);
    let columns = column(
        &mut owner,
        "SELECT DISTINCT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') \
         AND has_any_column_privilege('revkeep_gateway', c.oid, 'SELECT, UPDATE, REFERENCES') AND c.relname NOT LIKE 'machine\\_%'",
    );
    assert_eq!(columns, Vec::<String>::new());
    let functions = column(
        &mut owner,
        "SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND has_function_privilege('revkeep_gateway', p.oid, 'EXECUTE') ORDER BY 1",
    );
    assert_eq!(
        functions,
        [
            "api_rate_lease",
            "current_tenant",
            "current_user_id",
            "intent_room"
        ]
    );
}

/// Every relation that exists, tried with every verb, under a genuine context of the tenant.
#[tokio::test]
async fn hostile_sql_reaches_no_table_and_no_other_tenant() {
    let door = Door::open().await;
    let bed = &door.desk.house.bed;
    let (ours, theirs) = (door.desk.tenant(), door.neighbour);
    let all = column(
        &mut connect(&bed.database, "revkeep_owner"),
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace IN ('public'::regnamespace) AND c.relkind IN ('r', 'p', 'v') ORDER BY 1",
    );
    assert!(all.len() > 60, "{all:?}");
    let reached = bed
        .db
        .machine(&Principal::system(ours, None), move |tx| {
            let mut reached = BTreeSet::new();
            for table in &all {
                for (verb, statement) in [
                    ("SELECT", format!("SELECT * FROM {table}")),
                    ("INSERT", format!("INSERT INTO {table} DEFAULT VALUES")),
                    (
                        "UPDATE",
                        format!("UPDATE {table} SET tenant_id = tenant_id"),
                    ),
                    ("DELETE", format!("DELETE FROM {table}")),
                    ("TRUNCATE", format!("TRUNCATE {table}")),
                    ("COPY", format!("COPY {table} TO STDOUT")),
                    (
                        "LOCK",
                        format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"),
                    ),
                ] {
                    if ran(tx, &statement) {
                        reached.insert(format!("{table} {verb}"));
                    }
                }
            }
            Ok::<_, DbError>(reached)
        })
        .await
        .unwrap();
    let expected: BTreeSet<String> = RIGHTS
        .iter()
        .filter(|right| right.ends_with("SELECT"))
        .map(|right| (*right).to_owned())
        .collect();
    assert_eq!(reached, expected);

    let told = bed
        .db
        .machine(&Principal::system(ours, None), move |tx| {
            let mut told = Vec::new();
            for right in RIGHTS.iter().filter(|right| right.ends_with("SELECT")) {
                let view = right.trim_end_matches(" SELECT");
                let rows = column(tx.conn(), &format!("SELECT v::text FROM {view} v"));
                assert!(!rows.is_empty(), "{view} has nothing to be found in");
                let other = format!("SELECT 1 FROM {view} WHERE tenant_id = '{}'", theirs.uuid());
                assert_eq!(column(tx.conn(), &other), Vec::<String>::new(), "{view}");
                told.extend(rows);
            }
            Ok::<_, DbError>(told)
        })
        .await
        .unwrap();
    let told = told.concat();
    assert!(told.contains("Visible 3"), "the attack can see at all");
    assert!(!told.contains(CANARY), "{told}");
    door.close().await;
}

/// A program and what a person let it do, both with the tenant's own id.
fn let_in(tenant: &str) -> String {
    format!(
        "INSERT INTO oauth_clients (tenant_id, client_id, name, redirect_uris, scopes, created_by, created_at) \
         VALUES ('{tenant}', '{tenant}', 'Assistant', '{{x}}', '{{x}}', '{tenant}', now()); \
         INSERT INTO oauth_grants (tenant_id, grant_id, client_id, user_id, scopes, resource, created_at, expires_at) \
         VALUES ('{tenant}', '{tenant}', '{tenant}', '{tenant}', '{{x}}', 'x', now(), now())"
    )
}

/// Whether a statement was let through; it leaves nothing behind.
fn ran(tx: &mut db::MachineTx<'_>, statement: &str) -> bool {
    tx.conn().batch_execute("SAVEPOINT attack").unwrap();
    let through = sql_query(statement).execute(tx.conn()).is_ok();
    tx.conn()
        .batch_execute("ROLLBACK TO SAVEPOINT attack; RELEASE SAVEPOINT attack")
        .unwrap();
    through
}

#[tokio::test]
async fn no_trick_of_the_session_opens_more() {
    let door = Door::open().await;
    let bed = &door.desk.house.bed;
    let (ours, theirs) = (door.desk.tenant(), door.neighbour);
    let key = door.made("records:read").await.0;
    for tenant in [ours, theirs] {
        door.desk.owner(&let_in(&tenant.uuid().to_string()));
    }
    let ended = bed
        .db
        .machine(&Principal::system(ours, None), move |tx| {
            for trick in [
                "SET ROLE revkeep_app",
                "SET ROLE revkeep_system",
                "SET SESSION AUTHORIZATION revkeep_owner",
                "CREATE TABLE public.loot (x text)",
                "CREATE TEMPORARY TABLE loot (x text)",
                "CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'",
                "CREATE OR REPLACE VIEW machine_records AS SELECT * FROM layer_records",
                "ALTER VIEW machine_records SET (security_barrier = false)",
                "GRANT SELECT ON users TO revkeep_gateway",
                "SELECT api_requests_forget(now(), 10)",
                "SELECT intents_forget(now(), 10)",
                "SELECT intents_due(now())",
                "SELECT * FROM api_key_by_id(gen_random_uuid())",
                "SELECT context_part(1)",
                "SELECT pg_read_file('/etc/passwd')",
                "COPY (SELECT 1) TO PROGRAM 'id'",
            ] {
                assert!(!ran(tx, trick), "{trick}");
            }
            let stolen = format!(
                "INSERT INTO api_requests (tenant_id, key_id, at, request_id, method, path, address, milliseconds) \
                 VALUES ('{0}', '{0}', now(), '{0}', 'GET', '/', 'x', 1)",
                theirs.uuid()
            );
            assert!(!ran(tx, &stolen), "written into another tenant");
            assert!(ran(tx, &stolen.replace(&theirs.uuid().to_string(), &ours.uuid().to_string())));
            assert_eq!(tx.rate_lease(key)?.map(|block| block.granted), Some(10));
            let intent = format!(
                "INSERT INTO intents (tenant_id, intent_id, kind, subject, wish, reason, grant_id, asked_at) \
                 VALUES ('{0}', gen_random_uuid(), 'time_off', 'x', '{{}}', 'x', '{0}', now())",
                ours.uuid()
            );
            assert!(ran(tx, &intent));
            assert!(!ran(tx, &intent.replace(&ours.uuid().to_string(), &theirs.uuid().to_string())));
            let flood = |count: u8| {
                format!(
                    "INSERT INTO intents (tenant_id, intent_id, kind, subject, wish, reason, grant_id, asked_at) \
                     SELECT '{0}', gen_random_uuid(), 'time_off', n::text, '{{}}', 'x', '{0}', now() FROM generate_series(1, {count}) n",
                    ours.uuid()
                )
            };
            assert!(ran(tx, &flood(50)));
            assert!(!ran(tx, &flood(51)), "more than people are asked to read");
            let invented = intent.replace(&format!("'{}', now()", ours.uuid()), "gen_random_uuid(), now()");
            assert!(intent != invented && !ran(tx, &invented), "for a grant that nobody gave");
            let approved = intent
                .replace("asked_at)", "asked_at, state, decided_by, decided_at)")
                .replace("now())", "now(), 'approved', gen_random_uuid(), now())");
            assert!(!ran(tx, &approved), "a machine approved what it asked for");
            // A context that is changed, emptied or invented shows nothing.
            for context in ["", "a|b|c|d|e|f"] {
                tx.conn()
                    .batch_execute(&format!("SELECT set_config('revkeep.context', '{context}', true)"))?;
                assert_eq!(column(tx.conn(), "SELECT count(*) FROM machine_records"), ["0"]);
                assert_eq!(column(tx.conn(), "SELECT count(*) FROM machine_log"), ["0"]);
                assert_eq!(tx.rate_lease(key)?, None);
            }
            Err::<(), _>(DbError::NotFound)
        })
        .await
        .unwrap_err();
    // What fails in there is another error.
    assert!(matches!(ended, DbError::NotFound), "{ended:?}");
    // And a role that has no context at all.
    let mut bare = connect(&bed.database, "revkeep_gateway");
    assert_eq!(
        column(&mut bare, "SELECT count(*) FROM machine_values"),
        ["0"]
    );
    door.close().await;
}

/// What diesel is told of the views is what they are.
#[test]
fn the_schema_crate_says_what_the_views_are() {
    let bed = Bed::new();
    let found: BTreeSet<String> = column(
        &mut connect(&bed.database, "revkeep_owner"),
        "SELECT table_name || '.' || column_name || ' ' || udt_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name LIKE 'machine\\_%'",
    )
    .into_iter()
    .collect();
    let schema = include_str!("../../../../daemon/schema/src/lib.rs");
    let declared: BTreeSet<String> = crate::catalogue::declared_columns(schema)
        .into_iter()
        .filter(|line| line.starts_with("machine_"))
        .map(|line| line.trim_end_matches(" null").to_owned())
        .collect();
    assert_eq!(found, declared);
}

/// What `revkeep layer describe` prints is what the database says, and of one tenant alone.
#[tokio::test]
async fn the_boundary_is_described_as_the_database_has_it() {
    let door = Door::open().await;
    let gateway = gateway::Gateway::new(door.desk.house.bed.db.clone());
    let told = gateway.describe(Some(door.desk.tenant())).await.unwrap();
    assert_eq!(told["objects"][0]["records"], 5);
    assert_eq!(told["objects"][0]["fields"][0]["reason"], "Rules read it");
    let rights: Vec<String> = told["rights"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|right| right["kind"] != "function")
        .map(|right| {
            let word = |name: &str| right[name].as_str().unwrap().to_owned();
            format!("{} {}", word("name"), word("verbs"))
        })
        .collect();
    let mut expected = RIGHTS.map(str::to_owned).to_vec();
    expected.sort_by_key(|right| right.ends_with("INSERT"));
    assert_eq!(rights, expected);
    assert_eq!(told["rights"].as_array().unwrap().len(), RIGHTS.len() + 4);
    let bare = gateway.describe(None).await.unwrap();
    assert_eq!(bare["objects"].as_array().unwrap().len(), 0);
    door.close().await;
}
