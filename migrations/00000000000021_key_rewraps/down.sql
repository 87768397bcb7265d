DROP FUNCTION rewraps_census(text);
DROP FUNCTION users_after(uuid, integer);
DROP FUNCTION tenants_all();
DROP INDEX jobs_rewraps;
REVOKE UPDATE (wrapped) ON audit_keys FROM revkeep_app;
