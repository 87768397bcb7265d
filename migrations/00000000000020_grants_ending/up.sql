-- Grants that are at an end here and that the provider is still to be told of (LR-19, OB-33). A token
-- that is taken out of use moves here, sealed as it stood in its connection, in that same
-- transaction; nothing gives it out from here. The row goes once the provider has ended the grant, or
-- at `gives_up_at`. No foreign key: a connection that goes must not take the revocation with it.
CREATE TABLE grants_ending (
  tenant_id     uuid NOT NULL,
  ending_id     uuid NOT NULL,
  connection_id uuid NOT NULL,
  provider      text NOT NULL,
  login_host    text NOT NULL,                -- as it was when the token was granted
  consumer_key  text NOT NULL,
  token_sealed  bytea NOT NULL,               -- opens as the connection's refresh token
  created_at    timestamptz NOT NULL,
  gives_up_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, ending_id)
);
SELECT place_tenant_table('grants_ending');
GRANT SELECT, INSERT, UPDATE, DELETE ON grants_ending TO revkeep_app;
