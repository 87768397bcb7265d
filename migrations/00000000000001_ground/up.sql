-- The ground that every table stands on: the schema's rights, the tenant context that cannot be
-- forged, and the one way in which a table is placed under row security.

DO $check$
DECLARE missing text;
BEGIN
  SELECT string_agg(name, ', ') INTO missing
  FROM unnest(ARRAY['revkeep_owner','revkeep_app','revkeep_auth','revkeep_gateway','revkeep_agents','revkeep_auditor','revkeep_system','revkeep_backup']) AS name
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name);
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'database role missing: %. Run "revkeep setup" or give the DBA the output of "revkeep setup --print-sql".', missing;
  END IF;
END
$check$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO revkeep_app, revkeep_auth, revkeep_gateway, revkeep_agents, revkeep_auditor, revkeep_system, revkeep_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
-- Without a schema: the global default, which the line above cannot take away by itself.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO revkeep_backup;
GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end of each migration that needs it

-- Keys of the tenant context, as the two padded blocks of HMAC-SHA256 (RFC 2104), so that the check
-- below needs nothing but sha256(). Set-up writes the row; no runtime role may read it.
CREATE TABLE context_keys (
  id     smallint PRIMARY KEY,
  inner_pad bytea NOT NULL CHECK (length(inner_pad) = 64),
  outer_pad bytea NOT NULL CHECK (length(outer_pad) = 64),
  created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON context_keys TO revkeep_system;
REVOKE ALL ON context_keys FROM revkeep_backup;

-- The context is `tenant|user|kind|backend pid|expiry (epoch s)|hex MAC over what stands before`.
-- Returns NULL for whatever is absent, empty, foreign, expired or forged: zero rows, never an error.
CREATE FUNCTION context_part(part integer) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  context text := current_setting('revkeep.context', true);
  parts text[];
  body bytea;
  mac text;
BEGIN
  IF context IS NULL OR context = '' OR length(context) > 400 THEN RETURN NULL; END IF;
  parts := string_to_array(context, '|');
  IF array_length(parts, 1) IS DISTINCT FROM 6
     OR parts[4] IS DISTINCT FROM pg_backend_pid()::text
     OR parts[5] !~ '^[0-9]{1,12}$'
     OR parts[5]::bigint < extract(epoch FROM clock_timestamp()) THEN
    RETURN NULL;
  END IF;
  body := convert_to(parts[1] || '|' || parts[2] || '|' || parts[3] || '|' || parts[4] || '|' || parts[5], 'UTF8');
  SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || body)), 'hex') INTO mac
  FROM public.context_keys k ORDER BY k.id DESC LIMIT 1;
  IF mac IS NULL OR mac <> parts[6] THEN RETURN NULL; END IF;
  RETURN nullif(parts[part], '');
END
$$;
ALTER FUNCTION context_part(integer) OWNER TO revkeep_system;

CREATE FUNCTION current_tenant() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
  SELECT public.context_part(1)::uuid
$$;
ALTER FUNCTION current_tenant() OWNER TO revkeep_system;

CREATE FUNCTION current_user_id() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
  SELECT public.context_part(2)::uuid
$$;
ALTER FUNCTION current_user_id() OWNER TO revkeep_system;

REVOKE ALL ON FUNCTION context_part(integer), current_tenant(), current_user_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION current_tenant() TO revkeep_app, revkeep_auth, revkeep_gateway, revkeep_agents;
GRANT EXECUTE ON FUNCTION current_user_id() TO revkeep_app, revkeep_auth, revkeep_gateway, revkeep_agents;

-- Places a table of class `tenant` under forced row security. The catalogue test fails for a table
-- that did not pass through here.
CREATE FUNCTION place_tenant_table(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY tenant ON %s TO revkeep_app, revkeep_auth, revkeep_gateway, revkeep_agents '
    'USING (tenant_id = (SELECT public.current_tenant())) WITH CHECK (tenant_id = (SELECT public.current_tenant()))', target);
  EXECUTE format('CREATE POLICY system ON %s TO revkeep_system, revkeep_owner USING (true) WITH CHECK (true)', target);
END
$$;

-- Places a table of class `person` (its column `user_id` names the person) under forced row security.
CREATE FUNCTION place_person_table(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY person ON %s TO revkeep_auth '
    'USING (user_id = (SELECT public.current_user_id())) WITH CHECK (user_id = (SELECT public.current_user_id()))', target);
  EXECUTE format('CREATE POLICY system ON %s TO revkeep_system, revkeep_owner USING (true) WITH CHECK (true)', target);
END
$$;
REVOKE ALL ON FUNCTION place_tenant_table(regclass), place_person_table(regclass) FROM PUBLIC;
