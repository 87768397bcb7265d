-- What a replaced database knew last, for the one that takes its place (restore_quarantine): who and what was
-- erased, and who may do what. NULL when it is not the same appliance: when its audit log does not hold the
-- archive's last head ($1).
SELECT CASE WHEN EXISTS (SELECT FROM public.audit_heads h WHERE h.statement = $1) THEN jsonb_build_object(
  'tenants', (SELECT coalesce(jsonb_agg(jsonb_build_object('tenant', e.tenant_id, 'asked_by', e.asked_by, 'by_operator', e.by_operator, 'asked_at', e.asked_at,
      'begun_at', e.begun_at, 'counts', e.counts, 'finished_at', e.finished_at, 'statement', e.statement, 'signature', encode(e.signature, 'hex'))), '[]') FROM public.tenant_erasures e),
  'accounts', (SELECT coalesce(jsonb_agg(jsonb_build_object('tenant', c.tenant_id, 'person', c.subject)), '[]') FROM public.person_cases c
      WHERE c.kind = 'account' AND c.whole IS NOT NULL
        AND NOT EXISTS (SELECT FROM public.memberships m WHERE m.tenant_id = c.tenant_id AND m.user_id = c.subject)), -- who was invited again is no longer erased
  'records', (SELECT coalesce(jsonb_agg(jsonb_build_object('tenant', r.tenant_id, 'object', r.object, 'record', r.record_id, 'erased_at', r.erased_at)), '[]') FROM public.erased_records r),
  'keys', (SELECT coalesce(jsonb_agg(k.key_id), '[]') FROM public.api_keys k WHERE k.revoked_at IS NULL),
  'scim_tokens', (SELECT coalesce(jsonb_agg(k.token_id), '[]') FROM public.scim_tokens k WHERE k.revoked_at IS NULL),
  'users', (SELECT coalesce(jsonb_agg(jsonb_build_object('person', u.user_id, 'password', u.password_hash, 'state', u.state, 'operator', u.super_admin)), '[]') FROM public.users u),
  'members', (SELECT coalesce(jsonb_agg(jsonb_build_object('tenant', m.tenant_id, 'person', m.user_id, 'state', m.state, 'roles', m.roles, 'owner', m.owner)), '[]') FROM public.memberships m),
  'totp', (SELECT coalesce(jsonb_agg(jsonb_build_object('person', f.user_id, 'created_at', f.created_at)), '[]') FROM public.totp_factors f),
  'passkeys', (SELECT coalesce(jsonb_agg(p.passkey_id), '[]') FROM public.passkeys p),
  'recovery_codes', (SELECT coalesce(jsonb_agg(encode(c.hash, 'hex')), '[]') FROM public.recovery_codes c WHERE c.used_at IS NULL),
  'providers', (SELECT coalesce(jsonb_agg(p.provider_id), '[]') FROM public.sso_providers p WHERE p.enabled)
)::text END AS ledger
