-- Which daemons work on this database (`revkeep status`). Each says every few seconds that it is there;
-- nothing is decided by it, since leases and claims have times and fences of their own.
GRANT CREATE ON SCHEMA public TO revkeep_system;

CREATE TABLE daemons (
  name       text PRIMARY KEY COLLATE "C" CHECK (length(name) BETWEEN 1 AND 300),
  version    text NOT NULL CHECK (length(version) <= 100),
  started_at timestamptz NOT NULL,
  seen_at    timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON daemons TO revkeep_system;

-- Says that `own` is there, and forgets who was not for a day.
CREATE FUNCTION daemon_seen(own text, own_version text, since timestamptz, at timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM public.daemons d WHERE (SELECT public.is_worker()) AND d.seen_at < at - interval '1 day';
  INSERT INTO public.daemons (name, version, started_at, seen_at)
  SELECT own, own_version, since, at WHERE (SELECT public.is_worker())
  ON CONFLICT (name) DO UPDATE SET version = excluded.version, started_at = excluded.started_at, seen_at = excluded.seen_at
$$;

-- A daemon that stops says so.
CREATE FUNCTION daemon_gone(own text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM public.daemons d WHERE (SELECT public.is_worker()) AND d.name = own
$$;

-- All of them, with how many leases and jobs each holds at a time: no tenant, no content.
CREATE FUNCTION daemons_census(at timestamptz) RETURNS TABLE (name text, version text, started_at timestamptz, seen_at timestamptz, leases bigint, jobs bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT d.name, d.version, d.started_at, d.seen_at,
         (SELECT count(*) FROM public.leases l WHERE l.until >= at AND (l.owner = d.name OR starts_with(l.owner, d.name || ':'))),
         (SELECT count(*) FROM public.jobs j WHERE j.state = 'running' AND j.lease_until >= at AND j.worker = d.name)
  FROM public.daemons d WHERE (SELECT public.is_worker()) ORDER BY d.started_at, d.name
$$;

ALTER FUNCTION daemon_seen(text, text, timestamptz, timestamptz) OWNER TO revkeep_system;
ALTER FUNCTION daemon_gone(text) OWNER TO revkeep_system;
ALTER FUNCTION daemons_census(timestamptz) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION daemon_seen(text, text, timestamptz, timestamptz), daemon_gone(text), daemons_census(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daemon_seen(text, text, timestamptz, timestamptz), daemon_gone(text), daemons_census(timestamptz) TO revkeep_app;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
