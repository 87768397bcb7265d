-- Guards that had a gap.

-- A partition gets its parent's triggers for rows, but not those for statements, of which TRUNCATE has none
-- other: so each partition of the audit log has its own.
CREATE FUNCTION audit_partition_guard(child regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change()', child);
END
$$;
REVOKE ALL ON FUNCTION audit_partition_guard(regclass) FROM PUBLIC;

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

SELECT audit_partition_guard(i.inhrelid::regclass) FROM pg_inherits i WHERE i.inhparent = 'audit_log'::regclass;

-- As before, but everybody who belongs to the tenant is on the list, whether they belong elsewhere or not: of two
-- tenants that are erased at the same time, the one that comes last takes them along.
CREATE OR REPLACE FUNCTION tenant_erase_begin(target uuid, at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  asked public.tenant_deletions%ROWTYPE;
  begun timestamptz;
  queued bigint;
BEGIN
  IF NOT public.is_worker() THEN RETURN NULL; END IF;
  SELECT e.begun_at INTO begun FROM public.tenant_erasures e WHERE e.tenant_id = target;
  IF FOUND THEN RETURN begun; END IF;
  SELECT d.* INTO asked FROM public.tenant_deletions d WHERE d.tenant_id = target AND d.due_at <= at FOR UPDATE;
  IF NOT FOUND OR public.tenant_is_operators_home(target) THEN RETURN NULL; END IF;
  DELETE FROM public.jobs j WHERE j.tenant_id = target;
  GET DIAGNOSTICS queued = ROW_COUNT;
  INSERT INTO public.tenant_erasures (tenant_id, asked_by, by_operator, asked_at, begun_at, people, counts)
  VALUES (target, asked.asked_by, asked.by_operator, asked.asked_at, at,
    ARRAY(SELECT m.user_id FROM public.memberships m JOIN public.users u ON u.user_id = m.user_id
      WHERE m.tenant_id = target AND NOT u.super_admin
      ORDER BY m.user_id),
    jsonb_build_object('jobs', queued));
  UPDATE public.memberships m SET state = 'deactivated', owner = false, epoch = m.epoch + 1 WHERE m.tenant_id = target;
  UPDATE public.sessions s SET ended_at = at, end_reason = 'tenant_erased' WHERE s.tenant_id = target AND s.ended_at IS NULL;
  UPDATE public.support_visits v SET left_at = at WHERE v.tenant_id = target AND v.left_at IS NULL;
  UPDATE public.api_keys k SET revoked_at = at WHERE k.tenant_id = target AND k.revoked_at IS NULL;
  UPDATE public.scim_tokens k SET revoked_at = at WHERE k.tenant_id = target AND k.revoked_at IS NULL;
  UPDATE public.invitations i SET expires_at = least(i.expires_at, at) WHERE i.tenant_id = target;
  UPDATE public.sso_providers p SET enabled = false WHERE p.tenant_id = target;
  UPDATE public.tenants t SET appliance_sso = false WHERE t.tenant_id = target;
  UPDATE public.schedules s SET enabled = false WHERE s.tenant_id = target;
  RETURN at;
END
$$;

-- As before, but those count who are really gone: whoever still belongs to a tenant stays.
CREATE OR REPLACE FUNCTION tenant_erase_people(target uuid, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  listed uuid[];
  some_of uuid[];
  there bigint;
  gone bigint;
BEGIN
  IF NOT public.is_worker() THEN RETURN NULL; END IF;
  SELECT e.people INTO listed FROM public.tenant_erasures e WHERE e.tenant_id = target AND e.finished_at IS NULL FOR UPDATE;
  IF NOT FOUND OR cardinality(listed) = 0 THEN RETURN NULL; END IF;
  some_of := listed[1 : least(greatest(most, 1), 1000)];
  UPDATE public.users u SET home_tenant_id = NULL WHERE u.home_tenant_id = target AND u.user_id = ANY (some_of);
  SELECT count(*) INTO there FROM public.users u WHERE u.user_id = ANY (some_of);
  gone := public.people_erase(some_of);
  there := there - (SELECT count(*) FROM public.users u WHERE u.user_id = ANY (some_of));
  UPDATE public.tenant_erasures e
  SET people = listed[cardinality(some_of) + 1 : ],
      counts = jsonb_set(jsonb_set(e.counts, '{people}', to_jsonb(coalesce((e.counts ->> 'people')::bigint, 0) + there)),
                         '{rows_of_people}', to_jsonb(coalesce((e.counts ->> 'rows_of_people')::bigint, 0) + gone))
  WHERE e.tenant_id = target;
  RETURN gone;
END
$$;
