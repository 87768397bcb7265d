-- What `revkeep verify` found, and the counts across tenants that it looks at (OB-01, OB-06).
GRANT CREATE ON SCHEMA public TO revkeep_system;

-- One run over the control table. Runs are of the whole appliance, so they stand in the reserved tenant
-- `platform`; the report holds ids of controls, names of tables and numbers, and nobody's data.
CREATE TABLE verify_runs (
  tenant_id   uuid NOT NULL,
  run_id      uuid NOT NULL,
  asked_by    text NOT NULL,                 -- an actor's id, or `schedule`
  version     text NOT NULL,                 -- of the daemon that ran it
  started_at  timestamptz NOT NULL,
  finished_at timestamptz,
  done        integer NOT NULL DEFAULT 0,    -- probes that have answered, of `total`
  total       integer NOT NULL CHECK (total >= 0),
  whole       boolean NOT NULL,              -- over every control, or over some that were asked for
  failing     integer,
  unknown     integer,
  report      jsonb,
  statement   text,                          -- what was signed
  signature   bytea CHECK (length(signature) = 64),
  PRIMARY KEY (tenant_id, run_id)
);
CREATE INDEX verify_runs_latest ON verify_runs (tenant_id, started_at DESC);
SELECT place_tenant_table('verify_runs');
GRANT SELECT, INSERT, UPDATE, DELETE ON verify_runs TO revkeep_app;

GRANT SELECT ON oauth_states, signing_keys, grants_ending TO revkeep_system;

-- For each rule how many rows there are and how many break it; for the daemon alone. A sealed value
-- begins with its format and the backend that wrapped its key (docs/adr/0004-envelope-format.md).
CREATE FUNCTION verify_census() RETURNS TABLE (rule text, seen bigint, broken bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT rules.rule, rules.seen, rules.broken FROM (
    SELECT 'sessions_beyond_cap' AS rule, count(*) AS seen,
           count(*) FILTER (WHERE s.expires_at > s.created_at + interval '7 days 1 second') AS broken
    FROM public.sessions s WHERE s.ended_at IS NULL
    UNION ALL
    SELECT 'password_hashes_weak', count(*), count(*) FILTER (WHERE u.password_hash !~ '\$2[aby]\$(1[2-9]|2[0-9]|3[01])\$')
    FROM public.users u WHERE u.password_hash IS NOT NULL
    UNION ALL
    SELECT 'key_hashes_weak', count(*), count(*) FILTER (WHERE k.secret_hash !~ '\$2[aby]\$(1[2-9]|2[0-9]|3[01])\$')
    FROM public.api_keys k WHERE k.revoked_at IS NULL
    UNION ALL
    SELECT 'reset_links_long', count(*), count(*) FILTER (WHERE r.expires_at > r.created_at + interval '1 hour 1 second')
    FROM public.reset_links r WHERE r.used_at IS NULL
    UNION ALL
    SELECT 'invitations_long', count(*), count(*) FILTER (WHERE i.expires_at > now() + interval '7 days 1 hour')
    FROM public.invitations i WHERE i.accepted_at IS NULL AND i.revoked_at IS NULL
    UNION ALL
    SELECT 'states_long', count(*), count(*) FILTER (WHERE o.expires_at > o.created_at + interval '10 minutes 1 second')
    FROM public.oauth_states o
    UNION ALL
    SELECT 'tokens_clear', count(*), count(*) FILTER (WHERE length(v.value) < 20 OR get_byte(v.value, 0) <> 1 OR get_byte(v.value, 1) NOT IN (1, 2))
    FROM (
      -- A token's envelope stands behind the length of its wrapped key, two bytes.
      SELECT substring(c.access_sealed FROM 3) AS value FROM public.connections c
      UNION ALL SELECT substring(c.refresh_sealed FROM 3) FROM public.connections c
      UNION ALL SELECT substring(g.token_sealed FROM 3) FROM public.grants_ending g
      UNION ALL SELECT c.consumer_secret_sealed FROM public.connections c
    ) v WHERE v.value IS NOT NULL
    UNION ALL
    SELECT 'keys_clear', count(*), count(*) FILTER (WHERE length(v.value) < 20 OR get_byte(v.value, 0) <> 1 OR get_byte(v.value, 1) NOT IN (1, 2))
    FROM (SELECT k.private_sealed AS value FROM public.signing_keys k UNION ALL SELECT t.secret_sealed FROM public.totp_factors t) v WHERE v.value IS NOT NULL
    UNION ALL
    SELECT 'addresses_clear', count(*), count(*) FILTER (WHERE length(v.value) < 20 OR get_byte(v.value, 0) <> 1 OR get_byte(v.value, 1) NOT IN (1, 2))
    FROM (SELECT u.email_sealed AS value FROM public.users u UNION ALL SELECT i.email_sealed FROM public.invitations i) v WHERE v.value IS NOT NULL
  ) rules WHERE (SELECT public.is_worker())
$$;
ALTER FUNCTION verify_census() OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION verify_census() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION verify_census() TO revkeep_app;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
