-- LDAP directories and Active Directory (OB-11, CX-14): a provider that is asked with the name and password
-- that somebody typed here. The password of its service account is sealed as a client's secret is.

ALTER TABLE sso_providers
  DROP CONSTRAINT sso_providers_kind_check,
  ADD CONSTRAINT sso_providers_kind_check CHECK (kind IN ('oidc', 'saml', 'ldap')),
  ADD COLUMN directory jsonb,                -- servers, bases, filters: identity::sso::LdapSettings
  ADD CONSTRAINT sso_providers_ldap CHECK ((kind = 'ldap') = (directory IS NOT NULL));
