-- A tenant's data as a whole: its export (OB-26), and its erasure (OB-32, CX-25, CX-35). The functions at
-- the end are the only way in which rows of a whole tenant go, and they themselves ask whether somebody
-- asked for it, whether the time to think it over has passed, and whether nobody took it back.

GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end

-- An archive that was asked for, made by a job, and waits for the person who asked.
CREATE TABLE tenant_exports (
  tenant_id    uuid NOT NULL REFERENCES tenants,
  export_id    uuid NOT NULL,
  asked_by     uuid NOT NULL,
  asked_at     timestamptz NOT NULL,
  state        text NOT NULL DEFAULT 'waiting'
               CHECK (state IN ('waiting', 'running', 'ready', 'downloading', 'downloaded', 'cancelled', 'failed', 'expired')),
  wrapped      bytea,                        -- the key of the archive's files; gone with them
  files        jsonb NOT NULL DEFAULT '[]',  -- what stands on disk: counts, sizes, hashes, and where to go on
  expected     bigint,                       -- rows, as counted at the start
  generation   bigint NOT NULL DEFAULT 0,    -- raised by each change, so that of two writers one stops
  ready_at     timestamptz,
  expires_at   timestamptz,
  claimed_at   timestamptz,                  -- when its download began
  ended_at     timestamptz,
  error_code   text,
  PRIMARY KEY (tenant_id, export_id)
);
CREATE UNIQUE INDEX tenant_exports_one ON tenant_exports (tenant_id) WHERE state IN ('waiting', 'running');
CREATE INDEX tenant_exports_listing ON tenant_exports (tenant_id, asked_at DESC, export_id DESC);
SELECT place_tenant_table('tenant_exports');
GRANT SELECT, INSERT, UPDATE ON tenant_exports TO revkeep_app;

-- The deletion of a tenant that was asked for and can still be taken back.
CREATE TABLE tenant_deletions (
  tenant_id   uuid PRIMARY KEY REFERENCES tenants,
  asked_by    text NOT NULL,                 -- the actor's id, as the audit log has it
  by_operator boolean NOT NULL,
  asked_at    timestamptz NOT NULL,
  due_at      timestamptz NOT NULL
);
SELECT place_tenant_table('tenant_deletions');
GRANT SELECT, INSERT, DELETE ON tenant_deletions TO revkeep_app;

-- What is left of an erased tenant: when, how many rows, and the signed certificate. No name.
CREATE TABLE tenant_erasures (
  tenant_id   uuid PRIMARY KEY,
  asked_by    text NOT NULL,
  by_operator boolean NOT NULL,
  asked_at    timestamptz NOT NULL,
  begun_at    timestamptz NOT NULL,
  people      uuid[] NOT NULL,               -- who belonged to this tenant alone, until they are erased
  counts      jsonb NOT NULL DEFAULT '{}',   -- rows by table
  finished_at timestamptz,
  statement   text,
  signature   bytea
);

