-- Evidence that the audit log says today what it said when it was written (LM-77, CX-25): a position for
-- every row, a Merkle tree over the rows' stored bytes, and signed heads in a chain. The rows themselves
-- are never touched, and no write waits for any of it. docs/audit.md is the specification.
GRANT CREATE ON SCHEMA public TO revkeep_system;

-- Where the sealer begins again: every transaction before its mark has ended (xid8 never wraps).
CREATE INDEX audit_log_xid ON audit_log (xid);

-- One leaf for each row, by its place in the one order of the appliance. The hash is that of RFC 6962.
CREATE TABLE audit_leaves (
  tenant_id uuid NOT NULL,
  position  bigint PRIMARY KEY CHECK (position >= 0),
  at        timestamptz NOT NULL,
  audit_id  uuid NOT NULL,
  hash      bytea NOT NULL CHECK (length(hash) = 32),
  UNIQUE (audit_id, at, tenant_id)
);
CREATE INDEX audit_leaves_tenant ON audit_leaves (tenant_id, position);
SELECT place_tenant_table('audit_leaves');
CREATE POLICY auditor ON audit_leaves FOR SELECT TO revkeep_auditor USING (true);
GRANT SELECT ON audit_leaves TO revkeep_app, revkeep_auditor;
GRANT SELECT, INSERT ON audit_leaves TO revkeep_system;

-- Roots of whole subtrees of 256, 65536, ... leaves, so that a proof reads few rows.
CREATE TABLE audit_nodes (
  level   integer NOT NULL CHECK (level > 0),
  ordinal bigint NOT NULL CHECK (ordinal >= 0),
  hash    bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (level, ordinal)
);
GRANT SELECT ON audit_nodes TO revkeep_auditor;
GRANT SELECT, INSERT ON audit_nodes TO revkeep_system;

-- What was signed, each over the one before. The frontier is the sealer's, to go on from; it is checked
-- against the signed root.
CREATE TABLE audit_heads (
  number    bigint PRIMARY KEY CHECK (number > 0),
  size      bigint NOT NULL CHECK (size >= 0),
  at        timestamptz NOT NULL,
  statement text NOT NULL,
  signature bytea NOT NULL CHECK (length(signature) = 64),
  frontier  bytea NOT NULL
);
GRANT SELECT ON audit_heads TO revkeep_auditor;
GRANT SELECT, INSERT ON audit_heads TO revkeep_system;

CREATE TRIGGER audit_leaves_no_change BEFORE UPDATE OR DELETE ON audit_leaves FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_leaves_no_truncate BEFORE TRUNCATE ON audit_leaves FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_nodes_no_change BEFORE UPDATE OR DELETE ON audit_nodes FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_nodes_no_truncate BEFORE TRUNCATE ON audit_nodes FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_heads_no_change BEFORE UPDATE OR DELETE ON audit_heads FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_heads_no_truncate BEFORE TRUNCATE ON audit_heads FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

GRANT SELECT ON audit_log TO revkeep_system;
GRANT SELECT, UPDATE ON leases TO revkeep_system;

