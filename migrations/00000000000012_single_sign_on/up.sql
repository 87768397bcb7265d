-- Single sign-on (OB-11, CX-14, CX-34): a tenant's identity providers, the mail domains that are
-- proven to be its own, who is who at a provider, and sign-ins on their way there and back.

GRANT CREATE ON SCHEMA public TO revkeep_system;

-- Members sign in through a provider alone; the owner keeps a password, to break the glass.
ALTER TABLE tenants ADD COLUMN sso_only boolean NOT NULL DEFAULT false;

-- The tenant whose provider made the account, and that alone may change it from there.
ALTER TABLE users ADD COLUMN home_tenant_id uuid REFERENCES tenants;

-- A session that a tenant's provider opened is in that tenant for as long as it lives.
ALTER TABLE sessions
  ADD COLUMN sso_tenant_id uuid,
  ADD COLUMN sso_provider_id uuid,
  ADD CONSTRAINT sessions_stay_with_their_provider CHECK (sso_tenant_id IS NULL OR sso_tenant_id = tenant_id),
  ADD CONSTRAINT sessions_provider_and_tenant CHECK ((sso_tenant_id IS NULL) = (sso_provider_id IS NULL));

-- So is the session of a program that such a session lets in.
ALTER TABLE device_grants ADD COLUMN sso_provider_id uuid;

CREATE TABLE sso_providers (
  tenant_id   uuid NOT NULL REFERENCES tenants,
  provider_id uuid NOT NULL UNIQUE,
  kind        text NOT NULL CHECK (kind IN ('oidc')),
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  enabled     boolean NOT NULL,
  issuer      text COLLATE "C" NOT NULL,     -- the issuer's URL
  client_id   text,
  client_secret_sealed bytea,
  scopes      text[] NOT NULL DEFAULT '{}',
  groups_claim text NOT NULL DEFAULT 'groups',
  role_map    jsonb NOT NULL DEFAULT '[]',   -- [{"group", "roles"}]
  create_members boolean NOT NULL,           -- whoever the provider knows becomes a member
  version     bigint NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, provider_id),
  UNIQUE (tenant_id, issuer),
  CHECK (kind <> 'oidc' OR client_id IS NOT NULL)
);
SELECT place_tenant_table('sso_providers');
GRANT SELECT, INSERT, UPDATE, DELETE ON sso_providers TO revkeep_auth;
GRANT SELECT ON sso_providers TO revkeep_system;

-- A mail domain that a tenant names. It counts from when it was verified, and then for one tenant.
CREATE TABLE sso_domains (
  tenant_id   uuid NOT NULL REFERENCES tenants,
  domain      text COLLATE "C" NOT NULL CHECK (domain = lower(domain) AND length(domain) BETWEEN 3 AND 253),
  provider_id uuid NOT NULL,
  verified_at timestamptz,
  verified_by uuid,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, domain),
  FOREIGN KEY (tenant_id, provider_id) REFERENCES sso_providers ON DELETE CASCADE
);
CREATE UNIQUE INDEX sso_domains_one_owner ON sso_domains (domain) WHERE verified_at IS NOT NULL;
SELECT place_tenant_table('sso_domains');
GRANT SELECT, INSERT (tenant_id, domain, provider_id, created_at), UPDATE (provider_id), DELETE ON sso_domains TO revkeep_auth;
GRANT SELECT, UPDATE ON sso_domains TO revkeep_system;

-- Who somebody is at a provider: (tenant, issuer, subject), never an address (CX-34).
CREATE TABLE sso_identities (
  tenant_id   uuid NOT NULL,
  issuer      text COLLATE "C" NOT NULL,
  subject     text COLLATE "C" NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
  provider_id uuid NOT NULL,
  user_id     uuid NOT NULL REFERENCES users,
  created_at  timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, issuer, subject),
  FOREIGN KEY (tenant_id, provider_id) REFERENCES sso_providers ON DELETE CASCADE
);
CREATE INDEX sso_identities_by_user ON sso_identities (tenant_id, user_id);
SELECT place_tenant_table('sso_identities');
GRANT SELECT, INSERT, UPDATE, DELETE ON sso_identities TO revkeep_auth;

-- A sign-in that has left for the provider: used once, within ten minutes, by the browser it began in.
-- The PKCE verifier (RFC 7636) and the nonce are made from the cookie, so nothing here is a secret.
CREATE TABLE sso_flows (
  tenant_id   uuid NOT NULL,
  state_hash  bytea NOT NULL UNIQUE,         -- SHA-256 of what the browser carries there and back
  provider_id uuid NOT NULL,
  browser_hash bytea NOT NULL,               -- SHA-256 of the cookie
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, state_hash),
  FOREIGN KEY (tenant_id, provider_id) REFERENCES sso_providers ON DELETE CASCADE
);
CREATE INDEX sso_flows_by_age ON sso_flows (tenant_id, expires_at);
SELECT place_tenant_table('sso_flows');
GRANT SELECT, INSERT, DELETE ON sso_flows TO revkeep_auth;
GRANT SELECT ON sso_flows TO revkeep_system;

