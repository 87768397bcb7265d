DROP FUNCTION upkeep_census(timestamptz);
DROP FUNCTION migrations_run();
REVOKE SELECT ON __diesel_schema_migrations, audit_log_default, assignments_default, siem_cursors FROM revkeep_system;
