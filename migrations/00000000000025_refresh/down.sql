GRANT CREATE ON SCHEMA public TO revkeep_system;
DROP FUNCTION refresh_token_by_hash(bytea);
CREATE FUNCTION refresh_token_by_hash(wanted bytea) RETURNS TABLE (token_id uuid, session_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.token_id, t.session_id, t.user_id FROM public.refresh_tokens t WHERE t.hash = wanted
$$;
ALTER FUNCTION refresh_token_by_hash(bytea) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION refresh_token_by_hash(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_token_by_hash(bytea) TO revkeep_auth;
REVOKE CREATE ON SCHEMA public FROM revkeep_system;
DROP INDEX refresh_tokens_by_successor;
