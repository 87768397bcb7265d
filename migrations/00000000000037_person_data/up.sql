-- A person's data: found, exported, erased (OB-35, CX-25, CX-32, CX-35). A person has an account, or stands
-- in what was brought in from the CRM. The functions at the end are the only way in which their rows go, and
-- they themselves look whether a case says so.

-- An archive is of the whole tenant, of one account, or of what was found of a person.
ALTER TABLE tenant_exports
  ADD COLUMN scope text NOT NULL DEFAULT 'tenant' CHECK (scope IN ('tenant', 'account', 'person')),
  ADD COLUMN subject uuid,                   -- the account, or the case
  ADD CONSTRAINT tenant_exports_subject CHECK ((scope = 'tenant') = (subject IS NULL));
DROP INDEX tenant_exports_one;
CREATE UNIQUE INDEX tenant_exports_one ON tenant_exports (tenant_id, scope, coalesce(subject, '00000000-0000-0000-0000-000000000000'))
  WHERE state IN ('waiting', 'running');

-- What was asked about one person, and what became of it.
CREATE TABLE person_cases (
  tenant_id    uuid NOT NULL REFERENCES tenants,
  case_id      uuid NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('account', 'search')),
  subject      uuid,                         -- the person, by the account's id
  term_sealed  bytea,                        -- what is looked for; gone when the case ends
  asked_by     uuid NOT NULL,
  asked_at     timestamptz NOT NULL,
  state        text NOT NULL CHECK (state IN ('asked', 'searching', 'found', 'erasing', 'erased', 'closed', 'failed')),
  mentions     boolean NOT NULL DEFAULT false, -- erase rows as well in which the person is only named
  place        jsonb,                        -- the table, and the key of the row, after which the search goes on
  scanned      bigint NOT NULL DEFAULT 0,
  expected     bigint,
  generation   bigint NOT NULL DEFAULT 0,    -- raised by each page, so that of two workers one stops
  due_at       timestamptz,                  -- from here on rows of an account go
  whole        boolean,                      -- the account is gone too, since it served nobody else
  counts       jsonb NOT NULL DEFAULT '{}',  -- erased rows by table
  ended_at     timestamptz,
  error_code   text,
  PRIMARY KEY (tenant_id, case_id),
  CHECK ((kind = 'account') = (subject IS NOT NULL)),
  CHECK (term_sealed IS NULL OR kind = 'search')
);
CREATE UNIQUE INDEX person_cases_account ON person_cases (tenant_id, subject) WHERE state IN ('asked', 'erasing');
CREATE INDEX person_cases_listing ON person_cases (tenant_id, asked_at DESC, case_id DESC);
SELECT place_tenant_table('person_cases');
GRANT SELECT, INSERT, UPDATE ON person_cases TO revkeep_app;

-- Rows in which a search found the person, until the case ends.
CREATE TABLE person_finds (
  tenant_id  uuid NOT NULL,
  case_id    uuid NOT NULL,
  place      text NOT NULL COLLATE "C",      -- the table
  row_key    text[] NOT NULL,                -- its primary key, without the tenant
  own        boolean NOT NULL,               -- a value is the person's and nothing else; otherwise they are named in one
  fields     text[] NOT NULL,                -- where in the row
  PRIMARY KEY (tenant_id, case_id, place, row_key),
  FOREIGN KEY (tenant_id, case_id) REFERENCES person_cases ON DELETE CASCADE
);
SELECT place_tenant_table('person_finds');
GRANT SELECT, INSERT, DELETE ON person_finds TO revkeep_app;
GRANT SELECT ON person_finds TO revkeep_auth;  -- which alone reads some of the tables that are exported

-- CRM records whose person was erased, by the CRM's own ids: they are not brought in again.
CREATE TABLE erased_records (
  tenant_id  uuid NOT NULL,
  object     text NOT NULL COLLATE "C",
  record_id  text NOT NULL COLLATE "C",
  erased_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, object, record_id)
);
SELECT place_tenant_table('erased_records');
GRANT SELECT ON erased_records TO revkeep_app;

