DROP FUNCTION finds_erase(uuid, uuid, timestamptz, integer);
DROP FUNCTION account_erase(uuid, uuid, timestamptz);
DROP TABLE erased_records;
DROP TABLE person_finds;
DROP TABLE person_cases;
-- An archive of a person is not one of the tenant.
DELETE FROM tenant_exports WHERE scope <> 'tenant';
DROP INDEX tenant_exports_one;
ALTER TABLE tenant_exports DROP COLUMN scope, DROP COLUMN subject;
CREATE UNIQUE INDEX tenant_exports_one ON tenant_exports (tenant_id) WHERE state IN ('waiting', 'running');
