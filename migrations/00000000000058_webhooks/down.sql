GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end
CREATE OR REPLACE FUNCTION upkeep_census(at timestamptz) RETURNS TABLE (rule text, seen bigint, broken bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT rules.rule, rules.seen, rules.broken FROM (
    SELECT 'interface_keys_old' AS rule, count(*) AS seen, count(*) FILTER (WHERE k.created_at < $1 - interval '180 days') AS broken
    FROM public.api_keys k WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
    UNION ALL
    -- A token that nobody renewed for so long, or whose renewal was begun and never settled.
    SELECT 'tokens_not_renewed', count(*),
           count(*) FILTER (WHERE coalesce(c.refreshed_at, c.connected_at) < $1 - interval '90 days' OR c.refresh_started_at < $1 - interval '1 day')
    FROM public.connections c WHERE c.state = 'connected'
    UNION ALL
    SELECT 'connections_broken', count(*), count(*) FILTER (WHERE c.state = 'broken') FROM public.connections c
    UNION ALL
    SELECT 'jobs_dead', count(*), count(*) FILTER (WHERE j.state = 'dead') FROM public.jobs j WHERE j.state <> 'done'
    UNION ALL
    SELECT 'jobs_late', count(*), count(*) FILTER (WHERE j.run_at < $1 - interval '15 minutes') FROM public.jobs j WHERE j.state = 'queued'
    UNION ALL
    -- Entries that were sealed ten minutes ago and that the target does not have.
    SELECT 'streams_late', count(*), count(*) FILTER (WHERE s.failing OR EXISTS (
             SELECT FROM public.audit_leaves l WHERE l.position >= s.next_position AND l.at < $1 - interval '10 minutes'
               AND (t.tenant_id = '00000000-0000-0000-0000-000000000000' OR l.tenant_id = t.tenant_id)))
    FROM public.siem_targets t JOIN public.siem_cursors s ON s.tenant_id = t.tenant_id AND s.target_id = t.target_id WHERE t.enabled
    UNION ALL
    SELECT 'partitions_missing', count(*), count(*) FILTER (WHERE to_regclass('public.' || p.parent || to_char(p.month, '_YYYY_MM')) IS NULL)
    FROM (SELECT parent, date_trunc('month', $1) + make_interval(months => ahead) AS month
          FROM unnest(ARRAY['audit_log', 'assignments']) parent, generate_series(0, 3) ahead) p
    UNION ALL
    -- No more than a thousand of each are counted.
    SELECT 'rows_without_partition', 0, (SELECT count(*) FROM (SELECT FROM public.audit_log_default LIMIT 1000) a)
                                      + (SELECT count(*) FROM (SELECT FROM public.assignments_default LIMIT 1000) a)
  ) rules WHERE (SELECT public.is_worker())
$$;
REVOKE CREATE ON SCHEMA public FROM revkeep_system;
CREATE OR REPLACE FUNCTION partitions_ensure(months_ahead integer) RETURNS integer
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
      BEGIN
        EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
          child, parent, month, (month + interval '1 month')::date, CASE parent WHEN 'assignments' THEN 50 ELSE 100 END);
      EXCEPTION WHEN check_violation THEN
        -- The default partition has rows of this month, so they stay there; the other months are made all the same.
        RAISE WARNING 'no partition % is made: rows of that month stand in %_default', child, parent;
        CONTINUE;
      END;
      PERFORM public.place_tenant_table(('public.' || child)::regclass);
      IF parent = 'audit_log' THEN
        PERFORM public.audit_partition_guard(('public.' || child)::regclass);
      END IF;
      made := made + 1;
    END LOOP;
  END LOOP;
  RETURN made;
END
$$;
DROP FUNCTION webhook_deliveries_forget(timestamptz, integer);
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
