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
