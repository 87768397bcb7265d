-- What the work on keys needs to see across tenants (OB-07): ids and counts, for the daemon's own
-- context alone. Sealed values themselves are read and stored in the context of their tenant or person.
GRANT CREATE ON SCHEMA public TO revkeep_system;

-- A rewrapped audit key takes its old form's place; nothing else of the row changes.
GRANT UPDATE (wrapped) ON audit_keys TO revkeep_app;

CREATE FUNCTION tenants_all() RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id FROM public.tenants t WHERE (SELECT public.is_worker()) ORDER BY 1
$$;
CREATE FUNCTION users_after(last uuid, most integer) RETURNS TABLE (user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT u.user_id FROM public.users u WHERE (SELECT public.is_worker()) AND (last IS NULL OR u.user_id > last)
  ORDER BY 1 LIMIT least(greatest(most, 0), 1000)
$$;
-- How far the jobs of one `revkeep keys rewrap` are: what each remembers of itself, by state.
CREATE INDEX jobs_rewraps ON jobs ((payload ->> 'run')) WHERE kind = 'keys.rewrap';
CREATE FUNCTION rewraps_census(wanted text) RETURNS TABLE (state text, tenants bigint, seen bigint, moved bigint, error_code text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT j.state, count(*), coalesce(sum((j.payload ->> 'seen')::bigint), 0)::bigint,
         coalesce(sum((j.payload ->> 'moved')::bigint), 0)::bigint, min(j.error_code)
  FROM public.jobs j
  WHERE (SELECT public.is_worker()) AND j.kind = 'keys.rewrap' AND j.payload ->> 'run' = wanted
  GROUP BY 1
$$;
ALTER FUNCTION tenants_all() OWNER TO revkeep_system;
ALTER FUNCTION users_after(uuid, integer) OWNER TO revkeep_system;
ALTER FUNCTION rewraps_census(text) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION tenants_all(), users_after(uuid, integer), rewraps_census(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_all(), users_after(uuid, integer), rewraps_census(text) TO revkeep_app;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
