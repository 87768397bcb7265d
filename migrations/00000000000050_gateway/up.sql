-- What machines reach (LR-01, LR-03): views of the data layer and of the routing, for the role revkeep_gateway, which
-- has no right on any table behind them. A view shows the columns that stand in it; a column that a table gets
-- later is in none until a migration puts it there. Each view belongs to revkeep_system, whose policies see every
-- tenant, so that each asks for the tenant itself, as the view `people` does.
GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end
GRANT SELECT ON layer_fields, layer_records, layer_values, assignments, rules, reps, pools, pool_members TO revkeep_system;

CREATE VIEW machine_fields WITH (security_barrier = true) AS
  SELECT f.tenant_id, f.object, f.name, f.label, f.data_type, f.data_class, f.reason, f.searchable, f.required, f.added_at
  FROM layer_fields f WHERE f.tenant_id = (SELECT current_tenant());

-- Only values whose field is in the policy at this moment, whatever stands in the row.
CREATE VIEW machine_records WITH (security_barrier = true) AS
  SELECT r.tenant_id, r.object, r.record_id, r.owner_id,
    coalesce((SELECT jsonb_object_agg(f.name, r.fields -> f.name) FROM layer_fields f
      WHERE f.tenant_id = r.tenant_id AND f.object = r.object AND r.fields ? f.name), '{}'::jsonb) AS fields,
    r.source_created_at, r.source_modified_at, r.imported_at
  FROM layer_records r WHERE r.tenant_id = (SELECT current_tenant());

-- Values that can be searched for, normalised.
CREATE VIEW machine_values WITH (security_barrier = true) AS
  SELECT v.tenant_id, f.object, f.name, v.value, v.record_id
  FROM layer_fields f JOIN layer_values v ON v.tenant_id = f.tenant_id AND v.field_id = f.field_id
  WHERE f.tenant_id = (SELECT current_tenant()) AND f.searchable;

CREATE VIEW machine_log WITH (security_barrier = true) AS
  SELECT a.tenant_id, a.decided_at, a.assignment_id, a.object, a.record_id, a.rule_id, a.rule_version,
    (SELECT r.name FROM rules r WHERE r.tenant_id = a.tenant_id AND r.rule_id = a.rule_id) AS rule_name,
    a.target_kind, a.target_id, a.rep_id,
    (SELECT p.name FROM reps p WHERE p.tenant_id = a.tenant_id AND p.rep_id = a.rep_id) AS rep_name,
    a.new_owner, a.previous_owner, a.state, a.outcome_code, a.source_created_at, a.sent_at, a.written_at
  FROM assignments a WHERE a.tenant_id = (SELECT current_tenant());

-- What is not settled; a record that reached its owner is in the log.
CREATE VIEW machine_failures WITH (security_barrier = true) AS
  SELECT m.tenant_id, m.object, m.record_id, m.state, m.reason_code, m.attempts, m.next_attempt_at, m.first_seen_at, m.updated_at
  FROM routing_records m
  WHERE m.tenant_id = (SELECT current_tenant()) AND m.state NOT IN ('baseline', 'assigned');

CREATE VIEW machine_reps WITH (security_barrier = true) AS
  SELECT r.tenant_id, r.rep_id, r.external_id, r.name, r.active, r.paused, r.time_zone, r.cap_hour, r.cap_day, r.cap_week,
    r.last_assigned_at, r.synced_at
  FROM reps r WHERE r.tenant_id = (SELECT current_tenant());

CREATE VIEW machine_pools WITH (security_barrier = true) AS
  SELECT p.tenant_id, p.pool_id, p.name, p.version, p.cap_hour, p.cap_day, p.cap_week, p.created_at, p.updated_at
  FROM pools p WHERE p.tenant_id = (SELECT current_tenant());

CREATE VIEW machine_pool_members WITH (security_barrier = true) AS
  SELECT m.tenant_id, m.pool_id, m.rep_id, m.weight
  FROM pool_members m WHERE m.tenant_id = (SELECT current_tenant());

