-- Programs of others that act for a person by OAuth 2.1: who they are, what each person let them do, the codes that
-- a browser carries to them, and their tokens. Codes and tokens stand here as hashes of 238 random bits and more.
-- A program belongs to one tenant, whose administrator named it; it is public, so what it may be sent to is fixed.
GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end

CREATE TABLE oauth_clients (
  tenant_id     uuid NOT NULL REFERENCES tenants,
  client_id     uuid NOT NULL UNIQUE,
  name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  redirect_uris text[] NOT NULL CHECK (cardinality(redirect_uris) BETWEEN 1 AND 10),
  scopes        text[] NOT NULL CHECK (cardinality(scopes) > 0),
  created_by    uuid NOT NULL,
  created_at    timestamptz NOT NULL,
  revoked_at    timestamptz,
  PRIMARY KEY (tenant_id, client_id)
);
SELECT place_tenant_table('oauth_clients');
GRANT SELECT, INSERT, UPDATE (revoked_at) ON oauth_clients TO revkeep_auth;
GRANT SELECT ON oauth_clients TO revkeep_system;

-- What a person let a program do. Everything that was issued to the program hangs on it and ends with it.
CREATE TABLE oauth_grants (
  tenant_id    uuid NOT NULL REFERENCES tenants,
  grant_id     uuid NOT NULL UNIQUE,
  client_id    uuid NOT NULL,
  user_id      uuid NOT NULL,
  scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0),
  resource     text NOT NULL,               -- whom its tokens are for (RFC 8707)
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  begun_at     timestamptz,                 -- when the code was exchanged; NULL: it never was
  renewed_at   timestamptz,                 -- when tokens were last issued
  ended_at     timestamptz,
  end_reason   text,
  PRIMARY KEY (tenant_id, grant_id),
  FOREIGN KEY (tenant_id, client_id) REFERENCES oauth_clients (tenant_id, client_id),
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX oauth_grants_by_person ON oauth_grants (tenant_id, user_id, created_at);
CREATE INDEX oauth_grants_by_client ON oauth_grants (tenant_id, client_id);
SELECT place_tenant_table('oauth_grants');
GRANT SELECT, INSERT, UPDATE (begun_at, renewed_at, ended_at, end_reason) ON oauth_grants TO revkeep_auth;
GRANT SELECT, UPDATE (ended_at, end_reason) ON oauth_grants TO revkeep_system;

CREATE TABLE oauth_codes (
  tenant_id    uuid NOT NULL,
  hash         bytea NOT NULL UNIQUE,
  grant_id     uuid NOT NULL,
  redirect_uri text NOT NULL,
  challenge    text NOT NULL CHECK (length(challenge) = 43),
  used_at      timestamptz,                 -- or refused: either way it is good for nothing more
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, hash),
  FOREIGN KEY (tenant_id, grant_id) REFERENCES oauth_grants (tenant_id, grant_id) ON DELETE CASCADE
);
CREATE INDEX oauth_codes_by_grant ON oauth_codes (tenant_id, grant_id);
CREATE INDEX oauth_codes_by_age ON oauth_codes (tenant_id, expires_at);
SELECT place_tenant_table('oauth_codes');
GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON oauth_codes TO revkeep_auth;
GRANT SELECT ON oauth_codes TO revkeep_system;

CREATE TABLE oauth_tokens (
  tenant_id  uuid NOT NULL,
  hash       bytea NOT NULL UNIQUE,
  grant_id   uuid NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('access', 'refresh')),
  used_at    timestamptz,                   -- of a refresh token: exchanged for its successor
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, hash),
  FOREIGN KEY (tenant_id, grant_id) REFERENCES oauth_grants (tenant_id, grant_id) ON DELETE CASCADE
);
CREATE INDEX oauth_tokens_by_grant ON oauth_tokens (tenant_id, grant_id);
CREATE INDEX oauth_tokens_by_age ON oauth_tokens (tenant_id, expires_at);
SELECT place_tenant_table('oauth_tokens');
GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON oauth_tokens TO revkeep_auth;
GRANT SELECT ON oauth_tokens TO revkeep_system;

