//! The catalogue test: every table, partition, policy, grant and definer function that exists is as the
//! golden lists say, so that a new one cannot be forgotten (OB-04, CX-31).

use diesel::{PgConnection, connection::SimpleConnection};

use crate::harness::{Bed, column, connect};

const RUNTIME: &str =
    "('revkeep_app', 'revkeep_auth', 'revkeep_gateway', 'revkeep_agents', 'revkeep_auditor')";

/// What is wrong with the tables of this database, a line each.
fn faults(conn: &mut PgConnection) -> Vec<String> {
    let classes = golden(include_str!("../../golden/table-classes.txt"));
    let mut faults = Vec::new();
    let tables = column(
        conn,
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') \
         AND NOT c.relispartition AND c.relname NOT LIKE '\\_\\_diesel%' ORDER BY 1",
    );
    for table in &tables {
        match classes.iter().find(|(name, _)| name == table) {
            None => faults.push(format!("{table}: has no class in table-classes.txt")),
            Some((_, class)) if class == "tenant" => {
                expect(
                    conn,
                    &mut faults,
                    table,
                    "tenant_id is uuid and not null",
                    &format!(
                        "SELECT count(*) = 1 FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' AND column_name = 'tenant_id' AND data_type = 'uuid' AND is_nullable = 'NO'"
                    ),
                );
                secured(conn, &mut faults, table, "tenant");
            }
            Some((_, class)) if class == "person" => secured(conn, &mut faults, table, "person"),
            Some((_, class)) if class == "platform" => {}
            Some((_, class)) => faults.push(format!("{table}: unknown class {class}")),
        }
    }
    for (name, _) in classes.iter().filter(|(name, _)| !tables.contains(name)) {
        faults.push(format!(
            "{name}: in table-classes.txt and not in the database"
        ));
    }
    let partitions = column(
        conn,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relispartition AND relkind = 'r' ORDER BY 1",
    );
    for partition in &partitions {
        secured(conn, &mut faults, partition, "tenant");
        expect(
            conn,
            &mut faults,
            partition,
            "no runtime role has a right on it",
            &format!(
                "SELECT count(*) = 0 FROM information_schema.role_table_grants WHERE table_name = '{partition}' AND grantee IN {RUNTIME}"
            ),
        );
    }
    faults.extend(crossing_keys(conn));
    faults
}

fn secured(conn: &mut PgConnection, faults: &mut Vec<String>, table: &str, policy: &str) {
    expect(
        conn,
        faults,
        table,
        "row security is enabled and forced",
        &format!(
            "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = 'public.{table}'::regclass"
        ),
    );
    for policy in [policy, "system"] {
        expect(
            conn,
            faults,
            table,
            &format!("has the policy {policy}"),
            &format!(
                "SELECT count(*) = 1 FROM pg_policies WHERE tablename = '{table}' AND policyname = '{policy}'"
            ),
        );
    }
}

fn expect(conn: &mut PgConnection, faults: &mut Vec<String>, table: &str, what: &str, sql: &str) {
    if column(conn, sql) != ["true"] {
        faults.push(format!("{table}: not so: {what}"));
    }
}

/// Foreign keys between tenant tables that do not carry the tenant.
fn crossing_keys(conn: &mut PgConnection) -> Vec<String> {
    column(
        conn,
        "SELECT k.conrelid::regclass::text || ': foreign key ' || k.conname || ' does not carry tenant_id' FROM pg_constraint k \
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'tenant_id' \
         JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attname = 'tenant_id' \
         WHERE k.contype = 'f' AND NOT (a.attnum = ANY (k.conkey) AND b.attnum = ANY (k.confkey))",
    )
}

/// `name rest` lines; `#` begins a comment.
fn golden(text: &str) -> Vec<(String, String)> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(|line| {
            line.split_once(' ')
                .map_or((line.to_owned(), String::new()), |(a, b)| {
                    (a.to_owned(), b.trim().to_owned())
                })
        })
        .collect()
}

#[test]
fn every_table_and_partition_stands_under_row_security() {
    let bed = Bed::new();
    assert_eq!(
        faults(&mut connect(&bed.database, "revkeep_owner")),
        Vec::<String>::new()
    );
}