-- Look-ups that come before a tenant is known: by an unguessable value, an id, or a proven domain.
CREATE FUNCTION sso_flow_tenant(wanted bytea) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.tenant_id FROM public.sso_flows f WHERE f.state_hash = wanted
$$;
CREATE FUNCTION sso_provider_tenant(wanted uuid) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.tenant_id FROM public.sso_providers p WHERE p.provider_id = wanted AND p.enabled
$$;
CREATE FUNCTION sso_provider_of_domain(wanted text) RETURNS TABLE (provider_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.provider_id
  FROM public.sso_domains d
  JOIN public.sso_providers p ON p.tenant_id = d.tenant_id AND p.provider_id = d.provider_id
  WHERE d.domain = wanted AND d.verified_at IS NOT NULL AND p.enabled
$$;
-- The tenants that the person of the context may not be in with a password.
CREATE FUNCTION sso_password_barred() RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id
  FROM public.memberships m JOIN public.tenants t ON t.tenant_id = m.tenant_id
  WHERE m.user_id = (SELECT public.current_user_id()) AND m.state = 'active' AND t.sso_only AND NOT m.owner
$$;
-- Ends the sessions that the context's tenant opened through one of its providers.
CREATE FUNCTION sso_sessions_end(provider uuid, at timestamptz, why text) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH ended AS (
    UPDATE public.sessions s SET ended_at = at, end_reason = why
    WHERE s.sso_tenant_id = (SELECT public.current_tenant()) AND s.sso_provider_id = provider AND s.ended_at IS NULL
    RETURNING 1)
  SELECT count(*) FROM ended
$$;
-- The context's tenant has switched to its providers alone: sessions that a password opened there end,
-- and passwords go that open nothing else (CX-14). The owner's stays; so do those of people with
-- another tenant or with the appliance in their care.
CREATE FUNCTION sso_only_enforce(at timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH barred AS (
    SELECT m.user_id FROM public.memberships m
    WHERE m.tenant_id = (SELECT public.current_tenant()) AND NOT m.owner),
  ended AS (
    UPDATE public.sessions s SET ended_at = at, end_reason = 'sso_only'
    FROM barred b
    WHERE s.user_id = b.user_id AND s.tenant_id = (SELECT public.current_tenant())
      AND s.sso_tenant_id IS NULL AND s.ended_at IS NULL),
  cleared AS (
    UPDATE public.users u SET password_hash = NULL
    FROM barred b
    WHERE u.user_id = b.user_id AND u.password_hash IS NOT NULL AND NOT u.super_admin
      AND NOT EXISTS (SELECT FROM public.memberships other
                      WHERE other.user_id = u.user_id AND other.tenant_id <> (SELECT public.current_tenant()))
    RETURNING u.user_id),
  older AS (DELETE FROM public.password_history h USING cleared c WHERE h.user_id = c.user_id)
  SELECT count(*) FROM cleared
$$;
-- A super_admin, who has checked that the domain is theirs, says so. Inside no tenant's context.
CREATE FUNCTION sso_domain_verify(of_tenant uuid, wanted text, by_user uuid, at timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH done AS (
    UPDATE public.sso_domains d SET verified_at = at, verified_by = by_user
    WHERE d.tenant_id = of_tenant AND d.domain = wanted AND d.verified_at IS NULL
      AND EXISTS (SELECT FROM public.users u
                  WHERE u.user_id = by_user AND u.user_id = (SELECT public.current_user_id()) AND u.super_admin AND u.state = 'active')
    RETURNING 1)
  SELECT EXISTS (SELECT FROM done)
$$;
CREATE FUNCTION sso_domains_waiting() RETURNS TABLE (tenant_id uuid, tenant_name text, domain text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT d.tenant_id, t.name, d.domain, d.created_at
  FROM public.sso_domains d JOIN public.tenants t ON t.tenant_id = d.tenant_id
  WHERE d.verified_at IS NULL
    AND EXISTS (SELECT FROM public.users u
                WHERE u.user_id = (SELECT public.current_user_id()) AND u.super_admin AND u.state = 'active')
  ORDER BY d.created_at, d.domain
  LIMIT 500
$$;
GRANT UPDATE (password_hash) ON users TO revkeep_system;
GRANT SELECT, DELETE ON password_history TO revkeep_system;

ALTER FUNCTION sso_flow_tenant(bytea) OWNER TO revkeep_system;
ALTER FUNCTION sso_provider_tenant(uuid) OWNER TO revkeep_system;
ALTER FUNCTION sso_provider_of_domain(text) OWNER TO revkeep_system;
ALTER FUNCTION sso_password_barred() OWNER TO revkeep_system;
ALTER FUNCTION sso_sessions_end(uuid, timestamptz, text) OWNER TO revkeep_system;
ALTER FUNCTION sso_only_enforce(timestamptz) OWNER TO revkeep_system;
ALTER FUNCTION sso_domain_verify(uuid, text, uuid, timestamptz) OWNER TO revkeep_system;
ALTER FUNCTION sso_domains_waiting() OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION sso_flow_tenant(bytea), sso_provider_tenant(uuid), sso_provider_of_domain(text), sso_password_barred(), sso_sessions_end(uuid, timestamptz, text), sso_only_enforce(timestamptz), sso_domain_verify(uuid, text, uuid, timestamptz), sso_domains_waiting() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sso_flow_tenant(bytea), sso_provider_tenant(uuid), sso_provider_of_domain(text), sso_password_barred(), sso_sessions_end(uuid, timestamptz, text), sso_only_enforce(timestamptz), sso_domain_verify(uuid, text, uuid, timestamptz), sso_domains_waiting() TO revkeep_auth;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
