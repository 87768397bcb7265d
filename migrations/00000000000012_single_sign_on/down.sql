DROP FUNCTION sso_domains_waiting();
DROP FUNCTION sso_domain_verify(uuid, text, uuid, timestamptz);
DROP FUNCTION sso_only_enforce(timestamptz);
DROP FUNCTION sso_sessions_end(uuid, timestamptz, text);
DROP FUNCTION sso_password_barred();
DROP FUNCTION sso_provider_of_domain(text);
DROP FUNCTION sso_provider_tenant(uuid);
DROP FUNCTION sso_flow_tenant(bytea);
REVOKE UPDATE (password_hash) ON users FROM revkeep_system;
REVOKE SELECT, DELETE ON password_history FROM revkeep_system;
DROP TABLE sso_flows;
DROP TABLE sso_identities;
DROP TABLE sso_domains;
DROP TABLE sso_providers;
ALTER TABLE sessions
  DROP CONSTRAINT sessions_provider_and_tenant,
  DROP CONSTRAINT sessions_stay_with_their_provider,
  DROP COLUMN sso_provider_id,
  DROP COLUMN sso_tenant_id;
ALTER TABLE device_grants DROP COLUMN sso_provider_id;
ALTER TABLE users DROP COLUMN home_tenant_id;
ALTER TABLE tenants DROP COLUMN sso_only;
