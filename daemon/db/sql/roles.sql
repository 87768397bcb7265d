-- The database roles of Revkeep. Run once per cluster by a superuser (`revkeep setup`, or the DBA).
-- Idempotent. No role here has a password: the daemon comes through the Unix socket by peer
-- authentication, or over verified TLS with a certificate; set one with \password where neither serves.
DO $roles$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN SELECT * FROM (VALUES
    ('revkeep_owner',   'LOGIN NOBYPASSRLS'),   -- owns the schema; migrations only
    ('revkeep_app',     'LOGIN NOBYPASSRLS'),   -- console and workers
    ('revkeep_auth',    'LOGIN NOBYPASSRLS'),   -- identity
    ('revkeep_gateway', 'LOGIN NOBYPASSRLS'),   -- machines
    ('revkeep_agents',  'LOGIN NOBYPASSRLS'),   -- agent workers
    ('revkeep_auditor', 'LOGIN NOBYPASSRLS'),   -- SELECT on the audit log, across tenants
    ('revkeep_system',  'NOLOGIN NOBYPASSRLS'), -- owns the listed definer functions
    ('revkeep_backup',  'LOGIN BYPASSRLS')      -- read only; the one role that passes row security
  ) AS roles(name, options) LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
      EXECUTE format('CREATE ROLE %I %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT', wanted.name, wanted.options);
    END IF;
  END LOOP;
END
$roles$;

-- The owner hands definer functions to revkeep_system, and works in its place while migrating.
GRANT revkeep_system TO revkeep_owner;
ALTER ROLE revkeep_owner INHERIT;

-- Defaults that hold even when a session forgets them (RESET returns to these).
ALTER ROLE revkeep_app     SET statement_timeout = '30s';
ALTER ROLE revkeep_auth    SET statement_timeout = '10s';
ALTER ROLE revkeep_gateway SET statement_timeout = '10s';
ALTER ROLE revkeep_agents  SET statement_timeout = '30s';
ALTER ROLE revkeep_auditor SET statement_timeout = '60s';
ALTER ROLE revkeep_app     SET lock_timeout = '5s';
ALTER ROLE revkeep_auth    SET lock_timeout = '5s';
ALTER ROLE revkeep_gateway SET lock_timeout = '5s';
ALTER ROLE revkeep_agents  SET lock_timeout = '5s';
ALTER ROLE revkeep_app     SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE revkeep_auth    SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE revkeep_gateway SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE revkeep_agents  SET idle_in_transaction_session_timeout = '60s';

-- What the server says of a lost connection and of time that ran out is read by the daemon, so that it must be in
-- the language that it knows.
ALTER ROLE revkeep_owner   SET lc_messages = 'C';
ALTER ROLE revkeep_app     SET lc_messages = 'C';
ALTER ROLE revkeep_auth    SET lc_messages = 'C';
ALTER ROLE revkeep_gateway SET lc_messages = 'C';
ALTER ROLE revkeep_agents  SET lc_messages = 'C';
ALTER ROLE revkeep_auditor SET lc_messages = 'C';
