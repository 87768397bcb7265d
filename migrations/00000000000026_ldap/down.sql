DELETE FROM sso_providers WHERE kind = 'ldap';
ALTER TABLE sso_providers
  DROP CONSTRAINT sso_providers_ldap,
  DROP COLUMN directory,
  DROP CONSTRAINT sso_providers_kind_check,
  ADD CONSTRAINT sso_providers_kind_check CHECK (kind IN ('oidc', 'saml'));
