-- What a person's account needs beyond the first sign-in: older passwords, reset links, known devices,
-- sessions of programs, and signing keys of more than one algorithm.

GRANT CREATE ON SCHEMA public TO revkeep_system;

-- Passwords that were replaced, as the hashes that they were (LM-15).
CREATE TABLE password_history (
  user_id       uuid NOT NULL REFERENCES users,
  replaced_at   timestamptz NOT NULL,
  password_hash text NOT NULL,               -- bcrypt, as in users
  PRIMARY KEY (user_id, replaced_at)
);
SELECT place_person_table('password_history');
GRANT SELECT, INSERT, DELETE ON password_history TO revkeep_auth;

-- One-time links to a new password (LR-11).
CREATE TABLE reset_links (
  hash       bytea PRIMARY KEY,              -- SHA-256 of 256 random bits
  user_id    uuid NOT NULL REFERENCES users,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);
CREATE INDEX reset_links_by_user ON reset_links (user_id);
SELECT place_person_table('reset_links');
GRANT SELECT, INSERT, UPDATE, DELETE ON reset_links TO revkeep_auth;
GRANT SELECT ON reset_links TO revkeep_system;

-- Where a person has signed in before: a keyed hash of browser, system and network.
CREATE TABLE known_devices (
  user_id       uuid NOT NULL REFERENCES users,
  device_hash   bytea NOT NULL,
  first_seen_at timestamptz NOT NULL,
  last_seen_at  timestamptz NOT NULL,
  PRIMARY KEY (user_id, device_hash)
);
SELECT place_person_table('known_devices');
GRANT SELECT, INSERT, UPDATE, DELETE ON known_devices TO revkeep_auth;

ALTER TABLE sessions ADD COLUMN client text NOT NULL DEFAULT 'web' CHECK (client IN ('web', 'command_line'));

-- Programs that ask a person for a session (RFC 8628). Nobody's until somebody approves, then used
-- within seconds; reached by identity alone.
CREATE TABLE device_grants (
  hash           bytea PRIMARY KEY,          -- SHA-256 of the device code
  user_code_hash bytea NOT NULL UNIQUE,      -- HMAC of what the person types
  origin_sealed  bytea NOT NULL,             -- address and program that asked
  state          text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'denied', 'used')),
  created_at     timestamptz NOT NULL,
  expires_at     timestamptz NOT NULL,
  polled_at      timestamptz,
  poll_seconds   integer NOT NULL,
  user_id        uuid,
  tenant_id      uuid,
  CHECK ((state IN ('approved', 'used')) = (user_id IS NOT NULL AND tenant_id IS NOT NULL))
);
GRANT SELECT, INSERT, UPDATE, DELETE ON device_grants TO revkeep_auth;

ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_algorithm_check;
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_algorithm_check CHECK (algorithm IN ('RS256', 'PS256', 'EdDSA'));
ALTER TABLE signing_keys ADD COLUMN current_since timestamptz;
UPDATE signing_keys SET current_since = created_at WHERE state <> 'next';

-- The lists of what is counted and of what is told grow with each feature: the code that writes them
-- has the closed list, the table only their shape.
ALTER TABLE attempt_counters DROP CONSTRAINT attempt_counters_scope_check;
ALTER TABLE attempt_counters ADD CONSTRAINT attempt_counters_scope_check CHECK (scope ~ '^[a-z_]{1,40}$');
ALTER TABLE notices DROP CONSTRAINT notices_kind_check;
ALTER TABLE notices ADD CONSTRAINT notices_kind_check CHECK (kind ~ '^[a-z_]{1,40}$');

CREATE FUNCTION reset_link_by_hash(wanted bytea) RETURNS TABLE (user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT l.user_id FROM public.reset_links l WHERE l.hash = wanted
$$;
ALTER FUNCTION reset_link_by_hash(bytea) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION reset_link_by_hash(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reset_link_by_hash(bytea) TO revkeep_auth;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
