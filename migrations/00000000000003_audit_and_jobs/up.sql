-- The audit log in its erasable shape (CX-35), the queue, the schedules and the leases.

CREATE TABLE audit_keys (
  tenant_id  uuid NOT NULL,
  subject    uuid NOT NULL,                  -- nil: the tenant's key; else the person's
  wrapped    bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, subject)
);
SELECT place_tenant_table('audit_keys');
GRANT SELECT, INSERT ON audit_keys TO revkeep_app, revkeep_auth;

CREATE TABLE audit_log (
  tenant_id     uuid NOT NULL,
  at            timestamptz NOT NULL,
  audit_id      uuid NOT NULL,
  actor_kind    text NOT NULL CHECK (actor_kind IN ('human', 'agent', 'system')),
  actor_id      text NOT NULL,
  action        text NOT NULL,
  outcome       text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  resource_type text NOT NULL,
  resource_id   text NOT NULL,
  request_id    uuid,
  code          text,                        -- why, when refused or failed
  detail_sealed bytea,                       -- before and after, under the tenant's audit key
  origin_sealed bytea,                       -- address and user agent, under the person's audit key
  xid           xid8 NOT NULL DEFAULT pg_current_xact_id(), -- commit order for the sealer
  PRIMARY KEY (tenant_id, at, audit_id)
) PARTITION BY RANGE (at);
SELECT place_tenant_table('audit_log');
CREATE POLICY auditor ON audit_log FOR SELECT TO revkeep_auditor USING (true);
GRANT INSERT ON audit_log TO revkeep_app, revkeep_auth, revkeep_gateway, revkeep_agents;
GRANT SELECT ON audit_log TO revkeep_app, revkeep_auditor;

-- Belt to the grants: not even the owner changes a row (LM-77).
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

CREATE TABLE jobs (
  tenant_id    uuid NOT NULL,
  job_id       uuid NOT NULL,
  kind         text NOT NULL,
  payload      jsonb NOT NULL,
  state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'dead')),
  run_at       timestamptz NOT NULL,
  attempts     integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL CHECK (max_attempts BETWEEN 1 AND 100),
  dedupe_key   text,                         -- at most one queued job of a kind with this key
  fence        bigint NOT NULL DEFAULT 0,    -- raised by each claim; a result of an older claim is refused
  lease_until  timestamptz,
  worker       text,
  error_code   text,
  error_detail text,
  created_at   timestamptz NOT NULL,
  finished_at  timestamptz,
  PRIMARY KEY (tenant_id, job_id)
);
CREATE UNIQUE INDEX jobs_dedupe ON jobs (tenant_id, kind, dedupe_key) WHERE state = 'queued' AND dedupe_key IS NOT NULL;
CREATE INDEX jobs_due ON jobs (run_at) WHERE state = 'queued';
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_census_index ON jobs (kind, state) WHERE state <> 'done';
CREATE INDEX jobs_done ON jobs (finished_at) WHERE state = 'done';
CREATE INDEX jobs_listing ON jobs (tenant_id, state, created_at DESC, job_id DESC);
SELECT place_tenant_table('jobs');
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO revkeep_app;
GRANT INSERT ON jobs TO revkeep_auth;
GRANT SELECT, UPDATE, INSERT, DELETE ON jobs TO revkeep_system;

CREATE TABLE schedules (
  tenant_id     uuid NOT NULL,
  name          text NOT NULL,
  kind          text NOT NULL,
  payload       jsonb NOT NULL,
  every_seconds integer NOT NULL CHECK (every_seconds BETWEEN 1 AND 86400),
  next_at       timestamptz NOT NULL,
  last_at       timestamptz,
  enabled       boolean NOT NULL DEFAULT true,
  PRIMARY KEY (tenant_id, name)
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE enabled;
SELECT place_tenant_table('schedules');
GRANT SELECT, INSERT, UPDATE, DELETE ON schedules TO revkeep_app;
GRANT SELECT, UPDATE ON schedules TO revkeep_system;

CREATE TABLE leases (
  tenant_id uuid NOT NULL,
  name      text NOT NULL,
  owner     text NOT NULL,
  fence     bigint NOT NULL,
  until     timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
SELECT place_tenant_table('leases');
GRANT SELECT, INSERT, UPDATE, DELETE ON leases TO revkeep_app;

-- Work across tenants is the daemon's own: its context is of kind `worker`, which `db` mints for no
-- tenant and no person. Inside a tenant's unit of work these functions find nothing.
CREATE FUNCTION is_worker() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(public.context_part(3) = 'worker', false)
$$;
ALTER FUNCTION is_worker() OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION is_worker() FROM PUBLIC;

-- Takes up to `most` due jobs of the given kinds, across tenants, for one worker. A job whose lease
-- ran out (its worker died) is due again; one whose twin (same kind and dedupe key) runs waits for it.
-- Times come from the caller's clock.
CREATE FUNCTION jobs_claim(kinds text[], by_worker text, at timestamptz, lease interval, most integer)
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
-- Turns due schedules into jobs, once each, whoever calls. A schedule that is late runs once, not many times.
CREATE FUNCTION schedules_fire(at timestamptz, most integer) RETURNS integer
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
-- Forgets finished jobs older than `before`; dead letters stay until a person decides.
CREATE FUNCTION jobs_forget(before timestamptz, most integer) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH old AS (
    SELECT j.tenant_id, j.job_id FROM public.jobs j WHERE (SELECT public.is_worker()) AND j.state = 'done' AND j.finished_at < before LIMIT most FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM public.jobs j USING old WHERE j.tenant_id = old.tenant_id AND j.job_id = old.job_id RETURNING 1
  )
  SELECT count(*)::integer FROM gone
$$;
-- Counts for /metrics: no tenant, no content.
CREATE FUNCTION jobs_census() RETURNS TABLE (kind text, state text, jobs bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT j.kind, j.state, count(*) FROM public.jobs j WHERE (SELECT public.is_worker()) AND j.state <> 'done' GROUP BY 1, 2
$$;
ALTER FUNCTION jobs_claim(text[], text, timestamptz, interval, integer) OWNER TO revkeep_system;
ALTER FUNCTION schedules_fire(timestamptz, integer) OWNER TO revkeep_system;
ALTER FUNCTION jobs_forget(timestamptz, integer) OWNER TO revkeep_system;
ALTER FUNCTION jobs_census() OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION jobs_claim(text[], text, timestamptz, interval, integer), schedules_fire(timestamptz, integer), jobs_forget(timestamptz, integer), jobs_census() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs_claim(text[], text, timestamptz, interval, integer), schedules_fire(timestamptz, integer), jobs_forget(timestamptz, integer), jobs_census() TO revkeep_app;
