-- People of a tenant: invitations, deactivation, sign-up, trials, support visits, and keys of programs.

GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end

ALTER TABLE tenants
  ADD COLUMN trial_ends_at timestamptz,
  ADD COLUMN trial_warned_at timestamptz,    -- when the owner was told that the trial ends soon
  ADD COLUMN version bigint NOT NULL DEFAULT 1,
  ADD CONSTRAINT tenants_trial_ends CHECK (state <> 'trial' OR trial_ends_at IS NOT NULL);
GRANT UPDATE ON tenants TO revkeep_auth;

-- Deactivation is of the membership: another tenant's is not this tenant's to touch.
ALTER TABLE memberships ADD COLUMN state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'deactivated'));
ALTER TABLE memberships ADD CONSTRAINT memberships_owner_active CHECK (NOT owner OR state = 'active');
CREATE UNIQUE INDEX memberships_one_owner ON memberships (tenant_id) WHERE owner;

CREATE TABLE invitations (
  tenant_id    uuid NOT NULL REFERENCES tenants,
  invitation_id uuid NOT NULL,
  email_hash   bytea,                        -- the address, hashed and sealed until it is accepted or revoked (CX-32)
  email_sealed bytea,
  roles        text[] NOT NULL CHECK (roles <@ ARRAY['member', 'admin', 'reviewer'] AND cardinality(roles) > 0),
  owner        boolean NOT NULL DEFAULT false,
  invited_by   uuid NOT NULL,                -- a member, or the super_admin who made the tenant
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  token_hash   bytea UNIQUE,                 -- SHA-256; made when the mail is sent, NULL until then
  sent_at      timestamptz,
  accepted_at  timestamptz,
  accepted_by  uuid,
  revoked_at   timestamptz,
  PRIMARY KEY (tenant_id, invitation_id),
  CHECK (NOT owner OR 'admin' = ANY (roles)),
  CHECK ((accepted_at IS NULL AND revoked_at IS NULL) = (email_hash IS NOT NULL)),
  CHECK ((email_hash IS NULL) = (email_sealed IS NULL)),
  CHECK (email_hash IS NOT NULL OR token_hash IS NULL)
);
CREATE UNIQUE INDEX invitations_one_open ON invitations (tenant_id, email_hash) WHERE accepted_at IS NULL AND revoked_at IS NULL;
SELECT place_tenant_table('invitations');
GRANT SELECT, INSERT, UPDATE ON invitations TO revkeep_auth;
GRANT SELECT ON invitations TO revkeep_system;

-- Organisations that want to join and whose address is not proven yet. They belong to no tenant.
CREATE TABLE sign_ups (
  sign_up_id     uuid PRIMARY KEY,
  email_hash     bytea NOT NULL,
  details_sealed bytea NOT NULL,             -- organisation, name and address
  created_at     timestamptz NOT NULL,
  expires_at     timestamptz NOT NULL,
  token_hash     bytea UNIQUE,
  sent_at        timestamptz
);
CREATE INDEX sign_ups_by_address ON sign_ups (email_hash, created_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_ups TO revkeep_auth;

-- A super_admin inside a tenant that is not theirs (CX-33).
CREATE TABLE support_visits (
  tenant_id    uuid NOT NULL REFERENCES tenants,
  visit_id     uuid NOT NULL,
  user_id      uuid NOT NULL,
  session_id   uuid NOT NULL,
  home_tenant  uuid NOT NULL,                -- where the session goes back to
  reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  wants_write  boolean NOT NULL,
  break_glass  boolean NOT NULL DEFAULT false,
  consented_at timestamptz,                  -- by the owner; without it or break_glass the visit reads only
  consented_by uuid,
  started_at   timestamptz NOT NULL,
  ends_at      timestamptz NOT NULL,
  left_at      timestamptz,
  PRIMARY KEY (tenant_id, visit_id),
  CHECK (ends_at <= started_at + interval '60 minutes'),
  CHECK (NOT break_glass OR wants_write)
);
CREATE INDEX support_visits_by_session ON support_visits (session_id, started_at);
CREATE INDEX support_visits_listing ON support_visits (tenant_id, started_at DESC);
SELECT place_tenant_table('support_visits');
GRANT SELECT, INSERT, UPDATE ON support_visits TO revkeep_auth;
GRANT SELECT ON support_visits TO revkeep_system;

-- Who visits, by name, for the people of the tenant that is visited.
CREATE VIEW visitors WITH (security_barrier = true) AS
  SELECT v.tenant_id, v.visit_id, u.name
  FROM support_visits v JOIN users u ON u.user_id = v.user_id
  WHERE v.tenant_id = (SELECT current_tenant());
ALTER VIEW visitors OWNER TO revkeep_system;
REVOKE ALL ON visitors FROM PUBLIC;
GRANT SELECT ON visitors TO revkeep_auth;

CREATE TABLE api_keys (
  tenant_id    uuid NOT NULL REFERENCES tenants,
  key_id       uuid NOT NULL UNIQUE,
  name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  secret_hash  text NOT NULL,                -- bcrypt, as passwords are
  scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0),
  created_by   uuid NOT NULL,
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  PRIMARY KEY (tenant_id, key_id)
);
SELECT place_tenant_table('api_keys');
GRANT SELECT, INSERT, UPDATE ON api_keys TO revkeep_auth;
GRANT SELECT ON api_keys TO revkeep_system;