#[test]
fn a_table_that_forgot_row_security_is_found() {
    let bed = Bed::new();
    let mut owner = connect(&bed.database, "revkeep_owner");
    owner
        .batch_execute(
            "CREATE TABLE forgotten (tenant_id uuid NOT NULL, x int); \
             ALTER TABLE reps NO FORCE ROW LEVEL SECURITY; \
             DROP POLICY tenant ON pools; \
             GRANT SELECT ON audit_log_default TO revkeep_app; \
             ALTER TABLE pool_members ADD CONSTRAINT crossing FOREIGN KEY (tenant_id) REFERENCES tenants; \
             CREATE UNIQUE INDEX pool_ids ON pools (pool_id); \
             ALTER TABLE pool_members ADD CONSTRAINT loose FOREIGN KEY (pool_id) REFERENCES pools (pool_id)",
        )
        .unwrap();
    assert_eq!(
        faults(&mut owner),
        [
            "forgotten: has no class in table-classes.txt",
            "pools: not so: has the policy tenant",
            "reps: not so: row security is enabled and forced",
            "audit_log_default: not so: no runtime role has a right on it",
            "pool_members: foreign key loose does not carry tenant_id",
        ]
    );
}

/// Compares what the database says with a golden file; `REVKEEP_BLESS=1` writes the file anew.
fn compare(found: Vec<String>, file: &str, golden: &str) {
    let found = format!("{}\n", found.join("\n"));
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    if std::env::var("REVKEEP_BLESS").is_ok() {
        std::fs::write(
            format!("{}/../golden/{file}", env!("CARGO_MANIFEST_DIR")),
            &found,
        )
        .unwrap();
        return;
    }
    assert_eq!(
        found, golden,
        "the database differs from tests/golden/{file}; bless it with REVKEEP_BLESS=1 after reading the difference"
    );
}

#[test]
fn policies_are_the_golden_list() {
    let bed = Bed::new();
    let found = column(
        &mut connect(&bed.database, "revkeep_owner"),
        "SELECT tablename || ' ' || policyname || ' ' || cmd || CASE permissive WHEN 'RESTRICTIVE' THEN ' restrictive' ELSE '' END || ' to ' || array_to_string(roles, ',') || ' using ' || coalesce(qual, '-') || ' check ' || coalesce(with_check, '-') \
         FROM pg_policies WHERE tablename !~ '_[0-9]{4}_[0-9]{2}$' ORDER BY 1",
    );
    compare(
        found,
        "policies.txt",
        include_str!("../../golden/policies.txt"),
    );
}

#[test]
fn grants_are_the_golden_list() {
    let bed = Bed::new();
    let found = column(
        &mut connect(&bed.database, "revkeep_owner"),
        "SELECT grantee || ' ' || table_name || ' ' || string_agg(privilege_type, ',' ORDER BY privilege_type) FROM information_schema.role_table_grants \
         WHERE table_schema = 'public' AND grantee <> 'revkeep_owner' AND table_name !~ '_[0-9]{4}_[0-9]{2}$' AND table_name NOT LIKE '\\_\\_diesel%' \
         GROUP BY grantee, table_name \
         UNION ALL \
         SELECT c.grantee || ' ' || c.table_name || ' ' || c.privilege_type || ' of ' || string_agg(c.column_name, ',' ORDER BY c.column_name) FROM information_schema.column_privileges c \
         WHERE c.table_schema = 'public' AND c.grantee <> 'revkeep_owner' AND c.table_name !~ '_[0-9]{4}_[0-9]{2}$' AND c.table_name NOT LIKE '\\_\\_diesel%' \
           AND NOT EXISTS (SELECT FROM information_schema.role_table_grants t \
             WHERE (t.table_schema, t.table_name, t.grantee, t.privilege_type) = (c.table_schema, c.table_name, c.grantee, c.privilege_type)) \
         GROUP BY c.grantee, c.table_name, c.privilege_type ORDER BY 1",
    );
    compare(found, "grants.txt", include_str!("../../golden/grants.txt"));
}

#[test]
fn functions_are_the_golden_list_and_none_is_for_everyone() {
    let bed = Bed::new();
    let mut owner = connect(&bed.database, "revkeep_owner");
    let found = column(
        &mut owner,
        "SELECT p.oid::regprocedure || CASE WHEN p.prosecdef THEN ' as' ELSE ' of' END || ' owner ' || p.proowner::regrole || ' ' || coalesce(array_to_string(p.proconfig, ';'), 'NO SEARCH PATH') \
         || ' execute ' || coalesce((SELECT string_agg(a.grantee::regrole::text, ',' ORDER BY a.grantee::regrole::text) FROM aclexplode(p.proacl) a WHERE a.grantee <> p.proowner), '-') \
         || ' body ' || left(encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex'), 16) \
         FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1",
    );
    compare(
        found,
        "functions.txt",
        include_str!("../../golden/functions.txt"),
    );
    let open = column(
        &mut owner,
        "SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')",
    );
    assert_eq!(
        open,
        Vec::<String>::new(),
        "functions that everyone may execute"
    );
}

