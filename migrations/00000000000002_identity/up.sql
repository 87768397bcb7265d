-- Tenants, people, sessions (design: person tables are keyed to the person, membership to the tenant).

CREATE TABLE tenants (
  tenant_id  uuid PRIMARY KEY,
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  state      text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'trial', 'read_only')),
  created_at timestamptz NOT NULL DEFAULT now()
);
SELECT place_tenant_table('tenants');
GRANT SELECT ON tenants TO revkeep_app, revkeep_auth;
GRANT INSERT ON tenants TO revkeep_auth;
GRANT SELECT ON tenants TO revkeep_system;

CREATE TABLE users (
  user_id       uuid PRIMARY KEY,
  email_hash    bytea NOT NULL UNIQUE,       -- HMAC-SHA256 of the normalised address
  email_sealed  bytea NOT NULL,
  name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  password_hash text,                        -- bcrypt over base64(HMAC-SHA256(pepper, password)), with the pepper's version before it
  super_admin   boolean NOT NULL DEFAULT false,
  state         text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'deactivated')),
  created_at    timestamptz NOT NULL DEFAULT now()
);
SELECT place_person_table('users');
GRANT SELECT, INSERT, UPDATE ON users TO revkeep_auth;
GRANT SELECT ON users TO revkeep_system;

CREATE TABLE memberships (
  tenant_id  uuid NOT NULL REFERENCES tenants,
  user_id    uuid NOT NULL REFERENCES users,
  roles      text[] NOT NULL CHECK (roles <@ ARRAY['member', 'admin', 'reviewer'] AND cardinality(roles) > 0),
  owner      boolean NOT NULL DEFAULT false,
  epoch      integer NOT NULL DEFAULT 1,     -- raised by any change, so that older access tokens die
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, user_id),
  CHECK (NOT owner OR 'admin' = ANY (roles))
);
CREATE INDEX memberships_by_user ON memberships (user_id);
SELECT place_tenant_table('memberships');
CREATE POLICY own ON memberships FOR SELECT TO revkeep_auth USING (user_id = (SELECT current_user_id()));
GRANT SELECT, INSERT, UPDATE, DELETE ON memberships TO revkeep_auth;
GRANT SELECT ON memberships TO revkeep_system;

