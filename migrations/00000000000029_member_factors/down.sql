CREATE OR REPLACE VIEW members WITH (security_barrier = true) AS
  SELECT m.tenant_id, m.user_id, u.name, u.email_sealed, m.roles, m.owner,
         CASE WHEN m.state = 'active' THEN u.state ELSE m.state END AS state,
         m.epoch, m.created_at AS joined_at,
         (SELECT max(s.last_used_at) FROM sessions s WHERE s.user_id = m.user_id AND s.tenant_id = m.tenant_id) AS last_seen_at,
         EXISTS (SELECT FROM totp_factors f WHERE f.user_id = m.user_id AND f.confirmed_at IS NOT NULL) AS totp,
         (SELECT count(*) FROM passkeys p WHERE p.user_id = m.user_id) AS passkeys,
         (SELECT count(*) FROM recovery_codes c WHERE c.user_id = m.user_id AND c.used_at IS NULL) AS recovery_remaining
  FROM memberships m JOIN users u ON u.user_id = m.user_id
  WHERE m.tenant_id = (SELECT current_tenant());