-- Erases what the tenant holds of the person of a case, and the account itself when it served this tenant
-- alone. Done again it erases nothing more. NULL when no such case is due, or when the person is still in.
CREATE FUNCTION account_erase(target uuid, wanted uuid, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  asked public.person_cases%ROWTYPE;
  who uuid;
  alone boolean;
  gone bigint;
  told jsonb := '{}';
BEGIN
  IF NOT public.is_worker() THEN RETURN NULL; END IF;
  SELECT c.* INTO asked FROM public.person_cases c
  WHERE c.tenant_id = target AND c.case_id = wanted AND c.kind = 'account' AND c.state = 'erasing' AND c.due_at <= at FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  who := asked.subject;
  IF EXISTS (SELECT FROM public.memberships m WHERE m.tenant_id = target AND m.user_id = who AND (m.owner OR m.state = 'active'))
    THEN RETURN NULL; END IF;
  IF asked.whole IS NOT NULL THEN RETURN asked.whole; END IF;
  alone := NOT EXISTS (SELECT FROM public.memberships m WHERE m.user_id = who AND m.tenant_id <> target)
    AND NOT EXISTS (SELECT FROM public.users u WHERE u.user_id = who AND u.super_admin);
  DELETE FROM public.scim_group_members g WHERE g.tenant_id = target AND g.user_id = who;
  DELETE FROM public.scim_users s WHERE s.tenant_id = target AND s.user_id = who;
  GET DIAGNOSTICS gone = ROW_COUNT;
  told := told || jsonb_build_object('scim_users', gone);
  DELETE FROM public.sso_identities i WHERE i.tenant_id = target AND i.user_id = who;
  GET DIAGNOSTICS gone = ROW_COUNT;
  told := told || jsonb_build_object('sso_identities', gone);
  DELETE FROM public.invitations i WHERE i.tenant_id = target
    AND (i.accepted_by = who OR i.email_hash = (SELECT u.email_hash FROM public.users u WHERE u.user_id = who));
  GET DIAGNOSTICS gone = ROW_COUNT;
  told := told || jsonb_build_object('invitations', gone);
  DELETE FROM public.tenant_exports e WHERE e.tenant_id = target AND e.scope = 'account' AND e.subject = who;
  DELETE FROM public.memberships m WHERE m.tenant_id = target AND m.user_id = who;
  GET DIAGNOSTICS gone = ROW_COUNT;
  told := told || jsonb_build_object('memberships', gone);
  -- The key under which the log holds where this person came from: what was sealed stays closed.
  DELETE FROM public.audit_keys k WHERE k.tenant_id = target AND k.subject = who;
  GET DIAGNOSTICS gone = ROW_COUNT;
  told := told || jsonb_build_object('audit_keys', gone);
  IF alone THEN
    UPDATE public.users u SET home_tenant_id = NULL WHERE u.user_id = who;
    gone := public.people_erase(ARRAY[who]);
    told := told || jsonb_build_object('rows_of_the_account', gone);
  END IF;
  UPDATE public.person_cases c SET whole = alone, counts = told WHERE c.tenant_id = target AND c.case_id = wanted;
  RETURN alone;
END
$$;

-- Erases up to `most` of what a search found; answers how many places were settled, 0 when nothing is left
-- to erase, NULL when no case says so. What an administrator wrote (a rule, a name of a pool) stays listed.
CREATE FUNCTION finds_erase(target uuid, wanted uuid, at timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  asked public.person_cases%ROWTYPE;
  find record;
  settled integer := 0;
  gone bigint;
BEGIN
  IF NOT public.is_worker() THEN RETURN NULL; END IF;
  SELECT c.* INTO asked FROM public.person_cases c
  WHERE c.tenant_id = target AND c.case_id = wanted AND c.kind = 'search' AND c.state = 'erasing' FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  FOR find IN
    SELECT f.place, f.row_key FROM public.person_finds f
    WHERE f.tenant_id = target AND f.case_id = wanted AND (f.own OR asked.mentions)
      AND f.place IN ('layer_records', 'reps', 'time_off', 'invitations')
    ORDER BY f.place, f.row_key LIMIT least(greatest(most, 1), 1000)
  LOOP
    gone := 0;
    IF find.place = 'layer_records' THEN
      INSERT INTO public.erased_records (tenant_id, object, record_id, erased_at)
      VALUES (target, find.row_key[1], find.row_key[2], at) ON CONFLICT DO NOTHING;
      DELETE FROM public.layer_values v WHERE v.tenant_id = target AND v.record_id = find.row_key[2];
      DELETE FROM public.layer_records r WHERE r.tenant_id = target AND r.object = find.row_key[1] AND r.record_id = find.row_key[2];
      GET DIAGNOSTICS gone = ROW_COUNT;
    ELSIF find.place = 'reps' THEN
      INSERT INTO public.erased_records (tenant_id, object, record_id, erased_at)
      SELECT target, 'User', r.external_id, at FROM public.reps r WHERE r.tenant_id = target AND r.rep_id = find.row_key[1]::uuid
      ON CONFLICT DO NOTHING;
      UPDATE public.reps r SET name = 'Erased person' WHERE r.tenant_id = target AND r.rep_id = find.row_key[1]::uuid;
      GET DIAGNOSTICS gone = ROW_COUNT;
    ELSIF find.place = 'time_off' THEN
      UPDATE public.time_off t SET reason = 'erased' WHERE t.tenant_id = target AND t.time_off_id = find.row_key[1]::uuid;
      GET DIAGNOSTICS gone = ROW_COUNT;
    ELSE
      DELETE FROM public.invitations i WHERE i.tenant_id = target AND i.invitation_id = find.row_key[1]::uuid;
      GET DIAGNOSTICS gone = ROW_COUNT;
    END IF;
    DELETE FROM public.person_finds f
    WHERE f.tenant_id = target AND f.case_id = wanted AND f.place = find.place AND f.row_key = find.row_key;
    UPDATE public.person_cases c
    SET counts = jsonb_set(c.counts, ARRAY[find.place::text], to_jsonb(coalesce((c.counts ->> find.place)::bigint, 0) + gone))
    WHERE c.tenant_id = target AND c.case_id = wanted;
    settled := settled + 1;
  END LOOP;
  RETURN settled;
END
$$;

-- As those of a whole tenant's erasure, these are the schema owner's.
REVOKE ALL ON FUNCTION account_erase(uuid, uuid, timestamptz), finds_erase(uuid, uuid, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION account_erase(uuid, uuid, timestamptz), finds_erase(uuid, uuid, timestamptz, integer) TO revkeep_app;