-- Colleagues, as before; who was deactivated in this tenant is so here.
CREATE OR REPLACE VIEW people WITH (security_barrier = true) AS
  SELECT m.tenant_id, u.user_id, u.name, u.email_sealed, m.roles, m.owner,
         CASE WHEN m.state = 'active' THEN u.state ELSE m.state END AS state
  FROM memberships m JOIN users u ON u.user_id = m.user_id
  WHERE m.tenant_id = (SELECT current_tenant());

-- What an administrator sees of the members of the current tenant.
CREATE VIEW members WITH (security_barrier = true) AS
  SELECT m.tenant_id, m.user_id, u.name, u.email_sealed, m.roles, m.owner,
         CASE WHEN m.state = 'active' THEN u.state ELSE m.state END AS state,
         m.epoch, m.created_at AS joined_at,
         (SELECT max(s.last_used_at) FROM sessions s WHERE s.user_id = m.user_id AND s.tenant_id = m.tenant_id) AS last_seen_at,
         EXISTS (SELECT FROM totp_factors f WHERE f.user_id = m.user_id AND f.confirmed_at IS NOT NULL) AS totp,
         (SELECT count(*) FROM passkeys p WHERE p.user_id = m.user_id) AS passkeys,
         (SELECT count(*) FROM recovery_codes c WHERE c.user_id = m.user_id AND c.used_at IS NULL) AS recovery_remaining
  FROM memberships m JOIN users u ON u.user_id = m.user_id
  WHERE m.tenant_id = (SELECT current_tenant());
ALTER VIEW members OWNER TO revkeep_system;
REVOKE ALL ON members FROM PUBLIC;
GRANT SELECT ON members TO revkeep_auth;

