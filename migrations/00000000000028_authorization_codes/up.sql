-- Codes that a browser carries to a person's own program (RFC 6749 section 4.1, RFC 7636). Used once, within
-- a minute; kept as long as the session that was made of one may live, so that a code which comes back
-- ends it. Reached by identity alone, before anyone is known.
CREATE TABLE authorization_codes (
  hash            bytea PRIMARY KEY,         -- SHA-256 of 256 random bits
  client          text NOT NULL CHECK (length(client) BETWEEN 1 AND 40),
  redirect_uri    text NOT NULL CHECK (length(redirect_uri) BETWEEN 1 AND 200),
  challenge       text NOT NULL CHECK (length(challenge) = 43),
  state           text NOT NULL CHECK (state IN ('waiting', 'used', 'void')),
  user_id         uuid NOT NULL,
  tenant_id       uuid NOT NULL,
  sso_tenant_id   uuid,                      -- whose provider opened the session which approved
  sso_provider_id uuid,
  session_id      uuid,                      -- made from the code
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  CHECK ((state = 'used') = (session_id IS NOT NULL))
);
CREATE INDEX authorization_codes_by_age ON authorization_codes (expires_at);
GRANT SELECT, INSERT, UPDATE (state, session_id), DELETE ON authorization_codes TO revkeep_auth;