-- Whose a code, a refresh token or an access token is, before anyone is known, and what of that still stands: the
-- person's membership and account, the program, the tenant. Nothing where the person is no active member.
CREATE FUNCTION oauth_standing(wanted bytea, wanted_kind text) RETURNS TABLE (
  tenant_id uuid, grant_id uuid, client_id uuid, user_id uuid, scopes text[], resource text, used_at timestamptz,
  token_expires_at timestamptz, expires_at timestamptz, ended_at timestamptz, client_revoked_at timestamptz,
  roles text[], owner boolean, tenant_state text, trial_ends_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT g.tenant_id, g.grant_id, g.client_id, g.user_id, g.scopes, g.resource, f.used_at,
    f.expires_at, g.expires_at, g.ended_at, c.revoked_at, m.roles, m.owner, t.state, t.trial_ends_at
  FROM (
    SELECT k.tenant_id, k.grant_id, k.used_at, k.expires_at FROM public.oauth_tokens k WHERE k.hash = wanted AND k.kind = wanted_kind
    UNION ALL
    SELECT o.tenant_id, o.grant_id, o.used_at, o.expires_at FROM public.oauth_codes o WHERE o.hash = wanted AND wanted_kind = 'code'
  ) f
  JOIN public.oauth_grants g ON g.tenant_id = f.tenant_id AND g.grant_id = f.grant_id
  JOIN public.oauth_clients c ON c.tenant_id = g.tenant_id AND c.client_id = g.client_id
  JOIN public.tenants t ON t.tenant_id = g.tenant_id
  JOIN public.memberships m ON m.tenant_id = g.tenant_id AND m.user_id = g.user_id AND m.state = 'active'
  JOIN public.users u ON u.user_id = g.user_id AND u.state = 'active'
$$;
ALTER FUNCTION oauth_standing(bytea, text) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION oauth_standing(bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION oauth_standing(bytea, text) TO revkeep_auth;

-- As before; what the person let programs do ends as well.
CREATE OR REPLACE FUNCTION member_cut(who uuid, at timestamptz, why text) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH here AS (SELECT public.current_tenant() AS tenant_id), cut AS (
    UPDATE public.connections c
    SET state = 'disconnected', access_sealed = NULL, refresh_sealed = NULL, refresh_started_at = NULL,
        generation = c.generation + 1, version = c.version + 1, updated_at = at
    FROM here WHERE c.tenant_id = here.tenant_id AND c.owner_id = who AND c.state <> 'disconnected'
  ), clients AS (
    UPDATE public.oauth_grants g SET ended_at = at, end_reason = why
    FROM here WHERE g.tenant_id = here.tenant_id AND g.user_id = who AND g.ended_at IS NULL
  ), ended AS (
    UPDATE public.sessions s SET ended_at = at, end_reason = why
    FROM here WHERE s.tenant_id = here.tenant_id AND s.user_id = who AND s.ended_at IS NULL
    RETURNING 1
  )
  SELECT count(*)::integer FROM ended
$$;

-- As before; what people let programs do ends as well, so that what was revoked since does not come back.
CREATE OR REPLACE FUNCTION restore_hold(at timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  told jsonb := '{}';
  n bigint;
BEGIN
  UPDATE public.sessions s SET ended_at = at, end_reason = 'restored' WHERE s.ended_at IS NULL;
  GET DIAGNOSTICS n = ROW_COUNT;
  told := told || jsonb_build_object('sessions_ended', n);
  UPDATE public.memberships m SET epoch = m.epoch + 1;
  UPDATE public.support_visits v SET left_at = at WHERE v.left_at IS NULL;
  UPDATE public.invitations i SET expires_at = least(i.expires_at, at);
  DELETE FROM public.oauth_states;
  DELETE FROM public.sso_tickets;
  DELETE FROM public.sso_flows;
  DELETE FROM public.passkey_sign_ins;
  DELETE FROM public.factor_challenges;
  DELETE FROM public.reset_links;
  DELETE FROM public.setup_codes;
  DELETE FROM public.device_grants;
  DELETE FROM public.authorization_codes;
  DELETE FROM public.oauth_codes;
  UPDATE public.oauth_grants g SET ended_at = at, end_reason = 'restored' WHERE g.ended_at IS NULL;
  GET DIAGNOSTICS n = ROW_COUNT;
  told := told || jsonb_build_object('program_grants_ended', n);
  -- A token that was renewed since must not be presented again: the provider would end the grant that is in use.
  UPDATE public.connections c SET state = 'broken', broken_code = 'restored', broken_at = at, access_sealed = NULL, refresh_sealed = NULL,
    refresh_started_at = NULL, generation = c.generation + 1, version = c.version + 1, updated_at = at
  WHERE c.access_sealed IS NOT NULL OR c.refresh_sealed IS NOT NULL OR c.state IN ('connected', 'broken', 'authorizing');
  GET DIAGNOSTICS n = ROW_COUNT;
  told := told || jsonb_build_object('connections_to_reconnect', n);
  DELETE FROM public.grants_ending;
  -- Their files are of another moment than these rows.
  UPDATE public.tenant_exports e SET state = 'expired', wrapped = NULL, ended_at = coalesce(e.ended_at, at)
  WHERE e.state IN ('waiting', 'running', 'ready', 'downloading');
  DELETE FROM public.leases;
  DELETE FROM public.daemons;
  UPDATE public.routers r SET state = 'paused', epoch = r.epoch + 1, version = r.version + 1, updated_at = at WHERE r.state IN ('active', 'baselining');
  -- What was decided may have been written since: the owner is read back before anything else.
  UPDATE public.assignments a SET state = 'in_doubt', outcome_code = 'claim_lost' FROM public.routing_records r
  WHERE r.state IN ('waiting', 'proposed', 'claimed', 'failed') AND a.tenant_id = r.tenant_id
    AND a.decided_at = r.assignment_at AND a.assignment_id = r.assignment_id;
  UPDATE public.routing_records r SET state = 'in_doubt', reason_code = 'claim_lost', claim = NULL, claim_until = NULL, next_attempt_at = NULL, updated_at = at
  WHERE r.state IN ('waiting', 'proposed', 'claimed', 'failed') AND r.assignment_id IS NOT NULL;
  GET DIAGNOSTICS n = ROW_COUNT;
  told := told || jsonb_build_object('records_in_doubt', n);
  -- Nothing was decided of these; whether somebody was found since, the CRM alone knows.
  UPDATE public.routing_records r SET state = 'given_up', reason_code = 'routing_restarted', claim = NULL, claim_until = NULL, next_attempt_at = NULL, updated_at = at
  WHERE r.state IN ('waiting', 'failed', 'postponed');
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN told || jsonb_build_object('records_given_up', n, 'jobs_held', (SELECT count(*) FROM public.jobs j WHERE j.state IN ('queued', 'running')));
END
$$;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
