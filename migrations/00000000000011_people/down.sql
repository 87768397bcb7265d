GRANT CREATE ON SCHEMA public TO revkeep_system;
DROP FUNCTION trials_due(timestamptz, interval);
DROP FUNCTION tenants_listed(text, uuid, integer, text, text);
DROP FUNCTION api_key_by_id(uuid);
DROP FUNCTION invitation_by_token(bytea);
DROP FUNCTION member_cut(uuid, timestamptz, text);
DROP FUNCTION session_standing(uuid);
CREATE FUNCTION session_standing(wanted uuid) RETURNS TABLE (
  user_id uuid, tenant_id uuid, expires_at timestamptz, last_used_at timestamptz, ended_at timestamptz,
  user_state text, super_admin boolean, roles text[], owner boolean, epoch integer, tenant_state text,
  factor_at timestamptz, has_factor boolean, factor_for_all boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.user_id, s.tenant_id, s.expires_at, s.last_used_at, s.ended_at,
         u.state, u.super_admin, m.roles, m.owner, m.epoch, t.state,
         s.factor_at,
         EXISTS (SELECT FROM public.totp_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)
           OR EXISTS (SELECT FROM public.passkeys p WHERE p.user_id = s.user_id),
         t.factor_for_all
  FROM public.sessions s
  JOIN public.users u ON u.user_id = s.user_id
  JOIN public.tenants t ON t.tenant_id = s.tenant_id
  JOIN public.memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
  WHERE s.session_id = wanted
$$;
ALTER FUNCTION session_standing(uuid) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION session_standing(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_standing(uuid) TO revkeep_auth;
CREATE OR REPLACE FUNCTION own_tenants() RETURNS TABLE (tenant_id uuid, name text, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id, t.name, t.state
  FROM public.memberships m JOIN public.tenants t ON t.tenant_id = m.tenant_id
  WHERE m.user_id = (SELECT public.current_user_id())
  ORDER BY t.name
$$;
CREATE OR REPLACE FUNCTION schedules_fire(at timestamptz, most integer) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH due AS (
    SELECT s.tenant_id, s.name FROM public.schedules s
    WHERE (SELECT public.is_worker()) AND s.enabled AND s.next_at <= at ORDER BY s.next_at LIMIT most FOR UPDATE SKIP LOCKED
  ), fired AS (
    UPDATE public.schedules s SET next_at = at + make_interval(secs => s.every_seconds), last_at = at
    FROM due WHERE s.tenant_id = due.tenant_id AND s.name = due.name
    RETURNING s.tenant_id, s.name, s.kind, s.payload
  ), queued AS (
    INSERT INTO public.jobs (tenant_id, job_id, kind, payload, run_at, max_attempts, dedupe_key, created_at)
    SELECT f.tenant_id, gen_random_uuid(), f.kind, f.payload, at, 1, 'schedule:' || f.name, at FROM fired f
    ON CONFLICT (tenant_id, kind, dedupe_key) WHERE state = 'queued' AND dedupe_key IS NOT NULL DO NOTHING
    RETURNING 1
  )
  SELECT count(*)::integer FROM queued
$$;
DROP VIEW members;
CREATE OR REPLACE VIEW people WITH (security_barrier = true) AS
  SELECT m.tenant_id, u.user_id, u.name, u.email_sealed, m.roles, m.owner, u.state
  FROM memberships m JOIN users u ON u.user_id = m.user_id
  WHERE m.tenant_id = (SELECT current_tenant());
DROP TABLE api_keys;
DROP VIEW visitors;
DROP TABLE support_visits;
DROP TABLE sign_ups;
DROP TABLE invitations;
REVOKE SELECT, UPDATE ON connections FROM revkeep_system;
REVOKE UPDATE ON sessions FROM revkeep_system;
REVOKE UPDATE ON tenants FROM revkeep_auth;
DROP INDEX memberships_one_owner;
ALTER TABLE memberships DROP COLUMN state;
ALTER TABLE tenants DROP CONSTRAINT tenants_trial_ends, DROP COLUMN trial_ends_at, DROP COLUMN trial_warned_at, DROP COLUMN version;
REVOKE CREATE ON SCHEMA public FROM revkeep_system;
