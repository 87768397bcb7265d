GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back below

DROP FUNCTION session_standing(uuid);
DROP FUNCTION passkey_by_credential(bytea);
DROP FUNCTION factor_challenge_by_hash(bytea);
CREATE FUNCTION session_standing(wanted uuid) RETURNS TABLE (
  user_id uuid, tenant_id uuid, expires_at timestamptz, last_used_at timestamptz, ended_at timestamptz,
  user_state text, super_admin boolean, roles text[], owner boolean, epoch integer, tenant_state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.user_id, s.tenant_id, s.expires_at, s.last_used_at, s.ended_at,
         u.state, u.super_admin, m.roles, m.owner, m.epoch, t.state
  FROM public.sessions s
  JOIN public.users u ON u.user_id = s.user_id
  JOIN public.tenants t ON t.tenant_id = s.tenant_id
  JOIN public.memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
  WHERE s.session_id = wanted
$$;
ALTER FUNCTION session_standing(uuid) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION session_standing(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_standing(uuid) TO revkeep_auth;

DROP TABLE passkey_sign_ins;
DROP TABLE factor_challenges;
DROP TABLE recovery_codes;
DROP TABLE passkeys;
DROP TABLE totp_factors;
ALTER TABLE sessions DROP COLUMN factor_at, DROP COLUMN password_at;
ALTER TABLE tenants DROP COLUMN factor_for_all;
DELETE FROM attempt_counters WHERE scope NOT IN ('sign_in_address', 'sign_in_account', 'setup_address', 'refresh_address');
ALTER TABLE attempt_counters DROP CONSTRAINT attempt_counters_scope_check,
  ADD CONSTRAINT attempt_counters_scope_check CHECK (scope IN ('sign_in_address', 'sign_in_account', 'setup_address', 'refresh_address'));
DELETE FROM notices WHERE kind NOT IN ('routing_failures', 'connection_broken', 'session_theft');
ALTER TABLE notices DROP CONSTRAINT notices_kind_check,
  ADD CONSTRAINT notices_kind_check CHECK (kind IN ('routing_failures', 'connection_broken', 'session_theft'));

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
