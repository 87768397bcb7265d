DROP FUNCTION quarantine_end(text, timestamptz);
DROP FUNCTION restore_quarantine(bigint, timestamptz, jsonb, uuid[], text, timestamptz);
DROP FUNCTION restore_hold(timestamptz);
DROP FUNCTION restore_access(jsonb, timestamptz);
DROP FUNCTION restore_erase(jsonb, uuid[], timestamptz);
DROP FUNCTION restore_tenant_erase(uuid);
CREATE OR REPLACE FUNCTION account_erase(target uuid, wanted uuid, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  asked public.person_cases%ROWTYPE;
  who uuid;
  alone boolean;
  gone bigint;
  told jsonb := '{}';
BEGIN
  IF NOT public.is_worker() THEN RETURN NULL; END IF;
  SELECT c.* INTO asked FROM public.person_cases c
  WHERE c.tenant_id = target AND c.case_id = wanted AND c.kind = 'account' AND c.state = 'erasing' AND c.due_at <= at FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  who := asked.subject;
  IF EXISTS (SELECT FROM public.memberships m WHERE m.tenant_id = target AND m.user_id = who AND (m.owner OR m.state = 'active'))
    THEN RETURN NULL; END IF;
  IF asked.whole IS NOT NULL THEN RETURN asked.whole; END IF;
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
  UPDATE public.person_cases c SET whole = alone, counts = told WHERE c.tenant_id = target AND c.case_id = wanted;
  RETURN alone;
END
$$;
DROP FUNCTION account_rows_erase(uuid, uuid);
CREATE OR REPLACE FUNCTION siem_targets_enabled() RETURNS TABLE (tenant_id uuid, target_id uuid, version bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id, t.target_id, t.version FROM public.siem_targets t
  WHERE (SELECT public.is_worker()) AND t.enabled ORDER BY t.tenant_id, t.target_id
$$;
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
CREATE OR REPLACE FUNCTION jobs_claim(kinds text[], by_worker text, at timestamptz, lease interval, most integer)
RETURNS TABLE (tenant_id uuid, job_id uuid, kind text, payload jsonb, attempts integer, max_attempts integer, fence bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH due AS (
    SELECT j.tenant_id, j.job_id FROM public.jobs j
    WHERE (SELECT public.is_worker()) AND j.kind = ANY (kinds)
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
DROP FUNCTION quarantine_census();
DROP FUNCTION quarantine_standing();
DROP FUNCTION is_quarantined();
DROP TABLE quarantine;