-- The tables that an erasure empties, children before parents: each one that stands under the policy
-- `tenant` (every tenant table does, or the catalogue test fails), so none can be forgotten. Kept are the
-- audit log and its leaves, whose content is closed by the end of its keys.
CREATE FUNCTION tenant_erasable_tables() RETURNS TABLE (name name, depth integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE placed AS (
    SELECT c.oid, c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'tenant'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname NOT IN ('audit_log', 'audit_leaves', 'tenants')
  ), walk(oid, depth) AS (
    SELECT oid, 0 FROM placed
    UNION
    SELECT k.conrelid, w.depth + 1 FROM walk w
    JOIN pg_constraint k ON k.confrelid = w.oid AND k.contype = 'f' AND k.conrelid <> k.confrelid
    JOIN placed child ON child.oid = k.conrelid
    WHERE w.depth < 30
  )
  SELECT placed.relname, max(walk.depth) FROM walk JOIN placed USING (oid) GROUP BY placed.relname
$$;

-- The tables of people, children before parents, the accounts themselves last.
CREATE FUNCTION person_erasable_tables() RETURNS TABLE (name name, depth integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE placed AS (
    SELECT c.oid, c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'person'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ), walk(oid, depth) AS (
    SELECT oid, 0 FROM placed
    UNION
    SELECT k.conrelid, w.depth + 1 FROM walk w
    JOIN pg_constraint k ON k.confrelid = w.oid AND k.contype = 'f' AND k.conrelid <> k.confrelid
    JOIN placed child ON child.oid = k.conrelid
    WHERE w.depth < 30
  )
  SELECT placed.relname, max(walk.depth) FROM walk JOIN placed USING (oid) GROUP BY placed.relname
$$;

-- Tenants whose time to think it over has passed, and those whose erasure was begun and not finished.
CREATE FUNCTION tenant_erasures_due(at timestamptz) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT d.tenant_id FROM public.tenant_deletions d WHERE (SELECT public.is_worker()) AND d.due_at <= at
  UNION
  SELECT e.tenant_id FROM public.tenant_erasures e WHERE (SELECT public.is_worker()) AND e.finished_at IS NULL
  LIMIT 100
$$;

-- Whether somebody who runs the appliance belongs to this tenant alone: they could not sign in any more.
CREATE FUNCTION tenant_is_operators_home(target uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM public.memberships m JOIN public.users u ON u.user_id = m.user_id
    WHERE (SELECT public.is_worker()) AND m.tenant_id = target AND u.super_admin AND u.state = 'active' AND m.state = 'active'
      AND NOT EXISTS (SELECT FROM public.memberships o WHERE o.user_id = m.user_id AND o.tenant_id <> target AND o.state = 'active'))
$$;

-- Shuts a tenant whose deletion is due: from here on there is no way back. Nobody signs in, no key or
-- token of a program works, nothing runs by itself. Answers when that was; NULL when it is not due.
CREATE FUNCTION tenant_erase_begin(target uuid, at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  asked public.tenant_deletions%ROWTYPE;
  begun timestamptz;
  queued bigint;
BEGIN
  IF NOT public.is_worker() THEN RETURN NULL; END IF;
  SELECT e.begun_at INTO begun FROM public.tenant_erasures e WHERE e.tenant_id = target;
  IF FOUND THEN RETURN begun; END IF;
  SELECT d.* INTO asked FROM public.tenant_deletions d WHERE d.tenant_id = target AND d.due_at <= at FOR UPDATE;
  IF NOT FOUND OR public.tenant_is_operators_home(target) THEN RETURN NULL; END IF;
  DELETE FROM public.jobs j WHERE j.tenant_id = target;
  GET DIAGNOSTICS queued = ROW_COUNT;
  INSERT INTO public.tenant_erasures (tenant_id, asked_by, by_operator, asked_at, begun_at, people, counts)
  VALUES (target, asked.asked_by, asked.by_operator, asked.asked_at, at,
    ARRAY(SELECT m.user_id FROM public.memberships m JOIN public.users u ON u.user_id = m.user_id
      WHERE m.tenant_id = target AND NOT u.super_admin
        AND NOT EXISTS (SELECT FROM public.memberships o WHERE o.user_id = m.user_id AND o.tenant_id <> target)
      ORDER BY m.user_id),
    jsonb_build_object('jobs', queued));
  UPDATE public.memberships m SET state = 'deactivated', owner = false, epoch = m.epoch + 1 WHERE m.tenant_id = target;
  UPDATE public.sessions s SET ended_at = at, end_reason = 'tenant_erased' WHERE s.tenant_id = target AND s.ended_at IS NULL;
  UPDATE public.support_visits v SET left_at = at WHERE v.tenant_id = target AND v.left_at IS NULL;
  UPDATE public.api_keys k SET revoked_at = at WHERE k.tenant_id = target AND k.revoked_at IS NULL;
  UPDATE public.scim_tokens k SET revoked_at = at WHERE k.tenant_id = target AND k.revoked_at IS NULL;
  UPDATE public.invitations i SET expires_at = least(i.expires_at, at) WHERE i.tenant_id = target;
  UPDATE public.sso_providers p SET enabled = false WHERE p.tenant_id = target;
  UPDATE public.tenants t SET appliance_sso = false WHERE t.tenant_id = target;
  UPDATE public.schedules s SET enabled = false WHERE s.tenant_id = target;
  RETURN at;
END
$$;

-- Deletes up to `most` rows of the first table that still has some; answers which and how many, or no
-- row when there is nothing left. The counts are kept in the same transaction, so a crash loses none.
CREATE FUNCTION tenant_erase_batch(target uuid, most integer) RETURNS TABLE (name text, erased bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  line record;
  gone bigint;
BEGIN
  IF NOT public.is_worker() THEN RETURN; END IF;
  PERFORM FROM public.tenant_erasures e WHERE e.tenant_id = target AND e.finished_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  FOR line IN SELECT t.name FROM public.tenant_erasable_tables() t ORDER BY t.depth DESC, t.name LOOP
    -- The place of a row is its partition's own, so the tenant is asked for again beside it.
    EXECUTE format('DELETE FROM public.%1$I WHERE tenant_id = $1 AND ctid = ANY (ARRAY(SELECT ctid FROM public.%1$I WHERE tenant_id = $1 LIMIT $2))', line.name)
      USING target, least(greatest(most, 1), 10000);
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF gone > 0 THEN
      UPDATE public.tenant_erasures e
      SET counts = jsonb_set(e.counts, ARRAY[line.name::text], to_jsonb(coalesce((e.counts ->> line.name)::bigint, 0) + gone))
      WHERE e.tenant_id = target;
      RETURN QUERY SELECT line.name::text, gone;
      RETURN;
    END IF;
  END LOOP;
END
$$;

-- Erases everything of up to `most` of these people: their accounts, what hangs on them, and their keys
-- in every audit log. Not for anyone who belongs to a tenant.
CREATE FUNCTION people_erase(who uuid[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  line record;
  gone bigint;
  total bigint := 0;
  them uuid[] := ARRAY(SELECT u.user_id FROM public.users u WHERE u.user_id = ANY (who) AND NOT u.super_admin
    AND NOT EXISTS (SELECT FROM public.memberships m WHERE m.user_id = u.user_id));
BEGIN
  FOR line IN SELECT t.name FROM public.person_erasable_tables() t ORDER BY t.depth DESC, t.name LOOP
    CONTINUE WHEN line.name = 'users';
    EXECUTE format('DELETE FROM public.%I WHERE user_id = ANY ($1)', line.name) USING them;
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
  END LOOP;
  DELETE FROM public.device_grants g WHERE g.user_id = ANY (them);
  DELETE FROM public.authorization_codes c WHERE c.user_id = ANY (them);
  DELETE FROM public.sso_identities i WHERE i.user_id = ANY (them);
  DELETE FROM public.audit_keys k WHERE k.subject = ANY (them);
  GET DIAGNOSTICS gone = ROW_COUNT;
  total := total + gone;
  DELETE FROM public.users u WHERE u.user_id = ANY (them);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN total + gone;
END
$$;

-- The people who belonged to an erased tenant alone, up to `most` at a time; how many rows of theirs went.
-- NULL when nobody is left to look at.
CREATE FUNCTION tenant_erase_people(target uuid, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  listed uuid[];
  some_of uuid[];
  gone bigint;
BEGIN
  IF NOT public.is_worker() THEN RETURN NULL; END IF;
  SELECT e.people INTO listed FROM public.tenant_erasures e WHERE e.tenant_id = target AND e.finished_at IS NULL FOR UPDATE;
  IF NOT FOUND OR cardinality(listed) = 0 THEN RETURN NULL; END IF;
  some_of := listed[1 : least(greatest(most, 1), 1000)];
  UPDATE public.users u SET home_tenant_id = NULL WHERE u.home_tenant_id = target AND u.user_id = ANY (some_of);
  gone := public.people_erase(some_of);
  UPDATE public.tenant_erasures e
  SET people = listed[cardinality(some_of) + 1 : ],
      counts = jsonb_set(jsonb_set(e.counts, '{people}', to_jsonb(coalesce((e.counts ->> 'people')::bigint, 0) + cardinality(some_of))),
                         '{rows_of_people}', to_jsonb(coalesce((e.counts ->> 'rows_of_people')::bigint, 0) + gone))
  WHERE e.tenant_id = target;
  RETURN gone;
END
$$;

-- Where an erasure is: what there is to state in its certificate.
CREATE FUNCTION tenant_erasure(target uuid) RETURNS TABLE (
  asked_by text, by_operator boolean, asked_at timestamptz, begun_at timestamptz, counts jsonb, audit_rows bigint, finished_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT e.asked_by, e.by_operator, e.asked_at, e.begun_at, e.counts,
         (SELECT count(*) FROM public.audit_log a WHERE a.tenant_id = target), e.finished_at
  FROM public.tenant_erasures e WHERE (SELECT public.is_worker()) AND e.tenant_id = target
$$;

-- Ends an erasure, if really nothing is left: the tenant's own row goes, the certificate stays.
CREATE FUNCTION tenant_erase_end(target uuid, at timestamptz, new_statement text, new_signature bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  line record;
  there boolean;
BEGIN
  IF NOT public.is_worker() THEN RETURN false; END IF;
  PERFORM FROM public.tenant_erasures e
  WHERE e.tenant_id = target AND e.finished_at IS NULL AND cardinality(e.people) = 0 FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  FOR line IN SELECT t.name FROM public.tenant_erasable_tables() t LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE tenant_id = $1)', line.name) INTO there USING target;
    IF there THEN RETURN false; END IF;
  END LOOP;
  DELETE FROM public.device_grants g WHERE g.tenant_id = target;
  DELETE FROM public.authorization_codes c WHERE c.tenant_id = target;
  UPDATE public.users u SET home_tenant_id = NULL WHERE u.home_tenant_id = target;
  DELETE FROM public.tenants t WHERE t.tenant_id = target;
  UPDATE public.tenant_erasures e SET finished_at = at, statement = new_statement, signature = new_signature WHERE e.tenant_id = target;
  RETURN true;
END
$$;

-- Certificates, newest first, or the one of a tenant.
CREATE FUNCTION erasure_certificates(target uuid, most integer) RETURNS TABLE (
  tenant_id uuid, asked_at timestamptz, begun_at timestamptz, finished_at timestamptz, counts jsonb, statement text, signature bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT e.tenant_id, e.asked_at, e.begun_at, e.finished_at, e.counts, e.statement, e.signature
  FROM public.tenant_erasures e WHERE (SELECT public.is_worker()) AND (target IS NULL OR e.tenant_id = target)
  ORDER BY e.begun_at DESC LIMIT least(greatest(most, 0), 200)
$$;

-- These go through tables that are not known yet, by names of the catalogue alone, so they are the schema
-- owner's; whatever comes from a caller is a value and never text of a statement.
REVOKE ALL ON FUNCTION tenant_erasable_tables(), person_erasable_tables(), people_erase(uuid[]), tenant_erasures_due(timestamptz),
  tenant_is_operators_home(uuid), tenant_erase_begin(uuid, timestamptz), tenant_erase_batch(uuid, integer), tenant_erase_people(uuid, integer), tenant_erasure(uuid),
  tenant_erase_end(uuid, timestamptz, text, bytea), erasure_certificates(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_erasures_due(timestamptz), tenant_is_operators_home(uuid), tenant_erase_begin(uuid, timestamptz), tenant_erase_batch(uuid, integer),
  tenant_erase_people(uuid, integer), tenant_erasure(uuid), tenant_erase_end(uuid, timestamptz, text, bytea),
  erasure_certificates(uuid, integer) TO revkeep_app;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