-- The last head, to go on from.
CREATE FUNCTION audit_last_head() RETURNS TABLE (number bigint, size bigint, at timestamptz, statement text, signature bytea, frontier bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT h.number, h.size, h.at, h.statement, h.signature, h.frontier
  FROM public.audit_heads h WHERE (SELECT public.is_worker()) ORDER BY h.number DESC LIMIT 1
$$;

-- Which cluster this is, and the oldest transaction that still runs in it: whatever began before has
-- committed or is gone. In another cluster, after a restore, numbers of transactions begin anew.
CREATE FUNCTION audit_horizon() RETURNS TABLE (cluster text, horizon text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.system_identifier::text, pg_snapshot_xmin(pg_current_snapshot())::text
  FROM pg_control_system() c WHERE (SELECT public.is_worker())
$$;

-- Up to `most` rows from transaction `low` up to and without `high` that have no leaf yet, in the order
-- in which they get one, with the bytes that are hashed: the row as the server sends it (record_send).
-- OFFSET 0 keeps the planner from comparing all rows with all leaves: one look into the index for each.
CREATE FUNCTION audit_unsealed(low text, high text, most integer)
RETURNS TABLE (tenant_id uuid, at timestamptz, audit_id uuid, xid text, stored bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
  SELECT a.tenant_id, a.at, a.audit_id, a.xid::text,
         record_send(ROW(a.tenant_id, a.at, a.audit_id, a.actor_kind, a.actor_id, a.action, a.outcome, a.resource_type,
                         a.resource_id, a.request_id, a.code, a.detail_sealed, a.origin_sealed, a.xid))
  FROM public.audit_log a
  WHERE (SELECT public.is_worker()) AND a.xid >= low::xid8 AND a.xid < high::xid8
    AND NOT EXISTS (SELECT FROM public.audit_leaves l
      WHERE l.audit_id = a.audit_id AND l.at = a.at AND l.tenant_id = a.tenant_id OFFSET 0)
  ORDER BY a.xid, a.at, a.audit_id LIMIT least(greatest(most, 0), 10000)
$$;

-- Stores the leaves from position `first_position` on, the subtrees that they completed and the head over
-- them: all of it or nothing, and only for the holder of the lease with the newest fence, who saw the
-- last head. Answers whether it did.
CREATE FUNCTION audit_seal(holder text, holder_fence bigint, new_number bigint, first_position bigint,
  tenants uuid[], ats timestamptz[], ids uuid[], hashes bytea[], levels integer[], ordinals bigint[], nodes bytea[],
  new_size bigint, sealed_at timestamptz, new_statement text, new_signature bytea, new_frontier bytea) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT public.is_worker() THEN RETURN false; END IF;
  PERFORM FROM public.leases l
  WHERE l.tenant_id = '00000000-0000-0000-0000-000000000000' AND l.name = 'audit.seal' AND l.owner = holder AND l.fence = holder_fence
  FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF NOT ((new_number - 1, first_position) =
     (SELECT coalesce(max(h.number), 0), coalesce(max(h.size), 0) FROM public.audit_heads h)) THEN
    RETURN false;
  END IF;
  INSERT INTO public.audit_leaves (position, tenant_id, at, audit_id, hash)
  SELECT first_position + leaf.nth - 1, leaf.tenant_id, leaf.at, leaf.audit_id, leaf.hash
  FROM unnest(tenants, ats, ids, hashes) WITH ORDINALITY AS leaf(tenant_id, at, audit_id, hash, nth);
  INSERT INTO public.audit_nodes (level, ordinal, hash) SELECT * FROM unnest(levels, ordinals, nodes);
  INSERT INTO public.audit_heads (number, size, at, statement, signature, frontier)
  VALUES (new_number, new_size, sealed_at, new_statement, new_signature, new_frontier);
  RETURN true;
END
$$;
ALTER FUNCTION audit_last_head() OWNER TO revkeep_system;
ALTER FUNCTION audit_horizon() OWNER TO revkeep_system;
ALTER FUNCTION audit_unsealed(text, text, integer) OWNER TO revkeep_system;
ALTER FUNCTION audit_seal(text, bigint, bigint, bigint, uuid[], timestamptz[], uuid[], bytea[], integer[], bigint[], bytea[], bigint, timestamptz, text, bytea, bytea) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION audit_last_head(), audit_horizon(), audit_unsealed(text, text, integer),
  audit_seal(text, bigint, bigint, bigint, uuid[], timestamptz[], uuid[], bytea[], integer[], bigint[], bytea[], bigint, timestamptz, text, bytea, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_last_head(), audit_horizon(), audit_unsealed(text, text, integer),
  audit_seal(text, bigint, bigint, bigint, uuid[], timestamptz[], uuid[], bytea[], integer[], bigint[], bytea[], bigint, timestamptz, text, bytea, bytea) TO revkeep_app;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
