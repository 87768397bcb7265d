-- Records of all tenants that are on their way or need a hand, by state, for the appliance's figures. Settled ones
-- are not counted: they are most of the table, and the partial index has none of them.
GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end
GRANT SELECT ON routing_records TO revkeep_system;

CREATE FUNCTION routing_census() RETURNS TABLE (state text, records bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.state, count(*) FROM public.routing_records r
  WHERE (SELECT public.is_worker()) AND r.state IN ('waiting', 'proposed', 'failed', 'in_doubt') GROUP BY 1
$$;
ALTER FUNCTION routing_census() OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION routing_census() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION routing_census() TO revkeep_app;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
