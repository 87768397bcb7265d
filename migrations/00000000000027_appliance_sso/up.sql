-- Identity providers of the appliance (OB-11, CX-33, CX-34). They stand in the tables of the tenants'
-- providers, under the reserved tenant of the platform, which has no row in `tenants`; so no context of a
-- tenant reaches them. They open the tenants that allow it and have no enabled provider of their own.

GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end

ALTER TABLE tenants ADD COLUMN appliance_sso boolean NOT NULL DEFAULT false;

-- The row policies say whose a provider is, and a context of a tenant is minted for one that exists.
ALTER TABLE sso_providers DROP CONSTRAINT sso_providers_tenant_id_fkey;
ALTER TABLE sso_domains DROP CONSTRAINT sso_domains_tenant_id_fkey;

-- A session that the appliance's provider opened goes where that provider opens, and nowhere else.
ALTER TABLE sessions
  DROP CONSTRAINT sessions_stay_with_their_provider,
  ADD CONSTRAINT sessions_stay_with_their_provider
    CHECK (sso_tenant_id IS NULL OR sso_tenant_id = tenant_id OR sso_tenant_id = '00000000-0000-0000-0000-000000000000');
ALTER TABLE device_grants ADD COLUMN sso_tenant_id uuid;
UPDATE device_grants SET sso_tenant_id = tenant_id WHERE sso_provider_id IS NOT NULL;

-- A super_admin who is signed in proves who they are at the appliance's provider, sees it, and
-- confirms it: until then the provider's word opens nothing of theirs.
ALTER TABLE sso_flows ADD COLUMN link_user_id uuid;
ALTER TABLE sso_tickets ADD COLUMN link_user_id uuid;
ALTER TABLE sso_identities ADD COLUMN confirmed_at timestamptz;
CREATE TABLE sso_links (
  user_id     uuid PRIMARY KEY REFERENCES users,
  provider_id uuid NOT NULL,
  issuer      text COLLATE "C" NOT NULL,
  subject     text COLLATE "C" NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
  expires_at  timestamptz NOT NULL
);
SELECT place_person_table('sso_links');
GRANT SELECT, INSERT, UPDATE, DELETE ON sso_links TO revkeep_auth;

-- Whether the person of the context has the appliance in their care.
CREATE FUNCTION appliance_operator() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM public.users u
                 WHERE u.user_id = (SELECT public.current_user_id()) AND u.super_admin AND u.state = 'active')
$$;
ALTER FUNCTION appliance_operator() OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION appliance_operator() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION appliance_operator() TO revkeep_auth;

-- The platform's context is anybody's who has not signed in yet; what it changes here is a super_admin's.
CREATE POLICY appliance_insert ON sso_providers AS RESTRICTIVE FOR INSERT TO revkeep_auth
  WITH CHECK (tenant_id <> '00000000-0000-0000-0000-000000000000' OR (SELECT appliance_operator()));
CREATE POLICY appliance_update ON sso_providers AS RESTRICTIVE FOR UPDATE TO revkeep_auth
  USING (tenant_id <> '00000000-0000-0000-0000-000000000000' OR (SELECT appliance_operator()));
CREATE POLICY appliance_delete ON sso_providers AS RESTRICTIVE FOR DELETE TO revkeep_auth
  USING (tenant_id <> '00000000-0000-0000-0000-000000000000' OR (SELECT appliance_operator()));
CREATE POLICY appliance_insert ON sso_domains AS RESTRICTIVE FOR INSERT TO revkeep_auth
  WITH CHECK (tenant_id <> '00000000-0000-0000-0000-000000000000' OR (SELECT appliance_operator()));
CREATE POLICY appliance_update ON sso_domains AS RESTRICTIVE FOR UPDATE TO revkeep_auth
  USING (tenant_id <> '00000000-0000-0000-0000-000000000000' OR (SELECT appliance_operator()));
CREATE POLICY appliance_delete ON sso_domains AS RESTRICTIVE FOR DELETE TO revkeep_auth
  USING (tenant_id <> '00000000-0000-0000-0000-000000000000' OR (SELECT appliance_operator()));

-- Rewrapping a secret is nobody's act in particular: it changes the wrapping of what it has read.
CREATE FUNCTION sso_secret_rewrap(provider uuid, stored bytea, fresh bytea) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH done AS (
    UPDATE public.sso_providers p SET client_secret_sealed = fresh
    WHERE p.tenant_id = (SELECT public.current_tenant()) AND p.provider_id = provider AND p.client_secret_sealed = stored
    RETURNING 1)
  SELECT EXISTS (SELECT FROM done)
$$;
GRANT UPDATE (client_secret_sealed) ON sso_providers TO revkeep_system;

-- Whether the appliance's providers open the tenant: it allows it, and has no enabled one of its own.
CREATE FUNCTION sso_appliance_opens(wanted uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM public.tenants t
    WHERE t.tenant_id = wanted AND t.appliance_sso
      AND NOT EXISTS (SELECT FROM public.sso_providers p WHERE p.tenant_id = wanted AND p.enabled))