CREATE TABLE sessions (
  session_id   uuid PRIMARY KEY,
  user_id      uuid NOT NULL REFERENCES users,
  tenant_id    uuid NOT NULL,                -- the tenant that the session is in now
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,         -- absolute cap (7 days)
  last_used_at timestamptz NOT NULL,
  device_sealed bytea,                       -- address and user agent at sign-in
  ended_at     timestamptz,
  end_reason   text,
  UNIQUE (user_id, session_id)
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
SELECT place_person_table('sessions');
GRANT SELECT, INSERT, UPDATE ON sessions TO revkeep_auth;
GRANT SELECT ON sessions TO revkeep_system;

CREATE TABLE refresh_tokens (
  token_id   uuid PRIMARY KEY,
  session_id uuid NOT NULL,
  user_id    uuid NOT NULL,
  hash       bytea NOT NULL UNIQUE,          -- SHA-256 of 256 random bits
  issued_at  timestamptz NOT NULL,
  used_at    timestamptz,                    -- when it was exchanged for its successor
  successor_id uuid,
  successor_sealed bytea,                    -- the successor's clear value for the 30 s in which its answer may have been lost (CX-02)
  presented_at timestamptz,                  -- when this token was first presented
  FOREIGN KEY (user_id, session_id) REFERENCES sessions (user_id, session_id)
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (user_id, session_id);
SELECT place_person_table('refresh_tokens');
GRANT SELECT, INSERT, UPDATE, DELETE ON refresh_tokens TO revkeep_auth;
GRANT SELECT ON refresh_tokens TO revkeep_system;

-- Platform tables: they belong to nobody, hold no tenant's data, and are reached by identity alone.
CREATE TABLE signing_keys (
  key_id     uuid PRIMARY KEY,
  algorithm  text NOT NULL CHECK (algorithm IN ('RS256')),
  state      text NOT NULL CHECK (state IN ('next', 'current', 'previous', 'retired')),
  public_pem text NOT NULL,
  private_sealed bytea NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys (state) WHERE state IN ('next', 'current', 'previous');
GRANT SELECT, INSERT, UPDATE ON signing_keys TO revkeep_auth;

CREATE TABLE setup_codes (
  hash       bytea PRIMARY KEY,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);
GRANT SELECT, INSERT, UPDATE, DELETE ON setup_codes TO revkeep_auth;

-- Failed attempts, counted for all daemons together. The key is an HMAC: it names nobody (CX-13).
CREATE TABLE attempt_counters (
  scope        text NOT NULL CHECK (scope IN ('sign_in_address', 'sign_in_account', 'setup_address', 'refresh_address')),
  key          bytea NOT NULL,
  window_start timestamptz NOT NULL,
  failures     integer NOT NULL,
  locked_until timestamptz,
  PRIMARY KEY (scope, key)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON attempt_counters TO revkeep_auth;

-- Where the names of colleagues come from: members of the current tenant, and nobody else.
CREATE VIEW people WITH (security_barrier = true) AS
  SELECT m.tenant_id, u.user_id, u.name, u.email_sealed, m.roles, m.owner, u.state
  FROM memberships m JOIN users u ON u.user_id = m.user_id
  WHERE m.tenant_id = (SELECT current_tenant());
ALTER VIEW people OWNER TO revkeep_system;
GRANT EXECUTE ON FUNCTION current_tenant(), current_user_id() TO revkeep_system;
REVOKE ALL ON people FROM PUBLIC;
GRANT SELECT ON people TO revkeep_app, revkeep_auth;

-- Look-ups that come before anyone is known: by keyed hash, one row, typed.
CREATE FUNCTION user_by_email(hash bytea) RETURNS TABLE (user_id uuid, password_hash text, state text, name text, email_sealed bytea, super_admin boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT u.user_id, u.password_hash, u.state, u.name, u.email_sealed, u.super_admin FROM public.users u WHERE u.email_hash = hash
$$;
CREATE FUNCTION refresh_token_by_hash(wanted bytea) RETURNS TABLE (token_id uuid, session_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.token_id, t.session_id, t.user_id FROM public.refresh_tokens t WHERE t.hash = wanted
$$;
-- Whether a session may still act in a tenant, and as what. One round trip per request at most every 5 s.
CREATE FUNCTION session_standing(wanted uuid) RETURNS TABLE (
  user_id uuid, tenant_id uuid, expires_at timestamptz, last_used_at timestamptz, ended_at timestamptz,
  user_state text, super_admin boolean, roles text[], owner boolean, epoch integer, tenant_state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.user_id, s.tenant_id, s.expires_at, s.last_used_at, s.ended_at,
         u.state, u.super_admin, m.roles, m.owner, m.epoch, t.state
  FROM public.sessions s
  JOIN public.users u ON u.user_id = s.user_id
  JOIN public.tenants t ON t.tenant_id = s.tenant_id
  JOIN public.memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
  WHERE s.session_id = wanted
$$;
-- The tenants that the person of the context belongs to, with their names.
CREATE FUNCTION own_tenants() RETURNS TABLE (tenant_id uuid, name text, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id, t.name, t.state
  FROM public.memberships m JOIN public.tenants t ON t.tenant_id = m.tenant_id
  WHERE m.user_id = (SELECT public.current_user_id())
  ORDER BY t.name
$$;
CREATE FUNCTION anyone_set_up() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM public.users)
$$;
ALTER FUNCTION user_by_email(bytea) OWNER TO revkeep_system;
ALTER FUNCTION refresh_token_by_hash(bytea) OWNER TO revkeep_system;
ALTER FUNCTION session_standing(uuid) OWNER TO revkeep_system;
ALTER FUNCTION own_tenants() OWNER TO revkeep_system;
ALTER FUNCTION anyone_set_up() OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION user_by_email(bytea), refresh_token_by_hash(bytea), session_standing(uuid), own_tenants(), anyone_set_up() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION user_by_email(bytea), refresh_token_by_hash(bytea), session_standing(uuid), own_tenants(), anyone_set_up() TO revkeep_auth;
