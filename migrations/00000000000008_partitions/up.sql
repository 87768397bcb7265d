-- Monthly partitions of the tables that grow, made ahead of time and placed under row security
-- themselves; no runtime role has a right on a partition, so rows are reached through the parent only.

CREATE FUNCTION partitions_ensure(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  parent text;
  month date;
  child text;
  made integer := 0;
BEGIN
  FOREACH parent IN ARRAY ARRAY['audit_log', 'assignments'] LOOP
    FOR month IN
      SELECT generate_series(date_trunc('month', now()) - interval '1 month',
                             date_trunc('month', now()) + make_interval(months => least(greatest(months_ahead, 0), 24)), interval '1 month')::date
    LOOP
      child := parent || '_' || to_char(month, 'YYYY_MM');
      CONTINUE WHEN to_regclass('public.' || child) IS NOT NULL;
      -- Every log entry is changed once, when its owner was written: beside itself, so that no index is.
      EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
        child, parent, month, (month + interval '1 month')::date, CASE parent WHEN 'assignments' THEN 50 ELSE 100 END);
      PERFORM public.place_tenant_table(('public.' || child)::regclass);
      made := made + 1;
    END LOOP;
  END LOOP;
  RETURN made;
END
$$;
REVOKE ALL ON FUNCTION partitions_ensure(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION partitions_ensure(integer) TO revkeep_app;

CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;
SELECT place_tenant_table('audit_log_default');
CREATE TABLE assignments_default PARTITION OF assignments DEFAULT WITH (fillfactor = 50);
SELECT place_tenant_table('assignments_default');
SELECT partitions_ensure(3);

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
