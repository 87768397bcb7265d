-- Provisioning by SCIM 2.0 (RFC 7643, RFC 7644; CX-34): tokens of a tenant's identity provider, the
-- people and groups that it looks after, and the roles that a group gives.

GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end

-- A token is 238 random bits, so a plain hash of it tells nothing and can be looked up.
CREATE TABLE scim_tokens (
  tenant_id    uuid NOT NULL REFERENCES tenants,
  token_id     uuid NOT NULL,
  name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  secret_hash  bytea NOT NULL UNIQUE,        -- SHA-256 of the whole text
  created_by   uuid NOT NULL,
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  PRIMARY KEY (tenant_id, token_id)
);
SELECT place_tenant_table('scim_tokens');
GRANT SELECT, INSERT, UPDATE (last_used_at, revoked_at) ON scim_tokens TO revkeep_auth;
GRANT SELECT ON scim_tokens TO revkeep_system;

-- A member whom the provider looks after. Whether they may act stands in the membership alone.
CREATE TABLE scim_users (
  tenant_id      uuid NOT NULL,
  user_id        uuid NOT NULL,
  user_name_hash bytea NOT NULL,             -- keyed hashes: found without being read (CX-32)
  external_hash  bytea,
  profile_sealed bytea NOT NULL,             -- what the provider said of the person
  version        bigint NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, user_id),
  UNIQUE (tenant_id, user_name_hash),
  FOREIGN KEY (tenant_id, user_id) REFERENCES memberships ON DELETE CASCADE
);
CREATE INDEX scim_users_by_external_id ON scim_users (tenant_id, external_hash);
CREATE INDEX scim_users_listing ON scim_users (tenant_id, created_at, user_id);
SELECT place_tenant_table('scim_users');
GRANT SELECT, INSERT, UPDATE, DELETE ON scim_users TO revkeep_auth;

CREATE TABLE scim_groups (
  tenant_id   uuid NOT NULL REFERENCES tenants,
  group_id    uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 300),
  external_id text CHECK (length(external_id) BETWEEN 1 AND 300),
  -- Set by an administrator. Never the appliance's role, and never the owner's flag.
  roles       text[] NOT NULL DEFAULT '{}' CHECK (roles <@ ARRAY['member', 'admin', 'reviewer']),
  version     bigint NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, group_id)
);
SELECT place_tenant_table('scim_groups');
GRANT SELECT, INSERT, UPDATE, DELETE ON scim_groups TO revkeep_auth;

CREATE TABLE scim_group_members (
  tenant_id uuid NOT NULL,
  group_id  uuid NOT NULL,
  user_id   uuid NOT NULL,
  PRIMARY KEY (tenant_id, group_id, user_id),
  FOREIGN KEY (tenant_id, group_id) REFERENCES scim_groups ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, user_id) REFERENCES scim_users ON DELETE CASCADE
);
CREATE INDEX scim_group_members_by_user ON scim_group_members (tenant_id, user_id);
SELECT place_tenant_table('scim_group_members');
GRANT SELECT, INSERT, DELETE ON scim_group_members TO revkeep_auth;

-- The token of a request, before its tenant is known.
CREATE FUNCTION scim_token_by_hash(wanted bytea) RETURNS TABLE (
  tenant_id uuid, token_id uuid, expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz,
  tenant_state text, trial_ends_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.tenant_id, k.token_id, k.expires_at, k.revoked_at, k.last_used_at, t.state, t.trial_ends_at
  FROM public.scim_tokens k JOIN public.tenants t ON t.tenant_id = k.tenant_id
  WHERE k.secret_hash = wanted
$$;
ALTER FUNCTION scim_token_by_hash(bytea) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION scim_token_by_hash(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION scim_token_by_hash(bytea) TO revkeep_auth;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
