-- Webhooks (LR-35 to LR-38): where a tenant is told of events, and each delivery.
GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end

CREATE TABLE webhooks (
  tenant_id       uuid NOT NULL,
  webhook_id      uuid NOT NULL,
  name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  url             text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
  events          text[] NOT NULL,            -- names of the catalogue; none: all
  enabled         boolean NOT NULL,
  long_retries    boolean NOT NULL,           -- goes on for days after the second attempt
  secret_sealed   bytea NOT NULL,
  previous_sealed bytea,                      -- signs beside the new secret until then
  previous_until  timestamptz,
  failures        integer NOT NULL DEFAULT 0, -- deliveries that failed one after the other
  failing_since   timestamptz,
  stopped_code    text,                       -- why it was switched off by itself
  version         bigint NOT NULL,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, webhook_id)
);
SELECT place_tenant_table('webhooks');
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks TO revkeep_app;

-- One event for one webhook. `event_id` is the message's id: the same in each attempt and replay.
CREATE TABLE webhook_deliveries (
  tenant_id    uuid NOT NULL,
  webhook_id   uuid NOT NULL,
  at           timestamptz NOT NULL,          -- of the event
  event_id     uuid NOT NULL,
  event        text NOT NULL,
  body         text NOT NULL,                 -- what is signed, byte by byte
  state        text NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
  attempts     integer NOT NULL DEFAULT 0,
  next_at      timestamptz,                   -- of one that waits
  status       smallint,                      -- of the last answer
  code         text,                          -- why the last attempt failed
  tried_at     timestamptz,
  milliseconds integer,
  replays      integer NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, webhook_id, at, event_id),
  FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE,
  CHECK ((state = 'waiting') = (next_at IS NOT NULL))
) PARTITION BY RANGE (at);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (tenant_id, webhook_id, next_at) WHERE state = 'waiting';
SELECT place_tenant_table('webhook_deliveries');
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO revkeep_app;
CREATE TABLE webhook_deliveries_default PARTITION OF webhook_deliveries DEFAULT WITH (fillfactor = 50);
SELECT place_tenant_table('webhook_deliveries_default');
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (at);
GRANT SELECT, DELETE ON webhook_deliveries TO revkeep_system;

-- Forgets up to `most` of the oldest deliveries that have ended; how many went.
CREATE FUNCTION webhook_deliveries_forget(before timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone integer;
BEGIN
  IF NOT public.is_worker() THEN RETURN 0; END IF;
  DELETE FROM public.webhook_deliveries d
  USING (SELECT o.tenant_id, o.webhook_id, o.at, o.event_id FROM public.webhook_deliveries o
         WHERE o.at < before AND o.state <> 'waiting' ORDER BY o.at LIMIT least(greatest(most, 1), 10000)) old
  WHERE d.at < before AND (d.tenant_id, d.webhook_id, d.at, d.event_id) = (old.tenant_id, old.webhook_id, old.at, old.event_id);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END
$$;
ALTER FUNCTION webhook_deliveries_forget(timestamptz, integer) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION webhook_deliveries_forget(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhook_deliveries_forget(timestamptz, integer) TO revkeep_app;

-- As before, with the deliveries among the tables that grow.
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
SELECT partitions_ensure(3);

GRANT SELECT ON webhook_deliveries_default TO revkeep_system;
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
