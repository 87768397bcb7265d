-- Where the audit log is streamed to (OB-27): a tenant's targets get that tenant's entries; the appliance's
-- stand under the reserved tenant of the platform and get every entry, and the heads. A stream follows
-- the positions of `audit_leaves`. docs/siem.md says what each transport promises.

GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back at the end

CREATE TABLE siem_targets (
  tenant_id          uuid NOT NULL,
  target_id          uuid NOT NULL,
  name               text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  transport          text NOT NULL CHECK (transport IN ('syslog_tls', 'syslog_tcp', 'syslog_udp', 'relp_tls', 'relp', 'https', 'file', 'journal')),
  format             text NOT NULL CHECK (format IN ('rfc5424', 'cef', 'leef', 'ocsf', 'json')),
  address            text NOT NULL CHECK (length(address) <= 500), -- host:port, a URL, a file's name, or nothing
  authorities        text,                   -- PEM; in place of the system's
  client_certificate text,                   -- PEM
  client_key_sealed  bytea,
  token_sealed       bytea,                  -- of the HTTPS collector
  actions            text[] NOT NULL,        -- beginnings of action names; none: all
  outcomes           text[] NOT NULL,        -- none: all
  enabled            boolean NOT NULL,
  version            bigint NOT NULL,
  created_at         timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, target_id),
  -- What is on the machine itself is the appliance's.
  CHECK (transport NOT IN ('file', 'journal') OR tenant_id = '00000000-0000-0000-0000-000000000000')
);
SELECT place_tenant_table('siem_targets');
GRANT SELECT, INSERT, UPDATE, DELETE ON siem_targets TO revkeep_app;
GRANT SELECT ON siem_targets TO revkeep_system;

-- How far a target's stream is, and how it fares. Where nothing says that an event was received, the last
-- ones are sent again on a new connection, from `again_*`; with acknowledgements it is `next_*`.
CREATE TABLE siem_cursors (
  tenant_id           uuid NOT NULL,
  target_id           uuid NOT NULL,
  next_position       bigint NOT NULL CHECK (next_position >= 0),
  again_position      bigint NOT NULL CHECK (again_position BETWEEN 0 AND next_position),
  next_head           bigint NOT NULL CHECK (next_head > 0),
  again_head          bigint NOT NULL CHECK (again_head BETWEEN 1 AND next_head),
  sent                bigint NOT NULL DEFAULT 0,
  errors              bigint NOT NULL DEFAULT 0,
  last_sent_at        timestamptz,
  last_error          text,                  -- a code
  last_error_at       timestamptz,
  failing             boolean NOT NULL DEFAULT false,
  certificate_ends_at timestamptz,           -- the first of those in use
  PRIMARY KEY (tenant_id, target_id),
  FOREIGN KEY (tenant_id, target_id) REFERENCES siem_targets ON DELETE CASCADE
);
SELECT place_tenant_table('siem_cursors');
GRANT SELECT, INSERT, UPDATE, DELETE ON siem_cursors TO revkeep_app;

-- Each target is a connection and a reader of the log; the appliance carries twenty.
CREATE FUNCTION siem_targets_limit() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('siem_targets', 0));
  IF (SELECT count(*) FROM public.siem_targets) >= 20 THEN
    RAISE EXCEPTION 'twenty targets are the most' USING ERRCODE = 'program_limit_exceeded', CONSTRAINT = 'siem_targets_limit';
  END IF;
  RETURN NEW;
END
$$;

-- The targets that are to be streamed to, of everybody.
CREATE FUNCTION siem_targets_enabled() RETURNS TABLE (tenant_id uuid, target_id uuid, version bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.tenant_id, t.target_id, t.version FROM public.siem_targets t
  WHERE (SELECT public.is_worker()) AND t.enabled ORDER BY t.tenant_id, t.target_id
$$;

-- The sealed entries of everybody from `low` on, in the order of their positions: for the appliance's targets.
CREATE FUNCTION siem_entries(low bigint, most integer)
RETURNS TABLE ("position" bigint, tenant_id uuid, at timestamptz, audit_id uuid, hash bytea, actor_kind text, actor_id text,
  action text, outcome text, resource_type text, resource_id text, request_id uuid, code text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT l.position, l.tenant_id, l.at, l.audit_id, l.hash, a.actor_kind, a.actor_id,
         a.action, a.outcome, a.resource_type, a.resource_id, a.request_id, a.code
  FROM public.audit_leaves l
  -- OFFSET 0: one look into the index for each leaf, whatever the planner thinks of many. A leaf whose row
  -- is gone by retention is passed over.
  CROSS JOIN LATERAL (SELECT * FROM public.audit_log g
    WHERE g.tenant_id = l.tenant_id AND g.at = l.at AND g.audit_id = l.audit_id OFFSET 0) a
  WHERE (SELECT public.is_worker()) AND l.position >= low
  ORDER BY l.position LIMIT least(greatest(most, 0), 5000)
$$;

-- The heads from `low` on that are over no more than `covered` entries.
CREATE FUNCTION siem_heads(low bigint, covered bigint, most integer)
RETURNS TABLE (number bigint, size bigint, at timestamptz, statement text, signature bytea, frontier bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT h.number, h.size, h.at, h.statement, h.signature, h.frontier FROM public.audit_heads h
  WHERE (SELECT public.is_worker()) AND h.number >= low AND h.size <= covered
  ORDER BY h.number LIMIT least(greatest(most, 0), 5000)
$$;

-- Where the sealed log ends now: the position and the number of the head that come next.
CREATE FUNCTION siem_log_end() RETURNS TABLE (next_position bigint, next_head bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(max(h.size), 0), coalesce(max(h.number), 0) + 1
  FROM public.audit_heads h WHERE (SELECT public.is_worker())
$$;

ALTER FUNCTION siem_targets_limit() OWNER TO revkeep_system;
ALTER FUNCTION siem_targets_enabled() OWNER TO revkeep_system;
ALTER FUNCTION siem_entries(bigint, integer) OWNER TO revkeep_system;
ALTER FUNCTION siem_heads(bigint, bigint, integer) OWNER TO revkeep_system;
ALTER FUNCTION siem_log_end() OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION siem_targets_limit(), siem_targets_enabled(), siem_entries(bigint, integer), siem_heads(bigint, bigint, integer), siem_log_end() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION siem_targets_enabled(), siem_entries(bigint, integer), siem_heads(bigint, bigint, integer), siem_log_end() TO revkeep_app;

CREATE TRIGGER siem_targets_limit BEFORE INSERT ON siem_targets FOR EACH ROW EXECUTE FUNCTION siem_targets_limit();

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
