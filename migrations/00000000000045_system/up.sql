-- What the System page shows: what waits in the queue, who holds leases, a sample a minute of each daemon, and
-- when upkeep that the daemon does not do itself was last done. Counts, sizes and times; nobody's data.
GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end

-- A daemon's own figures of the minute that ended at `at`, and those of the whole as it saw them then.
CREATE TABLE daemon_samples (
  at             timestamptz NOT NULL,
  daemon         text NOT NULL COLLATE "C" CHECK (length(daemon) BETWEEN 1 AND 300),
  answers        bigint NOT NULL,
  errors         bigint NOT NULL,          -- answers with a status of 500 and above
  p50_ms         double precision,         -- null where nothing was answered
  p95_ms         double precision,
  memory         bigint NOT NULL,
  disk_free      bigint NOT NULL,
  waiting        bigint NOT NULL,          -- jobs that are due
  waited_seconds bigint NOT NULL,          -- the oldest of them
  dead           bigint NOT NULL,
  database_bytes bigint NOT NULL,
  connections    bigint NOT NULL,
  unsealed       bigint NOT NULL,
  PRIMARY KEY (at, daemon)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON daemon_samples TO revkeep_system;

-- Keeps one sample a minute and daemon, and forgets what is older than eight days.
CREATE FUNCTION daemon_sampled(own text, at timestamptz, answers bigint, errors bigint, p50_ms double precision, p95_ms double precision,
  memory bigint, disk_free bigint, waiting bigint, waited_seconds bigint, dead bigint, database_bytes bigint, connections bigint, unsealed bigint)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM public.daemon_samples s WHERE (SELECT public.is_worker()) AND s.at < $2 - interval '8 days';
  INSERT INTO public.daemon_samples (at, daemon, answers, errors, p50_ms, p95_ms, memory, disk_free, waiting, waited_seconds, dead, database_bytes, connections, unsealed)
  SELECT date_trunc('minute', $2), $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 WHERE (SELECT public.is_worker())
  ON CONFLICT DO NOTHING
$$;

-- Samples of all daemons since `since`, drawn together over steps: load is added up, of the rest the worst counts.
CREATE FUNCTION daemon_series(since timestamptz, step_seconds integer)
RETURNS TABLE (at timestamptz, daemons bigint, minutes bigint, answers bigint, errors bigint, p50_ms double precision, p95_ms double precision, memory bigint, disk_free bigint,
               waiting bigint, waited_seconds bigint, dead bigint, database_bytes bigint, connections bigint, unsealed bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT date_bin(make_interval(secs => least(greatest(step_seconds, 60), 86400)), s.at, '2000-01-01') AS step, count(DISTINCT s.daemon), count(DISTINCT s.at),
         sum(s.answers)::bigint, sum(s.errors)::bigint, max(s.p50_ms), max(s.p95_ms), max(s.memory), min(s.disk_free),
         max(s.waiting), max(s.waited_seconds), max(s.dead), max(s.database_bytes), max(s.connections), max(s.unsealed)
  FROM public.daemon_samples s WHERE (SELECT public.is_worker()) AND s.at >= since GROUP BY step ORDER BY step DESC LIMIT 400
$$;

-- Jobs that are not done: how many are due, and since when the oldest of them.
CREATE FUNCTION queue_census(at timestamptz) RETURNS TABLE (kind text, state text, jobs bigint, due bigint, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT j.kind, j.state, count(*), count(*) FILTER (WHERE j.state = 'queued' AND j.run_at <= $1),
         min(CASE j.state WHEN 'dead' THEN j.finished_at WHEN 'running' THEN j.created_at ELSE CASE WHEN j.run_at <= $1 THEN j.run_at END END)
  FROM public.jobs j WHERE (SELECT public.is_worker()) AND j.state <> 'done' GROUP BY 1, 2 ORDER BY 1, 2
$$;

-- Leases that are held at `at`, by what each is for. The rest of a name is an id.
CREATE FUNCTION leases_census(at timestamptz) RETURNS TABLE (owner text, purpose text, leases bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT l.owner, split_part(l.name, ' ', 1), count(*) FROM public.leases l
  WHERE (SELECT public.is_worker()) AND l.until >= $1 GROUP BY 1, 2 ORDER BY 1, 2
$$;

-- Rewraps of which some job is not done yet: of how many organisations, and how many are through.
CREATE FUNCTION rewraps_open() RETURNS TABLE (total bigint, done bigint, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*), count(*) FILTER (WHERE j.state = 'done'), min(j.created_at) FROM public.jobs j
  WHERE (SELECT public.is_worker()) AND j.kind = 'keys.rewrap'
  GROUP BY j.payload ->> 'run' HAVING bool_or(j.state IN ('queued', 'running')) ORDER BY 3
$$;

-- Upkeep that somebody else does, such as a backup, when it was last done.
CREATE TABLE upkeep_marks (
  what   text PRIMARY KEY COLLATE "C" CHECK (length(what) BETWEEN 1 AND 50),
  at     timestamptz NOT NULL,
  detail jsonb NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON upkeep_marks TO revkeep_system;
CREATE FUNCTION upkeep_mark(done text, at timestamptz, detail jsonb) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO public.upkeep_marks AS m (what, at, detail) SELECT $1, $2, $3 WHERE (SELECT public.is_worker())
  ON CONFLICT (what) DO UPDATE SET at = excluded.at, detail = excluded.detail WHERE m.at <= excluded.at
$$;
CREATE FUNCTION upkeep_marked() RETURNS TABLE (what text, at timestamptz, detail jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT m.what, m.at, m.detail FROM public.upkeep_marks m WHERE (SELECT public.is_worker()) ORDER BY 1
$$;

ALTER FUNCTION daemon_sampled(text, timestamptz, bigint, bigint, double precision, double precision, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint) OWNER TO revkeep_system;
ALTER FUNCTION daemon_series(timestamptz, integer) OWNER TO revkeep_system;
ALTER FUNCTION queue_census(timestamptz) OWNER TO revkeep_system;
ALTER FUNCTION leases_census(timestamptz) OWNER TO revkeep_system;
ALTER FUNCTION rewraps_open() OWNER TO revkeep_system;
ALTER FUNCTION upkeep_mark(text, timestamptz, jsonb) OWNER TO revkeep_system;
ALTER FUNCTION upkeep_marked() OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION daemon_sampled(text, timestamptz, bigint, bigint, double precision, double precision, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint),
  daemon_series(timestamptz, integer), queue_census(timestamptz), leases_census(timestamptz), rewraps_open(), upkeep_mark(text, timestamptz, jsonb), upkeep_marked() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daemon_sampled(text, timestamptz, bigint, bigint, double precision, double precision, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint),
  daemon_series(timestamptz, integer), queue_census(timestamptz), leases_census(timestamptz), rewraps_open(), upkeep_mark(text, timestamptz, jsonb), upkeep_marked() TO revkeep_app;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
