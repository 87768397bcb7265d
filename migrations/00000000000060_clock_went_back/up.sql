-- A clock that was set back leaves schedules, and jobs that they queued, due in a future that may be hours away. What
-- lies further ahead than a schedule ever puts it is due now. The minute is for daemons whose clocks differ a little.
GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end
CREATE OR REPLACE FUNCTION schedules_fire(at timestamptz, most integer) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH due AS (
    SELECT s.tenant_id, s.name FROM public.schedules s
    WHERE (SELECT public.is_worker()) AND NOT (SELECT public.is_quarantined()) AND s.enabled
      AND (s.next_at <= at OR s.next_at > at + make_interval(secs => s.every_seconds + 60))
      AND NOT EXISTS (SELECT FROM public.tenants t WHERE t.tenant_id = s.tenant_id
        AND (t.state = 'read_only' OR (t.state = 'trial' AND t.trial_ends_at <= at)))
    ORDER BY s.next_at LIMIT most FOR UPDATE SKIP LOCKED
  ), fired AS (
    UPDATE public.schedules s SET next_at = at + make_interval(secs => s.every_seconds), last_at = at
    FROM due WHERE s.tenant_id = due.tenant_id AND s.name = due.name
    RETURNING s.tenant_id, s.name, s.kind, s.payload
  ), queued AS (
    INSERT INTO public.jobs AS j (tenant_id, job_id, kind, payload, run_at, max_attempts, dedupe_key, created_at)
    SELECT f.tenant_id, gen_random_uuid(), f.kind, f.payload, at, 1, 'schedule:' || f.name, at FROM fired f
    ON CONFLICT (tenant_id, kind, dedupe_key) WHERE state = 'queued' AND dedupe_key IS NOT NULL
      DO UPDATE SET run_at = EXCLUDED.run_at WHERE j.run_at > EXCLUDED.run_at + interval '1 minute'
    RETURNING 1
  )
  SELECT count(*)::integer FROM queued
$$;
REVOKE CREATE ON SCHEMA public FROM revkeep_system;