-- Whether a session may still act in a tenant, and as what: by an active membership, or by a visit.
-- Whether the visit still lasts is for the caller's clock. A visit's epoch is its beginning, so a
-- token of an earlier visit is worth nothing in a later one.
DROP FUNCTION session_standing(uuid);
CREATE FUNCTION session_standing(wanted uuid) RETURNS TABLE (
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
$$;
-- The tenants of which the person of the context is an active member, with their names.
CREATE OR REPLACE FUNCTION own_tenants() RETURNS TABLE (tenant_id uuid, name text, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id, t.name, t.state
  FROM public.memberships m JOIN public.tenants t ON t.tenant_id = m.tenant_id
  WHERE m.user_id = (SELECT public.current_user_id()) AND m.state = 'active'
  ORDER BY t.name
$$;
-- Cuts a person out of the context's tenant: the sessions that are in it end, and the connections that
-- are theirs alone lose their tokens. Answers how many sessions ended.
CREATE FUNCTION member_cut(who uuid, at timestamptz, why text) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH here AS (SELECT public.current_tenant() AS tenant_id), cut AS (
    UPDATE public.connections c
    SET state = 'disconnected', access_sealed = NULL, refresh_sealed = NULL, refresh_started_at = NULL,
        generation = c.generation + 1, version = c.version + 1, updated_at = at
    FROM here WHERE c.tenant_id = here.tenant_id AND c.owner_id = who AND c.state <> 'disconnected'
  ), ended AS (
    UPDATE public.sessions s SET ended_at = at, end_reason = why
    FROM here WHERE s.tenant_id = here.tenant_id AND s.user_id = who AND s.ended_at IS NULL
    RETURNING 1
  )
  SELECT count(*)::integer FROM ended
$$;
-- An invitation that still waits, by the hash of its link's token: what its page and its acceptance need.
CREATE FUNCTION invitation_by_token(wanted bytea) RETURNS TABLE (
  tenant_id uuid, invitation_id uuid, email_hash bytea, email_sealed bytea, roles text[], owner boolean,
  expires_at timestamptz, organisation text, inviter text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT i.tenant_id, i.invitation_id, i.email_hash, i.email_sealed, i.roles, i.owner, i.expires_at, t.name, u.name
  FROM public.invitations i
  JOIN public.tenants t ON t.tenant_id = i.tenant_id
  LEFT JOIN public.users u ON u.user_id = i.invited_by
  WHERE i.token_hash = wanted AND i.accepted_at IS NULL AND i.revoked_at IS NULL
$$;
-- An interface key by the id that stands in it, before anyone is known.
CREATE FUNCTION api_key_by_id(wanted uuid) RETURNS TABLE (
  tenant_id uuid, secret_hash text, scopes text[], expires_at timestamptz, revoked_at timestamptz,
  last_used_at timestamptz, tenant_state text, trial_ends_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.tenant_id, k.secret_hash, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, t.state, t.trial_ends_at
  FROM public.api_keys k JOIN public.tenants t ON t.tenant_id = k.tenant_id
  WHERE k.key_id = wanted
$$;
-- Every tenant, for a super_admin alone: names and counts, nothing of what is inside.
CREATE FUNCTION tenants_listed(after_name text, after_id uuid, most integer, wanted_state text, search text) RETURNS TABLE (
  tenant_id uuid, name text, state text, trial_ends_at timestamptz, created_at timestamptz, members bigint, owner_id uuid, owner_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id, t.name, t.state, t.trial_ends_at, t.created_at,
         (SELECT count(*) FROM public.memberships m WHERE m.tenant_id = t.tenant_id AND m.state = 'active'),
         o.user_id, o.name
  FROM public.tenants t
  LEFT JOIN public.memberships w ON w.tenant_id = t.tenant_id AND w.owner
  LEFT JOIN public.users o ON o.user_id = w.user_id
  WHERE EXISTS (SELECT FROM public.users u WHERE u.user_id = (SELECT public.current_user_id()) AND u.super_admin AND u.state = 'active')
    AND (wanted_state IS NULL OR t.state = wanted_state)
    AND (search IS NULL OR position(lower(search) IN lower(t.name)) > 0)
    AND (after_id IS NULL OR (t.name, t.tenant_id) > (after_name, after_id))
  ORDER BY t.name, t.tenant_id
  LIMIT least(greatest(most, 0), 201)
$$;
-- Trials that are over, or of whose end within `ahead` nobody was told yet.
CREATE FUNCTION trials_due(at timestamptz, ahead interval) RETURNS TABLE (tenant_id uuid, over boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id, t.trial_ends_at <= at FROM public.tenants t
  WHERE (SELECT public.is_worker()) AND t.state = 'trial'
    AND (t.trial_ends_at <= at OR (t.trial_ends_at <= at + ahead AND t.trial_warned_at IS NULL))
  ORDER BY t.trial_ends_at LIMIT 100
$$;
-- As before, but a tenant whose trial is over starts nothing by itself: its routing rests.
CREATE OR REPLACE FUNCTION schedules_fire(at timestamptz, most integer) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH due AS (
    SELECT s.tenant_id, s.name FROM public.schedules s
    WHERE (SELECT public.is_worker()) AND s.enabled AND s.next_at <= at
      AND NOT EXISTS (SELECT FROM public.tenants t WHERE t.tenant_id = s.tenant_id
        AND (t.state = 'read_only' OR (t.state = 'trial' AND t.trial_ends_at <= at)))
    ORDER BY s.next_at LIMIT most FOR UPDATE SKIP LOCKED
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
GRANT SELECT, UPDATE ON connections TO revkeep_system;
GRANT UPDATE ON sessions TO revkeep_system;

ALTER FUNCTION session_standing(uuid) OWNER TO revkeep_system;
ALTER FUNCTION member_cut(uuid, timestamptz, text) OWNER TO revkeep_system;
ALTER FUNCTION invitation_by_token(bytea) OWNER TO revkeep_system;
ALTER FUNCTION api_key_by_id(uuid) OWNER TO revkeep_system;
ALTER FUNCTION tenants_listed(text, uuid, integer, text, text) OWNER TO revkeep_system;
ALTER FUNCTION trials_due(timestamptz, interval) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION session_standing(uuid), member_cut(uuid, timestamptz, text), invitation_by_token(bytea), api_key_by_id(uuid),
  tenants_listed(text, uuid, integer, text, text), trials_due(timestamptz, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_standing(uuid), member_cut(uuid, timestamptz, text), invitation_by_token(bytea), api_key_by_id(uuid),
  tenants_listed(text, uuid, integer, text, text) TO revkeep_auth;
GRANT EXECUTE ON FUNCTION trials_due(timestamptz, interval) TO revkeep_app;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
