GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end
CREATE OR REPLACE FUNCTION member_cut(who uuid, at timestamptz, why text) RETURNS integer
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

DROP FUNCTION oauth_standing(bytea, text);
DROP TABLE oauth_tokens;
DROP TABLE oauth_codes;
DROP TABLE oauth_grants;
DROP TABLE oauth_clients;
REVOKE CREATE ON SCHEMA public FROM revkeep_system;
