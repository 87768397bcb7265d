DROP FUNCTION sso_saml_provider(uuid);
DROP FUNCTION sso_ticket_tenant(bytea);
DROP TABLE sso_assertions;
DROP TABLE sso_tickets;
DELETE FROM sso_providers WHERE kind = 'saml';
ALTER TABLE sso_providers
  DROP CONSTRAINT sso_providers_saml,
  DROP COLUMN name_attribute,
  DROP COLUMN email_attribute,
  DROP COLUMN certificates,
  DROP COLUMN sign_out_url,
  DROP COLUMN sign_in_url,
  DROP CONSTRAINT sso_providers_kind_check,
  ADD CONSTRAINT sso_providers_kind_check CHECK (kind IN ('oidc'));
