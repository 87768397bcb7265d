-- SAML 2.0 (OB-11, CX-34): providers that speak it, verified responses that wait for the browser that
-- began, and the assertions that were used.

GRANT CREATE ON SCHEMA public TO revkeep_system;

ALTER TABLE sso_providers
  DROP CONSTRAINT sso_providers_kind_check,
  ADD CONSTRAINT sso_providers_kind_check CHECK (kind IN ('oidc', 'saml')),
  ADD COLUMN sign_in_url text,               -- HTTP-Redirect, SAML bindings section 3.4
  ADD COLUMN sign_out_url text,
  ADD COLUMN certificates text[] NOT NULL DEFAULT '{}', -- X.509, DER in base64: public
  ADD COLUMN email_attribute text,           -- NULL: the usual names
  ADD COLUMN name_attribute text,
  ADD CONSTRAINT sso_providers_saml CHECK (kind <> 'saml' OR (sign_in_url IS NOT NULL AND cardinality(certificates) BETWEEN 1 AND 10));

-- What a verified response said, until the page that the browser was sent to fetches it: once, within
-- two minutes, by the browser that began the sign-in.
CREATE TABLE sso_tickets (
  tenant_id   uuid NOT NULL,
  ticket_hash bytea NOT NULL UNIQUE,         -- SHA-256 of what stands in the page's fragment
  provider_id uuid NOT NULL,
  browser_hash bytea NOT NULL,               -- of the sign-in's cookie
  claims_sealed bytea NOT NULL,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, ticket_hash),
  FOREIGN KEY (tenant_id, provider_id) REFERENCES sso_providers ON DELETE CASCADE
);
CREATE INDEX sso_tickets_by_age ON sso_tickets (tenant_id, expires_at);
SELECT place_tenant_table('sso_tickets');
GRANT SELECT, INSERT, DELETE ON sso_tickets TO revkeep_auth;
GRANT SELECT ON sso_tickets TO revkeep_system;

-- Assertions that were accepted, until they are refused for their age anyway.
CREATE TABLE sso_assertions (
  tenant_id   uuid NOT NULL,
  provider_id uuid NOT NULL,
  assertion_hash bytea NOT NULL,             -- SHA-256 of its ID
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, provider_id, assertion_hash),
  FOREIGN KEY (tenant_id, provider_id) REFERENCES sso_providers ON DELETE CASCADE
);
CREATE INDEX sso_assertions_by_age ON sso_assertions (tenant_id, expires_at);
SELECT place_tenant_table('sso_assertions');
GRANT SELECT, INSERT, DELETE ON sso_assertions TO revkeep_auth;

CREATE FUNCTION sso_ticket_tenant(wanted bytea) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id FROM public.sso_tickets t WHERE t.ticket_hash = wanted
$$;
-- Whether our metadata for this provider may be shown, before it is enabled as well.
CREATE FUNCTION sso_saml_provider(wanted uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM public.sso_providers p WHERE p.provider_id = wanted AND p.kind = 'saml')
$$;
ALTER FUNCTION sso_ticket_tenant(bytea) OWNER TO revkeep_system;
ALTER FUNCTION sso_saml_provider(uuid) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION sso_ticket_tenant(bytea), sso_saml_provider(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sso_ticket_tenant(bytea), sso_saml_provider(uuid) TO revkeep_auth;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
