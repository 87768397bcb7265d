-- A refresh finds the token before the presented one by an index, and learns the session's tenant with
-- the token itself.
CREATE INDEX refresh_tokens_by_successor ON refresh_tokens (successor_id) WHERE successor_id IS NOT NULL;

GRANT CREATE ON SCHEMA public TO revkeep_system;
DROP FUNCTION refresh_token_by_hash(bytea);
CREATE FUNCTION refresh_token_by_hash(wanted bytea) RETURNS TABLE (token_id uuid, session_id uuid, user_id uuid, tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.token_id, t.session_id, t.user_id, s.tenant_id
  FROM public.refresh_tokens t JOIN public.sessions s ON s.session_id = t.session_id
  WHERE t.hash = wanted
$$;
ALTER FUNCTION refresh_token_by_hash(bytea) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION refresh_token_by_hash(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_token_by_hash(bytea) TO revkeep_auth;
REVOKE CREATE ON SCHEMA public FROM revkeep_system;
