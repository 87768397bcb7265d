-- OAuth connections to outside systems. Every *_sealed column is an envelope bound to
-- tenant | provider | owner | column; none opens in another row.

CREATE TABLE connections (
  tenant_id     uuid NOT NULL,
  connection_id uuid NOT NULL,
  provider      text NOT NULL CHECK (provider IN ('salesforce')),
  kind          text NOT NULL CHECK (kind IN ('routing', 'pipeline')),
  owner_id      uuid,                         -- the person whose connection it is; NULL: the tenant's
  state         text NOT NULL CHECK (state IN ('configured', 'authorizing', 'connected', 'broken', 'disconnected')),
  environment   text NOT NULL CHECK (environment IN ('production', 'sandbox', 'my_domain')),
  login_host    text NOT NULL,                -- host or host:port of the authorization server
  instance_url  text,
  org_id        text COLLATE "C",
  external_user_id text COLLATE "C",
  scopes        text[] NOT NULL DEFAULT '{}',
  consumer_key  text NOT NULL,                -- OAuth client id: public by RFC 6749
  consumer_secret_sealed bytea,
  access_sealed  bytea,
  refresh_sealed bytea,
  generation    bigint NOT NULL DEFAULT 0,    -- raised by every stored token pair
  refresh_started_at timestamptz,             -- set before a refresh token is presented; still set afterwards: in doubt
  broken_code   text,
  broken_at     timestamptz,
  connected_at  timestamptz,
  refreshed_at  timestamptz,
  limits_used   integer,
  limits_max    integer,
  limits_at     timestamptz,
  version       bigint NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, connection_id),
  CHECK ((kind = 'routing') = (owner_id IS NULL))
);
CREATE UNIQUE INDEX connections_one_routing ON connections (tenant_id, provider) WHERE kind = 'routing';
CREATE UNIQUE INDEX connections_one_per_owner ON connections (tenant_id, provider, owner_id) WHERE kind = 'pipeline';
SELECT place_tenant_table('connections');
GRANT SELECT, INSERT, UPDATE, DELETE ON connections TO revkeep_app;

CREATE TABLE oauth_states (
  tenant_id     uuid NOT NULL,
  state_hash    bytea NOT NULL,               -- SHA-256 of the value in the browser's address
  connection_id uuid NOT NULL,
  session_id    uuid NOT NULL,
  verifier_sealed bytea NOT NULL,             -- PKCE verifier (RFC 7636)
  new_organisation boolean NOT NULL DEFAULT false,
  created_at    timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, state_hash),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE
);
SELECT place_tenant_table('oauth_states');
GRANT SELECT, INSERT, DELETE ON oauth_states TO revkeep_app;