#[test]
fn runtime_roles_have_no_power_beyond_their_rows() {
    let bed = Bed::new();
    let mut owner = connect(&bed.database, "revkeep_owner");
    let powers = column(
        &mut owner,
        &format!(
            "SELECT rolname FROM pg_roles WHERE rolname IN {RUNTIME} AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)"
        ),
    );
    assert_eq!(powers, Vec::<String>::new());
    let temporary = column(
        &mut owner,
        &format!(
            "SELECT rolname FROM pg_roles WHERE rolname IN {RUNTIME} AND (has_database_privilege(rolname, current_database(), 'TEMP') OR has_database_privilege(rolname, current_database(), 'CREATE') OR has_schema_privilege(rolname, 'public', 'CREATE'))"
        ),
    );
    assert_eq!(temporary, Vec::<String>::new());
    let members = column(
        &mut owner,
        &format!(
            "SELECT m.roleid::regrole || ' ' || m.member::regrole FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname IN {RUNTIME}"
        ),
    );
    assert_eq!(members, Vec::<String>::new());
}

/// The daemon tells a lost connection and time that ran out from other failures by the server's words. The
/// cluster's own language is another one here.
#[test]
fn what_the_server_says_is_in_the_language_that_the_daemon_reads() {
    let bed = Bed::new();
    let mut superuser = connect(&bed.database, "postgres");
    let database = column(&mut superuser, "SELECT quote_ident(current_database())");
    superuser
        .batch_execute(&format!(
            "ALTER DATABASE {} SET lc_messages = 'POSIX'",
            database[0]
        ))
        .unwrap();
    for (role, language) in [
        ("postgres", "POSIX"),
        ("revkeep_app", "C"),
        ("revkeep_auth", "C"),
        ("revkeep_auditor", "C"),
    ] {
        let mut conn = connect(&bed.database, role);
        let told = column(&mut conn, "SELECT current_setting('lc_messages')");
        assert_eq!(told, [language], "{role}");
    }
}

#[test]
fn every_sealed_column_is_in_the_golden_list() {
    let bed = Bed::new();
    let found = column(
        &mut connect(&bed.database, "revkeep_owner"),
        "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
         AND a.atttypid = 'bytea'::regtype AND NOT a.attisdropped AND (a.attname LIKE '%\\_sealed' OR a.attname = 'wrapped') \
         ORDER BY 1",
    );
    let listed: Vec<String> = golden(include_str!("../../golden/sealed-columns.txt"))
        .into_iter()
        .map(|(column, _)| column)
        .collect();
    assert_eq!(
        found, listed,
        "add the column to tests/golden/sealed-columns.txt, and its values to revkeep keys rewrap"
    );
}

#[test]
fn the_schema_crate_says_what_the_database_says() {
    let bed = Bed::new();
    let found = column(
        &mut connect(&bed.database, "revkeep_owner"),
        "SELECT table_name || '.' || column_name || ' ' || udt_name || CASE WHEN is_nullable = 'YES' THEN ' null' ELSE '' END FROM information_schema.columns c \
         WHERE table_schema = 'public' AND table_name !~ '(_[0-9]{4}_[0-9]{2}|_default)$' AND table_name NOT LIKE '\\_\\_diesel%' \
         AND table_name NOT IN ('context_keys', 'people', 'members', 'visitors') AND table_name NOT LIKE 'machine\\_%' AND udt_name <> 'xid8' ORDER BY table_name, ordinal_position",
    );
    let mut declared = declared_columns(include_str!("../../../daemon/schema/src/lib.rs"));
    declared.retain(|line| {
        !["people.", "members.", "visitors.", "machine_"]
            .iter()
            .any(|view| line.starts_with(view))
    });
    let mut found = found;
    found.sort();
    declared.sort();
    assert_eq!(found, declared);
}

/// `table.column udt [null]` for each column of diesel's `table!` blocks.
pub(crate) fn declared_columns(source: &str) -> Vec<String> {
    let mut table = String::new();
    let mut columns = Vec::new();
    for line in source.lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with('{')) {
            table = name.to_owned();
        }
        let Some((name, kind)) = line.trim_end_matches(',').split_once(" -> ") else {
            continue;
        };
        let (kind, null) = kind.strip_prefix("Nullable<").map_or((kind, ""), |kind| {
            (kind.strip_suffix('>').unwrap_or(kind), " null")
        });
        let udt = match kind {
            "Uuid" => "uuid",
            "Text" => "text",
            "Bytea" => "bytea",
            "Timestamptz" => "timestamptz",
            "Integer" => "int4",
            "SmallInt" => "int2",
            "BigInt" => "int8",
            "Bool" => "bool",
            "Double" => "float8",
            "Jsonb" => "jsonb",
            "Date" => "date",
            "Array<Text>" => "_text",
            "Array<Integer>" => "_int4",
            "Array<BigInt>" => "_int8",
            "Array<Uuid>" => "_uuid",
            other => panic!("{other}: a type that this test does not know"),
        };
        columns.push(format!("{table}.{name} {udt}{null}"));
    }
    columns
}