ALTER VIEW machine_fields OWNER TO revkeep_system;
ALTER VIEW machine_records OWNER TO revkeep_system;
ALTER VIEW machine_values OWNER TO revkeep_system;
ALTER VIEW machine_log OWNER TO revkeep_system;
ALTER VIEW machine_failures OWNER TO revkeep_system;
ALTER VIEW machine_reps OWNER TO revkeep_system;
ALTER VIEW machine_pools OWNER TO revkeep_system;
ALTER VIEW machine_pool_members OWNER TO revkeep_system;
REVOKE ALL ON machine_fields, machine_records, machine_values, machine_log, machine_failures, machine_reps, machine_pools, machine_pool_members FROM PUBLIC;
GRANT SELECT ON machine_fields, machine_records, machine_values, machine_log, machine_failures, machine_reps, machine_pools, machine_pool_members TO revkeep_gateway;

-- Requests of interface keys (LR-34): who asked what, from where, with which outcome. The query is not kept,
-- because filters name people. Rows older than the record is kept go hour by hour.
CREATE TABLE api_requests (
  tenant_id    uuid NOT NULL,
  key_id       uuid NOT NULL,
  at           timestamptz NOT NULL,
  request_id   uuid NOT NULL,
  method       text NOT NULL,
  path         text NOT NULL,
  status       smallint,                      -- NULL: it ended before there was an answer
  address      text NOT NULL,
  milliseconds integer NOT NULL,
  PRIMARY KEY (tenant_id, key_id, at, request_id)
);
CREATE INDEX api_requests_by_age ON api_requests (at);
SELECT place_tenant_table('api_requests');
GRANT INSERT ON api_requests TO revkeep_gateway;
GRANT SELECT ON api_requests TO revkeep_app;
GRANT SELECT, DELETE ON api_requests TO revkeep_system;

-- Forgets up to `most` of the oldest requests; how many went.
CREATE FUNCTION api_requests_forget(before timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone integer;
BEGIN
  IF NOT public.is_worker() THEN RETURN 0; END IF;
  DELETE FROM public.api_requests
  WHERE ctid = ANY (ARRAY(SELECT r.ctid FROM public.api_requests r WHERE r.at < before ORDER BY r.at LIMIT least(greatest(most, 1), 10000)));
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END
$$;
ALTER FUNCTION api_requests_forget(timestamptz, integer) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION api_requests_forget(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api_requests_forget(timestamptz, integer) TO revkeep_app;

-- A key's minute (LR-33), counted for all daemons: it begins with its first request.
CREATE TABLE api_rates (
  tenant_id uuid NOT NULL,
  key_id    uuid NOT NULL,
  began_at  timestamptz NOT NULL,
  taken     integer NOT NULL,
  PRIMARY KEY (tenant_id, key_id)
) WITH (fillfactor = 50);                     -- changed beside itself: no index has the counter
SELECT place_tenant_table('api_rates');
GRANT SELECT ON api_rates TO revkeep_app;
GRANT SELECT, INSERT, UPDATE ON api_rates TO revkeep_system;

-- Permits for one daemon to spend until the minute ends. A block is at most ten, and a quarter of what is left, so
-- that what one daemon holds unspent is little where another has none. No key of this tenant: no row.
CREATE FUNCTION api_rate_lease(wanted uuid, at timestamptz) RETURNS TABLE (granted integer, remaining integer, ends_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  quota constant integer := 100;
  minute constant interval := interval '1 minute';
  whose uuid := public.current_tenant();
  held public.api_rates%ROWTYPE;
  block integer;
BEGIN
  IF NOT EXISTS (SELECT FROM public.api_keys k WHERE k.tenant_id = whose AND k.key_id = wanted) THEN RETURN; END IF;
  -- The update takes the row's lock even where it changes nothing: two daemons are served one after the other.
  INSERT INTO public.api_rates AS r (tenant_id, key_id, began_at, taken) VALUES (whose, wanted, at, 0)
  ON CONFLICT (tenant_id, key_id) DO UPDATE SET
    taken = CASE WHEN r.began_at + minute <= at OR r.began_at > at + minute THEN 0 ELSE r.taken END,
    began_at = CASE WHEN r.began_at + minute <= at OR r.began_at > at + minute THEN at ELSE r.began_at END
  RETURNING r.* INTO held;
  block := least(10, (quota - held.taken + 3) / 4);
  UPDATE public.api_rates r SET taken = r.taken + block WHERE r.tenant_id = whose AND r.key_id = wanted;
  RETURN QUERY SELECT block, quota - held.taken - block, held.began_at + minute;
END
$$;
ALTER FUNCTION api_rate_lease(uuid, timestamptz) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION api_rate_lease(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api_rate_lease(uuid, timestamptz) TO revkeep_gateway;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
