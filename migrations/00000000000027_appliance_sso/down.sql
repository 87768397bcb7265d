GRANT CREATE ON SCHEMA public TO revkeep_system;
CREATE OR REPLACE FUNCTION session_standing(wanted uuid) RETURNS TABLE (
  user_id uuid, tenant_id uuid, expires_at timestamptz, last_used_at timestamptz, ended_at timestamptz,
  user_state text, super_admin boolean, roles text[], owner boolean, epoch integer,
  tenant_state text, tenant_name text, trial_ends_at timestamptz,
  factor_at timestamptz, has_factor boolean, factor_for_all boolean,
  visit_id uuid, visit_reason text, visit_writes boolean, visit_ends_at timestamptz, visit_left_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.user_id, s.tenant_id, s.expires_at, s.last_used_at, s.ended_at,
         u.state, u.super_admin, coalesce(m.roles, '{}'), coalesce(m.owner, false),
         coalesce(m.epoch, (extract(epoch FROM v.started_at)::bigint % 2000000000)::integer),
         t.state, t.name, t.trial_ends_at,
         s.factor_at,
         EXISTS (SELECT FROM public.totp_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)
           OR EXISTS (SELECT FROM public.passkeys p WHERE p.user_id = s.user_id),
         t.factor_for_all,
         v.visit_id, v.reason, v.wants_write AND (v.break_glass OR v.consented_at IS NOT NULL), v.ends_at, v.left_at
  FROM public.sessions s
  JOIN public.users u ON u.user_id = s.user_id
  JOIN public.tenants t ON t.tenant_id = s.tenant_id
  LEFT JOIN public.memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id AND m.state = 'active'
  LEFT JOIN LATERAL (
    SELECT w.* FROM public.support_visits w
    WHERE w.session_id = s.session_id AND w.tenant_id = s.tenant_id AND w.user_id = s.user_id
      AND u.super_admin AND m.user_id IS NULL
    ORDER BY w.started_at DESC LIMIT 1
  ) v ON true
  WHERE s.session_id = wanted AND (m.user_id IS NOT NULL OR v.visit_id IS NOT NULL)
$$;
DROP FUNCTION sessions_end(timestamptz, text, uuid);
DROP FUNCTION sso_appliance_sessions_end(timestamptz, text);
DROP FUNCTION sso_appliance_reliant();
DROP FUNCTION sso_appliance_tenants();
DROP FUNCTION sso_appliance_providers();
DROP FUNCTION sso_appliance_opens(uuid);
DROP FUNCTION sso_secret_rewrap(uuid, bytea, bytea);
REVOKE UPDATE (client_secret_sealed) ON sso_providers FROM revkeep_system;
DROP POLICY appliance_delete ON sso_domains;
DROP POLICY appliance_update ON sso_domains;
DROP POLICY appliance_insert ON sso_domains;
DROP POLICY appliance_delete ON sso_providers;
DROP POLICY appliance_update ON sso_providers;
DROP POLICY appliance_insert ON sso_providers;
DROP FUNCTION appliance_operator();
DROP TABLE sso_links;
DELETE FROM sso_providers WHERE tenant_id = '00000000-0000-0000-0000-000000000000';
UPDATE sessions SET ended_at = coalesce(ended_at, now()), sso_tenant_id = NULL, sso_provider_id = NULL
WHERE sso_tenant_id = '00000000-0000-0000-0000-000000000000';
ALTER TABLE sso_identities DROP COLUMN confirmed_at;
ALTER TABLE sso_tickets DROP COLUMN link_user_id;
ALTER TABLE sso_flows DROP COLUMN link_user_id;
ALTER TABLE device_grants DROP COLUMN sso_tenant_id;
ALTER TABLE sessions
  DROP CONSTRAINT sessions_stay_with_their_provider,
  ADD CONSTRAINT sessions_stay_with_their_provider CHECK (sso_tenant_id IS NULL OR sso_tenant_id = tenant_id);
ALTER TABLE sso_domains ADD CONSTRAINT sso_domains_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants;
ALTER TABLE sso_providers ADD CONSTRAINT sso_providers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants;
ALTER TABLE tenants DROP COLUMN appliance_sso;
REVOKE CREATE ON SCHEMA public FROM revkeep_system;
