DROP FUNCTION api_rate_lease(uuid, timestamptz);
DROP FUNCTION api_requests_forget(timestamptz, integer);
DROP TABLE api_rates;
DROP TABLE api_requests;
DROP VIEW machine_fields, machine_records, machine_values, machine_log, machine_failures, machine_reps, machine_pools, machine_pool_members;
REVOKE SELECT ON layer_fields, layer_records, layer_values, assignments, rules, reps, pools, pool_members FROM revkeep_system;
