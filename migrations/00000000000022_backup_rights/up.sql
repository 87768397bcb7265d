-- A dump says which migrations it has. diesel makes this table before the first migration grants
-- anything. The key of the tenant context stays out of every dump: it is told anew by set-up.
GRANT SELECT ON __diesel_schema_migrations TO revkeep_backup;
