-- Proposals of programs are bounded: a program has so many before people at a time, what nobody decided ends by
-- itself, and what is decided is forgotten after a while.
GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end

ALTER TABLE intents DROP CONSTRAINT intents_state_check,
  ADD CONSTRAINT intents_state_check CHECK (state IN ('waiting', 'approved', 'declined', 'expired'));
CREATE INDEX intents_by_grant ON intents (tenant_id, grant_id) WHERE state = 'waiting';
CREATE INDEX intents_by_age ON intents (asked_at) WHERE state = 'waiting';
CREATE INDEX intents_by_end ON intents (decided_at) WHERE state <> 'waiting';
GRANT SELECT, DELETE ON intents TO revkeep_system;

-- Whether a grant of the tenant may put one more before its people. Fifty is what the page shows at once. Those who
-- ask for one grant take turns, so that many at once are not let through together.
CREATE FUNCTION intent_room(wanted uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  most constant integer := 50;
  whose uuid := public.current_tenant();
BEGIN
  IF NOT EXISTS (SELECT FROM public.oauth_grants g WHERE g.tenant_id = whose AND g.grant_id = wanted) THEN RETURN false; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('intents ' || wanted, 0));
  RETURN (SELECT count(*) FROM public.intents i WHERE i.tenant_id = whose AND i.grant_id = wanted AND i.state = 'waiting') < most;
END
$$;
ALTER FUNCTION intent_room(uuid) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION intent_room(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION intent_room(uuid) TO revkeep_gateway;
-- Whatever the role's statement says.
CREATE POLICY room ON intents AS RESTRICTIVE FOR INSERT TO revkeep_gateway WITH CHECK (intent_room(grant_id));

-- Whose proposals have waited since before.
CREATE FUNCTION intents_due(before timestamptz) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT DISTINCT i.tenant_id FROM public.intents i
  WHERE i.state = 'waiting' AND i.asked_at < before AND (SELECT public.is_worker())
$$;
ALTER FUNCTION intents_due(timestamptz) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION intents_due(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION intents_due(timestamptz) TO revkeep_app;

-- Forgets up to `most` of those that ended before; how many went.
CREATE FUNCTION intents_forget(before timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone integer;
BEGIN
  IF NOT public.is_worker() THEN RETURN 0; END IF;
  DELETE FROM public.intents
  WHERE ctid = ANY (ARRAY(SELECT i.ctid FROM public.intents i
    WHERE i.state <> 'waiting' AND i.decided_at < before ORDER BY i.decided_at LIMIT least(greatest(most, 1), 10000)));
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END
$$;
ALTER FUNCTION intents_forget(timestamptz, integer) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION intents_forget(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION intents_forget(timestamptz, integer) TO revkeep_app;
REVOKE CREATE ON SCHEMA public FROM revkeep_system;