$$;
-- What every tenant may know of them.
CREATE FUNCTION sso_appliance_providers() RETURNS TABLE (provider_id uuid, kind text, name text, enabled boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.provider_id, p.kind, p.name, p.enabled FROM public.sso_providers p
  WHERE p.tenant_id = '00000000-0000-0000-0000-000000000000'
  ORDER BY p.name, p.provider_id
$$;
-- The tenants of the person of the context that they open.
CREATE FUNCTION sso_appliance_tenants() RETURNS TABLE (tenant_id uuid, name text, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id, t.name, t.state
  FROM public.memberships m JOIN public.tenants t ON t.tenant_id = m.tenant_id
  WHERE m.user_id = (SELECT public.current_user_id()) AND m.state = 'active' AND public.sso_appliance_opens(t.tenant_id)
  ORDER BY t.name, t.tenant_id
$$;
-- How many tenants nothing else opens, an owner's password aside. For a super_admin.
CREATE FUNCTION sso_appliance_reliant() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*) FROM public.tenants t
  WHERE (SELECT public.appliance_operator()) AND t.sso_only AND public.sso_appliance_opens(t.tenant_id)
$$;
-- Ends what they opened in the context's tenant. A visitor's session is not theirs to open.
CREATE FUNCTION sso_appliance_sessions_end(at timestamptz, why text) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH ended AS (
    UPDATE public.sessions s SET ended_at = at, end_reason = why
    FROM public.memberships m
    WHERE s.sso_tenant_id = '00000000-0000-0000-0000-000000000000' AND s.tenant_id = (SELECT public.current_tenant())
      AND m.tenant_id = s.tenant_id AND m.user_id = s.user_id AND s.ended_at IS NULL
    RETURNING 1)
  SELECT count(*) FROM ended
$$;

-- Ends the sessions that are in the context's tenant, and in the platform's context every one, but `kept`
-- (ASVS 7.4.5).
CREATE FUNCTION sessions_end(at timestamptz, why text, kept uuid) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH here AS (SELECT public.current_tenant() AS tenant_id), ended AS (
    UPDATE public.sessions s SET ended_at = at, end_reason = why
    FROM here
    WHERE s.ended_at IS NULL AND s.expires_at > at AND s.session_id IS DISTINCT FROM kept
      AND (s.tenant_id = here.tenant_id OR here.tenant_id = '00000000-0000-0000-0000-000000000000')
    RETURNING 1)
  SELECT count(*) FROM ended
$$;

-- As before; a session of the appliance's provider stands while that provider is enabled, and in a
-- tenant that it opens, or on a visit.
CREATE OR REPLACE FUNCTION session_standing(wanted uuid) RETURNS TABLE (
  user_id uuid, tenant_id uuid, expires_at timestamptz, last_used_at timestamptz, ended_at timestamptz,
  user_state text, super_admin boolean, roles text[], owner boolean, epoch integer,
  tenant_state text, tenant_name text, trial_ends_at timestamptz,
  factor_at timestamptz, has_factor boolean, factor_for_all boolean,
  visit_id uuid, visit_reason text, visit_writes boolean, visit_ends_at timestamptz, visit_left_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.user_id, s.tenant_id, s.expires_at, s.last_used_at, s.ended_at,
         u.state, u.super_admin, coalesce(m.roles, '{}'), coalesce(m.owner, false),
         coalesce(m.epoch, (extract(epoch FROM v.started_at)::bigint % 2000000000)::integer),
         t.state, t.name, t.trial_ends_at,
         s.factor_at,
         EXISTS (SELECT FROM public.totp_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)
           OR EXISTS (SELECT FROM public.passkeys p WHERE p.user_id = s.user_id),
         t.factor_for_all,
         v.visit_id, v.reason, v.wants_write AND (v.break_glass OR v.consented_at IS NOT NULL), v.ends_at, v.left_at
  FROM public.sessions s
  JOIN public.users u ON u.user_id = s.user_id
  JOIN public.tenants t ON t.tenant_id = s.tenant_id
  LEFT JOIN public.memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id AND m.state = 'active'
  LEFT JOIN LATERAL (
    SELECT w.* FROM public.support_visits w
    WHERE w.session_id = s.session_id AND w.tenant_id = s.tenant_id AND w.user_id = s.user_id
      AND u.super_admin AND m.user_id IS NULL
    ORDER BY w.started_at DESC LIMIT 1
  ) v ON true
  WHERE s.session_id = wanted AND (m.user_id IS NOT NULL OR v.visit_id IS NOT NULL)
    AND CASE WHEN s.sso_tenant_id = '00000000-0000-0000-0000-000000000000' THEN
          EXISTS (SELECT FROM public.sso_providers p
                  WHERE p.tenant_id = s.sso_tenant_id AND p.provider_id = s.sso_provider_id AND p.enabled)
          AND (m.user_id IS NULL OR public.sso_appliance_opens(s.tenant_id))
        ELSE true END
$$;

ALTER FUNCTION sso_secret_rewrap(uuid, bytea, bytea) OWNER TO revkeep_system;
ALTER FUNCTION sso_appliance_opens(uuid) OWNER TO revkeep_system;
ALTER FUNCTION sso_appliance_providers() OWNER TO revkeep_system;
ALTER FUNCTION sso_appliance_tenants() OWNER TO revkeep_system;
ALTER FUNCTION sso_appliance_reliant() OWNER TO revkeep_system;
ALTER FUNCTION sso_appliance_sessions_end(timestamptz, text) OWNER TO revkeep_system;
ALTER FUNCTION sessions_end(timestamptz, text, uuid) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION sso_secret_rewrap(uuid, bytea, bytea), sso_appliance_opens(uuid), sso_appliance_providers(), sso_appliance_tenants(),
  sso_appliance_reliant(), sso_appliance_sessions_end(timestamptz, text), sessions_end(timestamptz, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sso_secret_rewrap(uuid, bytea, bytea), sso_appliance_opens(uuid), sso_appliance_providers(), sso_appliance_tenants(),
  sso_appliance_reliant(), sso_appliance_sessions_end(timestamptz, text), sessions_end(timestamptz, text, uuid) TO revkeep_auth;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
