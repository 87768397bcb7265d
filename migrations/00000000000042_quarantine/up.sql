-- A restored database starts in quarantine (CX-36): a backup brings back tokens that were renewed since, leads
-- that were given since and people who were erased since. `revkeep restore` calls the restore_* functions
-- before the database has its name; `revkeep resume` ends what they began.

GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end

-- One row while it lasts.
CREATE TABLE quarantine (
  one         boolean PRIMARY KEY DEFAULT true CHECK (one),
  head        bigint,                         -- the last head of the audit log that came back
  taken_at    timestamptz NOT NULL,           -- the moment of the archive
  restored_at timestamptz NOT NULL,
  replaced    boolean NOT NULL,               -- what happened since was learned from the database that it replaced
  routers     uuid[] NOT NULL,                -- those that ran; they go on with a new baseline
  told        jsonb NOT NULL                  -- how many of what was held, ended or taken away
);
GRANT SELECT ON quarantine TO revkeep_system;

CREATE FUNCTION is_quarantined() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM public.quarantine)
$$;

-- What there is to say of it; nothing when there is none.
CREATE FUNCTION quarantine_standing() RETURNS TABLE (head bigint, taken_at timestamptz, restored_at timestamptz, replaced boolean, routers bigint, told jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT q.head, q.taken_at, q.restored_at, q.replaced, cardinality(q.routers)::bigint, q.told
  FROM public.quarantine q WHERE (SELECT public.is_worker())
$$;

-- What of before the restore is in use although it is over; for `revkeep verify`.
CREATE FUNCTION quarantine_census() RETURNS TABLE (rule text, seen bigint, broken bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT rules.rule, rules.seen, rules.broken FROM (
    SELECT 'sessions_of_before' AS rule, count(*) AS seen, count(*) FILTER (WHERE s.ended_at IS NULL) AS broken
    FROM public.quarantine q JOIN public.sessions s ON s.created_at < q.restored_at
    UNION ALL
    SELECT 'tokens_of_before', count(*), count(*) FILTER (WHERE c.access_sealed IS NOT NULL OR c.refresh_sealed IS NOT NULL)
    FROM public.quarantine q JOIN public.connections c ON c.connected_at < q.restored_at
  ) rules WHERE (SELECT public.is_worker())
$$;
ALTER FUNCTION quarantine_census() OWNER TO revkeep_system;
ALTER FUNCTION is_quarantined() OWNER TO revkeep_system;
ALTER FUNCTION quarantine_standing() OWNER TO revkeep_system;

-- As before, and nothing while the database is in quarantine.
CREATE OR REPLACE FUNCTION jobs_claim(kinds text[], by_worker text, at timestamptz, lease interval, most integer)
RETURNS TABLE (tenant_id uuid, job_id uuid, kind text, payload jsonb, attempts integer, max_attempts integer, fence bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH due AS (
    SELECT j.tenant_id, j.job_id FROM public.jobs j
    WHERE (SELECT public.is_worker()) AND NOT (SELECT public.is_quarantined()) AND j.kind = ANY (kinds)
      AND ((j.state = 'queued' AND j.run_at <= at) OR (j.state = 'running' AND j.lease_until < at))
      AND NOT EXISTS (SELECT FROM public.jobs twin
        WHERE twin.tenant_id = j.tenant_id AND twin.kind = j.kind AND twin.dedupe_key = j.dedupe_key
          AND twin.state = 'running' AND twin.lease_until >= at AND twin.job_id <> j.job_id)
    ORDER BY j.run_at, j.job_id
    LIMIT least(greatest(most, 0), 100)
    FOR UPDATE SKIP LOCKED
  )
  UPDATE public.jobs j
  SET state = 'running', attempts = j.attempts + 1, fence = j.fence + 1, worker = by_worker, lease_until = at + lease
  FROM due WHERE j.tenant_id = due.tenant_id AND j.job_id = due.job_id
  RETURNING j.tenant_id, j.job_id, j.kind, j.payload, j.attempts, j.max_attempts, j.fence
$$;
CREATE OR REPLACE FUNCTION schedules_fire(at timestamptz, most integer) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH due AS (
    SELECT s.tenant_id, s.name FROM public.schedules s
    WHERE (SELECT public.is_worker()) AND NOT (SELECT public.is_quarantined()) AND s.enabled AND s.next_at <= at
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
CREATE OR REPLACE FUNCTION siem_targets_enabled() RETURNS TABLE (tenant_id uuid, target_id uuid, version bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id, t.target_id, t.version FROM public.siem_targets t
  WHERE (SELECT public.is_worker()) AND NOT (SELECT public.is_quarantined()) AND t.enabled ORDER BY t.tenant_id, t.target_id
$$;
-- What an account's erasure takes away, for the case that asks for it and for a restore that brought it back.
-- Answers the counts; `rows_of_the_account` among them when the account served this tenant alone.
CREATE FUNCTION account_rows_erase(target uuid, who uuid) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  alone boolean;
  gone bigint;
  told jsonb := '{}';
BEGIN
  alone := NOT EXISTS (SELECT FROM public.memberships m WHERE m.user_id = who AND m.tenant_id <> target)
    AND NOT EXISTS (SELECT FROM public.users u WHERE u.user_id = who AND u.super_admin);
  DELETE FROM public.scim_group_members g WHERE g.tenant_id = target AND g.user_id = who;
  DELETE FROM public.scim_users s WHERE s.tenant_id = target AND s.user_id = who;
  GET DIAGNOSTICS gone = ROW_COUNT;
  told := told || jsonb_build_object('scim_users', gone);
  DELETE FROM public.sso_identities i WHERE i.tenant_id = target AND i.user_id = who;
  GET DIAGNOSTICS gone = ROW_COUNT;
  told := told || jsonb_build_object('sso_identities', gone);
  DELETE FROM public.invitations i WHERE i.tenant_id = target
    AND (i.accepted_by = who OR i.email_hash = (SELECT u.email_hash FROM public.users u WHERE u.user_id = who));
  GET DIAGNOSTICS gone = ROW_COUNT;
  told := told || jsonb_build_object('invitations', gone);
  DELETE FROM public.tenant_exports e WHERE e.tenant_id = target AND e.scope = 'account' AND e.subject = who;
  DELETE FROM public.memberships m WHERE m.tenant_id = target AND m.user_id = who;
  GET DIAGNOSTICS gone = ROW_COUNT;
  told := told || jsonb_build_object('memberships', gone);
  -- The key under which the log holds where this person came from: what was sealed stays closed.
  DELETE FROM public.audit_keys k WHERE k.tenant_id = target AND k.subject = who;
  GET DIAGNOSTICS gone = ROW_COUNT;
  told := told || jsonb_build_object('audit_keys', gone);
  IF alone THEN
    UPDATE public.users u SET home_tenant_id = NULL WHERE u.user_id = who;
    gone := public.people_erase(ARRAY[who]);
    told := told || jsonb_build_object('rows_of_the_account', gone);
  END IF;
  RETURN told;
END
$$;
CREATE OR REPLACE FUNCTION account_erase(target uuid, wanted uuid, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  asked public.person_cases%ROWTYPE;
  told jsonb;
BEGIN
  IF NOT public.is_worker() THEN RETURN NULL; END IF;
  SELECT c.* INTO asked FROM public.person_cases c
  WHERE c.tenant_id = target AND c.case_id = wanted AND c.kind = 'account' AND c.state = 'erasing' AND c.due_at <= at FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF EXISTS (SELECT FROM public.memberships m WHERE m.tenant_id = target AND m.user_id = asked.subject AND (m.owner OR m.state = 'active'))
    THEN RETURN NULL; END IF;
  IF asked.whole IS NOT NULL THEN RETURN asked.whole; END IF;
  told := public.account_rows_erase(target, asked.subject);
  UPDATE public.person_cases c SET whole = told ? 'rows_of_the_account', counts = told WHERE c.tenant_id = target AND c.case_id = wanted;
  RETURN told ? 'rows_of_the_account';
END
$$;

-- Everything of a tenant whose key is gone or whose erasure the ledger names, as its erasure took it away.
CREATE FUNCTION restore_tenant_erase(target uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  line record;
  people uuid[];
BEGIN
  people := ARRAY(SELECT m.user_id FROM public.memberships m WHERE m.tenant_id = target);
  FOR line IN SELECT t.name FROM public.tenant_erasable_tables() t ORDER BY t.depth DESC, t.name LOOP
    EXECUTE format('DELETE FROM public.%I WHERE tenant_id = $1', line.name) USING target;
  END LOOP;
  DELETE FROM public.device_grants g WHERE g.tenant_id = target;
  DELETE FROM public.authorization_codes c WHERE c.tenant_id = target;
  UPDATE public.users u SET home_tenant_id = NULL WHERE u.home_tenant_id = target;
  PERFORM public.people_erase(people);
  DELETE FROM public.tenants t WHERE t.tenant_id = target;
END
$$;

-- What was erased since the archive goes again. `ledger` is what daemon/db/sql/ledger.sql tells.
CREATE FUNCTION restore_erase(ledger jsonb, closed uuid[], at timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  line record;
  tenants integer := 0;
  people integer := 0;
  records bigint := 0;
BEGIN
  FOR line IN
    SELECT t.tenant_id FROM public.tenants t
    WHERE t.tenant_id = ANY (closed) OR t.tenant_id IN (SELECT (e ->> 'tenant')::uuid FROM jsonb_array_elements(ledger -> 'tenants') e)
  LOOP
    PERFORM public.restore_tenant_erase(line.tenant_id);
    tenants := tenants + 1;
  END LOOP;
  INSERT INTO public.tenant_erasures (tenant_id, asked_by, by_operator, asked_at, begun_at, people, counts, finished_at, statement, signature)
  SELECT e.tenant, e.asked_by, e.by_operator, e.asked_at, e.begun_at, '{}', e.counts, coalesce(e.finished_at, at), e.statement, decode(e.signature, 'hex')
  FROM jsonb_to_recordset(ledger -> 'tenants') AS e(tenant uuid, asked_by text, by_operator boolean, asked_at timestamptz, begun_at timestamptz,
    counts jsonb, finished_at timestamptz, statement text, signature text)
  ON CONFLICT (tenant_id) DO NOTHING;
  FOR line IN
    SELECT m.tenant_id, m.user_id FROM public.memberships m
    JOIN jsonb_to_recordset(ledger -> 'accounts') AS e(tenant uuid, person uuid) ON e.tenant = m.tenant_id AND e.person = m.user_id
  LOOP
    PERFORM public.account_rows_erase(line.tenant_id, line.user_id);
    people := people + 1;
  END LOOP;
  INSERT INTO public.erased_records (tenant_id, object, record_id, erased_at)
  SELECT e.tenant, e.object, e.record, e.erased_at FROM jsonb_to_recordset(ledger -> 'records') AS e(tenant uuid, object text, record text, erased_at timestamptz)
  WHERE EXISTS (SELECT FROM public.tenants t WHERE t.tenant_id = e.tenant) ON CONFLICT DO NOTHING;
  DELETE FROM public.layer_values v USING public.erased_records e WHERE v.tenant_id = e.tenant_id AND v.record_id = e.record_id;
  DELETE FROM public.layer_records r USING public.erased_records e WHERE r.tenant_id = e.tenant_id AND r.object = e.object AND r.record_id = e.record_id;
  GET DIAGNOSTICS records = ROW_COUNT;
  UPDATE public.reps r SET name = 'Erased person' FROM public.erased_records e
  WHERE e.tenant_id = r.tenant_id AND e.object = 'User' AND e.record_id = r.external_id AND r.name <> 'Erased person';
  RETURN jsonb_build_object('erased_organisations', tenants, 'erased_people', people, 'erased_records', records);
END
$$;

-- Who may do what, as the replaced database knew it last: a key that was revoked, a password that was changed and
-- a person who was shut out since the archive do not come back.
CREATE FUNCTION restore_access(ledger jsonb, at timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  keys bigint;
  tokens bigint;
  passwords bigint;
  people bigint;
BEGIN
  UPDATE public.api_keys k SET revoked_at = at
  WHERE k.revoked_at IS NULL AND k.key_id::text NOT IN (SELECT jsonb_array_elements_text(ledger -> 'keys'));
  GET DIAGNOSTICS keys = ROW_COUNT;
  UPDATE public.scim_tokens k SET revoked_at = at
  WHERE k.revoked_at IS NULL AND k.token_id::text NOT IN (SELECT jsonb_array_elements_text(ledger -> 'scim_tokens'));
  GET DIAGNOSTICS tokens = ROW_COUNT;
  IF ledger IS NULL THEN
    -- Nobody can say which of them were changed since. Whoever runs the appliance has to get in.
    UPDATE public.users u SET password_hash = NULL WHERE u.password_hash IS NOT NULL AND NOT u.super_admin;
    GET DIAGNOSTICS passwords = ROW_COUNT;
    RETURN jsonb_build_object('keys_revoked', keys, 'provisioning_tokens_revoked', tokens, 'passwords_removed', passwords);
  END IF;
  UPDATE public.users u SET password_hash = e.password, state = e.state, super_admin = e.operator
  FROM jsonb_to_recordset(ledger -> 'users') AS e(person uuid, password text, state text, operator boolean)
  WHERE u.user_id = e.person AND (u.password_hash, u.state, u.super_admin) IS DISTINCT FROM (e.password, e.state, e.operator);
  GET DIAGNOSTICS passwords = ROW_COUNT;
  UPDATE public.users u SET state = 'deactivated', password_hash = NULL
  WHERE u.user_id NOT IN (SELECT (e ->> 'person')::uuid FROM jsonb_array_elements(ledger -> 'users') e);
  GET DIAGNOSTICS people = ROW_COUNT;
  UPDATE public.memberships m SET owner = false WHERE m.owner AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset(ledger -> 'members') AS e(tenant uuid, person uuid, owner boolean)
    WHERE e.tenant = m.tenant_id AND e.person = m.user_id AND e.owner);
  UPDATE public.memberships m SET state = e.state, roles = ARRAY(SELECT jsonb_array_elements_text(e.roles)), owner = e.owner
  FROM jsonb_to_recordset(ledger -> 'members') AS e(tenant uuid, person uuid, state text, roles jsonb, owner boolean)
  WHERE m.tenant_id = e.tenant AND m.user_id = e.person;
  UPDATE public.memberships m SET state = 'deactivated' WHERE m.state <> 'deactivated' AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset(ledger -> 'members') AS e(tenant uuid, person uuid) WHERE e.tenant = m.tenant_id AND e.person = m.user_id);
  DELETE FROM public.totp_factors f WHERE NOT EXISTS (
    SELECT FROM jsonb_to_recordset(ledger -> 'totp') AS e(person uuid, created_at timestamptz) WHERE e.person = f.user_id AND e.created_at = f.created_at);
  DELETE FROM public.passkeys p WHERE p.passkey_id::text NOT IN (SELECT jsonb_array_elements_text(ledger -> 'passkeys'));
  DELETE FROM public.recovery_codes c WHERE encode(c.hash, 'hex') NOT IN (SELECT jsonb_array_elements_text(ledger -> 'recovery_codes'));
  UPDATE public.sso_providers p SET enabled = false WHERE p.enabled AND p.provider_id::text NOT IN (SELECT jsonb_array_elements_text(ledger -> 'providers'));
  RETURN jsonb_build_object('keys_revoked', keys, 'provisioning_tokens_revoked', tokens, 'accounts_as_they_were_last', passwords, 'people_shut_out', people);
END
$$;

-- Holds what would act by itself, ends what was open, and takes away what was good once.
CREATE FUNCTION restore_hold(at timestamptz) RETURNS jsonb
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

-- The whole of it, in one transaction, as the schema's owner. `ledger` is NULL where nobody knows what happened
-- since; `closed` are tenants whose key is gone.
CREATE FUNCTION restore_quarantine(archive_head bigint, archive_at timestamptz, ledger jsonb, closed uuid[], by_whom text, at timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ran uuid[];
  counts jsonb;
BEGIN
  DELETE FROM public.quarantine;
  ran := ARRAY(SELECT r.router_id FROM public.routers r WHERE r.state IN ('active', 'baselining') ORDER BY 1);
  counts := public.restore_erase(coalesce(ledger, '{"tenants": [], "accounts": [], "records": []}'), closed, at);
  counts := counts || public.restore_access(ledger, at) || public.restore_hold(at);
  INSERT INTO public.quarantine (head, taken_at, restored_at, replaced, routers, told)
  VALUES (archive_head, archive_at, at, ledger IS NOT NULL, ran, counts);
  INSERT INTO public.audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id)
  VALUES ('00000000-0000-0000-0000-000000000000', at, gen_random_uuid(), 'system', by_whom, 'appliance_restore', 'done', 'audit_head', coalesce(archive_head, 0)::text);
  RETURN counts;
END
$$;

-- Ends it: work goes on, and the routers that ran begin with a new baseline. False when there is none.
CREATE FUNCTION quarantine_end(by_whom text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was public.quarantine%ROWTYPE;
BEGIN
  IF NOT public.is_worker() THEN RETURN false; END IF;
  DELETE FROM public.quarantine q RETURNING q.* INTO was;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE public.routers r SET state = 'baselining', epoch = r.epoch + 1, version = r.version + 1, updated_at = at
  WHERE r.router_id = ANY (was.routers) AND r.state = 'paused';
  INSERT INTO public.audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id)
  VALUES ('00000000-0000-0000-0000-000000000000', at, gen_random_uuid(), 'system', by_whom, 'appliance_resume', 'done', 'audit_head', coalesce(was.head, 0)::text);
  RETURN true;
END
$$;

-- These go through tables of every tenant; those of a restore are the owner's alone to call.
REVOKE ALL ON FUNCTION is_quarantined(), quarantine_standing(), quarantine_census(), account_rows_erase(uuid, uuid), restore_tenant_erase(uuid),
  restore_erase(jsonb, uuid[], timestamptz), restore_access(jsonb, timestamptz), restore_hold(timestamptz),
  restore_quarantine(bigint, timestamptz, jsonb, uuid[], text, timestamptz), quarantine_end(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_quarantined() TO revkeep_system;
GRANT EXECUTE ON FUNCTION quarantine_standing(), quarantine_census(), quarantine_end(text, timestamptz) TO revkeep_app;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
