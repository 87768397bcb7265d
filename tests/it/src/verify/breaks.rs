//! What is broken in the database, one thing at a time, and how it is mended.

use diesel::PgConnection;

use crate::harness::column;

pub(super) struct Break {
    /// The probe that must find it, and a control that rests on the probe.
    pub(super) probe: &'static str,
    pub(super) control: &'static str,
    how: How,
    pub(super) mend: Mend,
    /// Words of the evidence that name it.
    pub(super) names: &'static str,
}

enum How {
    Sql(&'static str),
    /// A function whose text is changed at one place.
    Function(&'static str, &'static str, &'static str),
}

pub(super) enum Mend {
    Sql(&'static str),
    Function(&'static str),
}

impl Mend {
    /// The statement that mends it, taken before it is broken.
    pub(super) fn prepare(&self, conn: &mut PgConnection) -> String {
        match self {
            Self::Sql(sql) => (*sql).to_owned(),
            Self::Function(name) => definition(conn, name),
        }
    }
}

impl Break {
    pub(super) fn sql(&self, conn: &mut PgConnection) -> String {
        match self.how {
            How::Sql(sql) => sql.to_owned(),
            How::Function(name, from, to) => {
                let text = definition(conn, name);
                assert!(text.contains(from), "{name}: {text}");
                text.replace(from, to)
            }
        }
    }
}

fn definition(conn: &mut PgConnection, name: &str) -> String {
    column(
        conn,
        &format!("SELECT pg_get_functiondef('{name}'::regprocedure)"),
    )
    .remove(0)
}

const fn sql(
    probe: &'static str,
    control: &'static str,
    how: &'static str,
    mend: &'static str,
    names: &'static str,
) -> Break {
    Break {
        probe,
        control,
        how: How::Sql(how),
        mend: Mend::Sql(mend),
        names,
    }
}

const fn function(
    probe: &'static str,
    control: &'static str,
    name: &'static str,
    change: (&'static str, &'static str),
    names: &'static str,
) -> Break {
    Break {
        probe,
        control,
        how: How::Function(name, change.0, change.1),
        mend: Mend::Function(name),
        names,
    }
}

/// Each is mended before the next, so the appliance is otherwise sound.
pub(super) fn breaks() -> Vec<Break> {
    let mut all = walls();
    all.extend(powers());
    all.extend(evidence());
    all.extend(rows());
    all
}

fn walls() -> Vec<Break> {
    vec![
        sql(
            "row_security_forced",
            "OB-04",
            "ALTER TABLE reps NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE reps FORCE ROW LEVEL SECURITY",
            "reps: row security is not forced",
        ),
        sql(
            "row_security_forced",
            "CX-31",
            "CREATE TABLE forgotten (tenant_id uuid NOT NULL, x integer)",
            "DROP TABLE forgotten",
            "forgotten: a table that this version does not know",
        ),
        sql(
            "row_security_forced",
            "OB-06",
            "GRANT SELECT ON audit_log_default TO revkeep_app",
            "REVOKE SELECT ON audit_log_default FROM revkeep_app",
            "audit_log_default: a right on the partition itself",
        ),
        sql(
            "tenants_apart",
            "LM-17",
            "CREATE TABLE forgotten (tenant_id uuid NOT NULL, x integer); INSERT INTO forgotten VALUES (gen_random_uuid(), 1); \
             GRANT SELECT, INSERT ON forgotten TO revkeep_app",
            "DROP TABLE forgotten",
            "forgotten: another's rows are read as revkeep_app; forgotten: a row is written for another as revkeep_app",
        ),
        sql(
            "tenants_apart",
            "OB-05",
            "CREATE POLICY loose ON pools TO revkeep_app USING (true) WITH CHECK (true)",
            "DROP POLICY loose ON pools",
            "pools: rows are seen without a context as revkeep_app",
        ),
        sql(
            "policies_as_shipped",
            "OB-04",
            "CREATE POLICY loose ON pools TO revkeep_app USING (true) WITH CHECK (true)",
            "DROP POLICY loose ON pools",
            "added: pools loose",
        ),
        sql(
            "persons_apart",
            "OB-06",
            "CREATE POLICY loose ON passkeys TO revkeep_auth USING (true) WITH CHECK (true)",
            "DROP POLICY loose ON passkeys",
            "passkeys: a row is written for another",
        ),
        function(
            "contexts_not_forged",
            "CX-12",
            "context_part(integer)",
            ("mac <> parts[6]", "false"),
            "a context with an invented code opens another tenant's rows",
        ),
        function(
            "worker_functions_closed",
            "LM-63",
            "is_worker()",
            ("coalesce(public.context_part(3) = 'worker', false)", "true"),
            "tenants_all answers inside a tenant's unit of work",
        ),
    ]
}

fn powers() -> Vec<Break> {
    vec![
        sql(
            "grants_as_shipped",
            "LM-38",
            "GRANT DELETE ON notices TO revkeep_app",
            "REVOKE DELETE ON notices FROM revkeep_app",
            "added: revkeep_app notices DELETE",
        ),
        sql(
            "functions_as_shipped",
            "LM-63",
            "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM users'",
            "DROP FUNCTION peek()",
            "added: peek()",
        ),
        // The same name and rights, and another body.
        function(
            "functions_as_shipped",
            "LM-63",
            "siem_targets_limit()",
            (">= 20", ">= 2000"),
            "siem_targets_limit()",
        ),
        sql(
            "roles_without_power",
            "LM-38",
            "ALTER ROLE revkeep_app CREATEROLE",
            "ALTER ROLE revkeep_app NOCREATEROLE",
            "revkeep_app creates roles",
        ),
        sql(
            "schema_fixed",
            "CX-26",
            "GRANT CREATE ON SCHEMA public TO revkeep_app",
            "REVOKE CREATE ON SCHEMA public FROM revkeep_app",
            "allowed: CREATE TABLE public.probe",
        ),
    ]
}

fn evidence() -> Vec<Break> {
    vec![
        sql(
            "audit_append_only",
            "LM-77",
            "GRANT UPDATE ON audit_log TO revkeep_app",
            "REVOKE UPDATE ON audit_log FROM revkeep_app",
            "allowed: UPDATE public.audit_log",
        ),
        sql(
            "audit_guarded",
            "LM-77",
            "ALTER TABLE audit_log DISABLE TRIGGER audit_log_no_truncate",
            "ALTER TABLE audit_log ENABLE TRIGGER audit_log_no_truncate",
            "audit_log has no working trigger audit_log_no_truncate",
        ),
        sql(
            "audit_guarded",
            "LM-77",
            "ALTER TABLE audit_log_default DISABLE TRIGGER audit_log_no_truncate",
            "ALTER TABLE audit_log_default ENABLE TRIGGER audit_log_no_truncate",
            "audit_log_default has no working trigger audit_log_no_truncate",
        ),
        sql(
            "audit_intact",
            "LM-77",
            "SET session_replication_role = replica; CREATE SCHEMA aside; \
             CREATE TABLE aside.entries AS SELECT a.audit_id, a.code FROM audit_log a JOIN audit_leaves l USING (tenant_id, audit_id) WHERE l.position < 2; \
             UPDATE audit_log SET code = 'changed' WHERE audit_id IN (SELECT audit_id FROM aside.entries)",
            "UPDATE audit_log l SET code = e.code FROM aside.entries e WHERE e.audit_id = l.audit_id; DROP SCHEMA aside CASCADE",
            "position 0 to 1",
        ),
        sql(
            "audit_sealed",
            "LM-77",
            "SET session_replication_role = replica; CREATE SCHEMA aside; \
             CREATE TABLE aside.heads AS SELECT number, frontier FROM audit_heads; UPDATE audit_heads SET frontier = '\\x00'",
            "UPDATE audit_heads h SET frontier = a.frontier FROM aside.heads a WHERE a.number = h.number; DROP SCHEMA aside CASCADE",
            "the last head was changed",
        ),
    ]
}

fn rows() -> Vec<Break> {
    vec![
        sql(
            "restored_held",
            "CX-36",
            "INSERT INTO quarantine (taken_at, restored_at, replaced, routers, told) VALUES (now(), now(), false, '{}', '{}')",
            "DELETE FROM quarantine",
            "sessions of before the restore are open",
        ),
        sql(
            "sessions_capped",
            "LR-05",
            "UPDATE sessions SET expires_at = expires_at + interval '30 days'",
            "UPDATE sessions SET expires_at = expires_at - interval '30 days'",
            "open sessions live longer than 7 days",
        ),
        sql(
            "password_hashes_strong",
            "LM-14",
            "UPDATE users SET password_hash = replace(password_hash, '$12$', '$04$')",
            "UPDATE users SET password_hash = replace(password_hash, '$04$', '$12$')",
            "are not bcrypt of cost 12",
        ),
        sql(
            "key_hashes_strong",
            "LM-53",
            "INSERT INTO api_keys (tenant_id, key_id, name, secret_hash, scopes, created_by, created_at) \
             SELECT tenant_id, gen_random_uuid(), 'n', 'clear', '{s}', gen_random_uuid(), now() FROM tenants",
            "DELETE FROM api_keys",
            "interface keys are not bcrypt",
        ),
        sql(
            "reset_links_short",
            "LR-11",
            "INSERT INTO reset_links (hash, user_id, created_at, expires_at) SELECT sha256('x'), user_id, now(), now() + interval '2 hours' FROM users",
            "DELETE FROM reset_links",
            "reset links live longer than an hour",
        ),
        sql(
            "invitations_short",
            "LR-56",
            "INSERT INTO invitations (tenant_id, invitation_id, email_hash, email_sealed, roles, invited_by, created_at, expires_at) \
             SELECT tenant_id, gen_random_uuid(), sha256('x'), '\\x0101'::bytea || sha256('x'), '{member}', gen_random_uuid(), now(), now() + interval '30 days' FROM tenants",
            "DELETE FROM invitations",
            "invitations last longer than 7 days",
        ),
        sql(
            "states_short",
            "CX-07",
            "INSERT INTO oauth_states (tenant_id, state_hash, connection_id, session_id, verifier_sealed, created_at, expires_at) \
             SELECT tenant_id, sha256('x'), connection_id, gen_random_uuid(), '', now(), now() + interval '1 hour' FROM connections",
            "DELETE FROM oauth_states",
            "authorizations live longer than 10 minutes",
        ),
        sql(
            "tokens_sealed",
            "LR-20",
            "CREATE SCHEMA aside; CREATE TABLE aside.kept AS SELECT connection_id, consumer_secret_sealed FROM connections; \
             UPDATE connections SET consumer_secret_sealed = 'a secret that stands here in clear'",
            "UPDATE connections c SET consumer_secret_sealed = k.consumer_secret_sealed FROM aside.kept k WHERE k.connection_id = c.connection_id; \
             DROP SCHEMA aside CASCADE",
            "are not sealed envelopes",
        ),
        sql(
            "keys_sealed",
            "LR-39",
            "CREATE SCHEMA aside; CREATE TABLE aside.kept AS SELECT key_id, private_sealed FROM signing_keys; \
             UPDATE signing_keys SET private_sealed = '-----BEGIN PRIVATE KEY-----'",
            "UPDATE signing_keys s SET private_sealed = k.private_sealed FROM aside.kept k WHERE k.key_id = s.key_id; DROP SCHEMA aside CASCADE",
            "signing keys or second factors' secrets are not sealed",
        ),
        sql(
            "addresses_sealed",
            "LR-56",
            "CREATE SCHEMA aside; CREATE TABLE aside.kept AS SELECT user_id, email_sealed FROM users; \
             UPDATE users SET email_sealed = 'somebody@acme.example.invalid'",
            "UPDATE users u SET email_sealed = k.email_sealed FROM aside.kept k WHERE k.user_id = u.user_id; DROP SCHEMA aside CASCADE",
            "addresses of people or invitations are not sealed",
        ),
        sql(
            "signing_key_young",
            "LM-67",
            "UPDATE signing_keys SET current_since = current_since - interval '100 days' WHERE state = 'current'",
            "UPDATE signing_keys SET current_since = current_since + interval '100 days' WHERE state = 'current'",
            "the key has signed for 100 days",
        ),
        sql(
            "interface_keys_young",
            "LM-68",
            "INSERT INTO api_keys (tenant_id, key_id, name, secret_hash, scopes, created_by, created_at) \
             SELECT tenant_id, gen_random_uuid(), 'n', 'x', '{s}', gen_random_uuid(), now() - interval '200 days' FROM tenants",
            "DELETE FROM api_keys",
            "1 of 1 interface keys in use are older than 180 days",
        ),
        sql(
            "tokens_renewed",
            "LM-69",
            "UPDATE connections SET refresh_started_at = now() - interval '2 days' WHERE state = 'connected'",
            "UPDATE connections SET refresh_started_at = NULL",
            "a renewal that was never settled",
        ),
        sql(
            "signing_algorithm_current",
            "CX-03",
            "UPDATE signing_keys SET algorithm = 'EdDSA' WHERE state = 'current'",
            "UPDATE signing_keys SET algorithm = 'RS256' WHERE state = 'current'",
            "the configuration says RS256, and tokens are signed with EdDSA",
        ),
    ]
}
