GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back below
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
          FROM unnest(ARRAY['audit_log', 'assignments', 'webhook_deliveries']) parent, generate_series(0, 3) ahead) p
    UNION ALL
    -- No more than a thousand of each are counted.
    SELECT 'rows_without_partition', 0, (SELECT count(*) FROM (SELECT FROM public.audit_log_default LIMIT 1000) a)
                                      + (SELECT count(*) FROM (SELECT FROM public.assignments_default LIMIT 1000) a)
                                      + (SELECT count(*) FROM (SELECT FROM public.webhook_deliveries_default LIMIT 1000) a)
  ) rules WHERE (SELECT public.is_worker())
$$;
REVOKE CREATE ON SCHEMA public FROM revkeep_system;
DROP TABLE decision_inputs;
DROP TABLE removed_fields;
DROP TABLE rule_versions;
ALTER TABLE routers DROP COLUMN published, DROP COLUMN recomputed;

CREATE OR REPLACE FUNCTION partitions_ensure(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  parent text;
  month date;
  child text;
  made integer := 0;
BEGIN
  FOREACH parent IN ARRAY ARRAY['audit_log', 'assignments', 'webhook_deliveries'] LOOP
    FOR month IN
      SELECT generate_series(date_trunc('month', now()) - interval '1 month',
                             date_trunc('month', now()) + make_interval(months => least(greatest(months_ahead, 0), 24)), interval '1 month')::date
    LOOP
      child := parent || '_' || to_char(month, 'YYYY_MM');
      CONTINUE WHEN to_regclass('public.' || child) IS NOT NULL;
      -- What is changed once, when it was written or delivered, is changed beside itself.
      BEGIN
        EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
          child, parent, month, (month + interval '1 month')::date, CASE parent WHEN 'audit_log' THEN 100 ELSE 50 END);
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

CREATE OR REPLACE FUNCTION finds_erase(target uuid, wanted uuid, at timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  asked public.person_cases%ROWTYPE;
  find record;
  settled integer := 0;
  gone bigint;
BEGIN
  IF NOT public.is_worker() THEN RETURN NULL; END IF;
  SELECT c.* INTO asked FROM public.person_cases c
  WHERE c.tenant_id = target AND c.case_id = wanted AND c.kind = 'search' AND c.state = 'erasing' FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  FOR find IN
    SELECT f.place, f.row_key FROM public.person_finds f
    WHERE f.tenant_id = target AND f.case_id = wanted AND (f.own OR asked.mentions)
      AND f.place IN ('layer_records', 'reps', 'time_off', 'invitations')
    ORDER BY f.place, f.row_key LIMIT least(greatest(most, 1), 1000)
  LOOP
    gone := 0;
    IF find.place = 'layer_records' THEN
      INSERT INTO public.erased_records (tenant_id, object, record_id, erased_at)
      VALUES (target, find.row_key[1], find.row_key[2], at) ON CONFLICT DO NOTHING;
      DELETE FROM public.layer_values v WHERE v.tenant_id = target AND v.record_id = find.row_key[2];
      DELETE FROM public.layer_records r WHERE r.tenant_id = target AND r.object = find.row_key[1] AND r.record_id = find.row_key[2];
      GET DIAGNOSTICS gone = ROW_COUNT;
    ELSIF find.place = 'reps' THEN
      INSERT INTO public.erased_records (tenant_id, object, record_id, erased_at)
      SELECT target, 'User', r.external_id, at FROM public.reps r WHERE r.tenant_id = target AND r.rep_id = find.row_key[1]::uuid
      ON CONFLICT DO NOTHING;
      UPDATE public.reps r SET name = 'Erased person' WHERE r.tenant_id = target AND r.rep_id = find.row_key[1]::uuid;
      GET DIAGNOSTICS gone = ROW_COUNT;
    ELSIF find.place = 'time_off' THEN
      UPDATE public.time_off t SET reason = 'erased' WHERE t.tenant_id = target AND t.time_off_id = find.row_key[1]::uuid;
      GET DIAGNOSTICS gone = ROW_COUNT;
    ELSE
      DELETE FROM public.invitations i WHERE i.tenant_id = target AND i.invitation_id = find.row_key[1]::uuid;
      GET DIAGNOSTICS gone = ROW_COUNT;
    END IF;
    DELETE FROM public.person_finds f
    WHERE f.tenant_id = target AND f.case_id = wanted AND f.place = find.place AND f.row_key = find.row_key;
    UPDATE public.person_cases c
    SET counts = jsonb_set(c.counts, ARRAY[find.place::text], to_jsonb(coalesce((c.counts ->> find.place)::bigint, 0) + gone))
    WHERE c.tenant_id = target AND c.case_id = wanted;
    settled := settled + 1;
  END LOOP;
  RETURN settled;
END
$$;
