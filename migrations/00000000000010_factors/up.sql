-- Second factors: authenticator apps, passkeys, recovery codes, and the challenges that ask for them
-- (LR-14 to LR-16, LM-10, LM-89, CX-18).

GRANT CREATE ON SCHEMA public TO revkeep_system; -- taken back below

-- The tenant's switch: everybody in it needs a factor, not only those whose role does.
ALTER TABLE tenants ADD COLUMN factor_for_all boolean NOT NULL DEFAULT false;

ALTER TABLE sessions
  ADD COLUMN password_at timestamptz,   -- when the password was last proven in this session
  ADD COLUMN factor_at   timestamptz;   -- when a second factor was

CREATE TABLE totp_factors (
  user_id       uuid PRIMARY KEY REFERENCES users,
  secret_sealed bytea NOT NULL,
  created_at    timestamptz NOT NULL,
  confirmed_at  timestamptz,            -- counts from then on
  last_step     bigint                  -- the newest 30 s step whose code was used: no step serves twice
);
SELECT place_person_table('totp_factors');
GRANT SELECT, INSERT, UPDATE, DELETE ON totp_factors TO revkeep_auth;
GRANT SELECT ON totp_factors TO revkeep_system;

CREATE TABLE passkeys (
  passkey_id    uuid PRIMARY KEY,
  user_id       uuid NOT NULL REFERENCES users,
  credential_id bytea NOT NULL UNIQUE,
  credential    jsonb NOT NULL,         -- public key, signature counter, flags
  name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  created_at    timestamptz NOT NULL,
  last_used_at  timestamptz
);
CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at);
SELECT place_person_table('passkeys');
GRANT SELECT, INSERT, UPDATE, DELETE ON passkeys TO revkeep_auth;
GRANT SELECT ON passkeys TO revkeep_system;

CREATE TABLE recovery_codes (
  user_id    uuid NOT NULL REFERENCES users,
  hash       bytea NOT NULL,            -- HMAC-SHA256 of 80 random bits
  created_at timestamptz NOT NULL,
  used_at    timestamptz,
  PRIMARY KEY (user_id, hash)
);
SELECT place_person_table('recovery_codes');
GRANT SELECT, INSERT, UPDATE, DELETE ON recovery_codes TO revkeep_auth;
GRANT SELECT ON recovery_codes TO revkeep_system;

-- A question that waits for its answer: the factor after a right password, a step-up, a new passkey.
CREATE TABLE factor_challenges (
  challenge_id uuid PRIMARY KEY,
  user_id      uuid NOT NULL REFERENCES users,
  purpose      text NOT NULL CHECK (purpose IN ('sign_in', 'step_up', 'passkey_add')),
  hash         bytea UNIQUE,            -- SHA-256 of the sign-in cookie
  session_id   uuid,                    -- whose step-up or new passkey it is
  tenant_id    uuid,                    -- where a sign-in leads
  failures     integer NOT NULL DEFAULT 0,
  ceremony     jsonb,                   -- what the passkey's answer is checked against
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  ended_at     timestamptz,             -- answered or void
  CHECK ((purpose = 'sign_in') = (hash IS NOT NULL AND tenant_id IS NOT NULL)),
  CHECK ((purpose <> 'sign_in') = (session_id IS NOT NULL))
);
CREATE INDEX factor_challenges_by_user ON factor_challenges (user_id, created_at);
SELECT place_person_table('factor_challenges');
GRANT SELECT, INSERT, UPDATE, DELETE ON factor_challenges TO revkeep_auth;
GRANT SELECT ON factor_challenges TO revkeep_system;

-- Sign-ins by passkey that have begun: nobody is known yet, so no person's table can hold them.
CREATE TABLE passkey_sign_ins (
  hash       bytea PRIMARY KEY,         -- SHA-256 of the sign-in cookie
  ceremony   jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON passkey_sign_ins TO revkeep_auth;

-- The closed lists stand in the code that writes them; here only their form.
ALTER TABLE attempt_counters DROP CONSTRAINT attempt_counters_scope_check,
  ADD CONSTRAINT attempt_counters_scope_check CHECK (scope ~ '^[a-z_]{1,40}$');
ALTER TABLE notices DROP CONSTRAINT notices_kind_check,
  ADD CONSTRAINT notices_kind_check CHECK (kind ~ '^[a-z_]{1,40}$');

CREATE FUNCTION factor_challenge_by_hash(wanted bytea) RETURNS TABLE (challenge_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.challenge_id, c.user_id FROM public.factor_challenges c WHERE c.hash = wanted
$$;
-- Whose passkey this is, and whether that person may come in.
CREATE FUNCTION passkey_by_credential(wanted bytea) RETURNS TABLE (passkey_id uuid, user_id uuid, user_state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.passkey_id, p.user_id, u.state
  FROM public.passkeys p JOIN public.users u ON u.user_id = p.user_id
  WHERE p.credential_id = wanted
$$;

DROP FUNCTION session_standing(uuid);
CREATE FUNCTION session_standing(wanted uuid) RETURNS TABLE (
  user_id uuid, tenant_id uuid, expires_at timestamptz, last_used_at timestamptz, ended_at timestamptz,
  user_state text, super_admin boolean, roles text[], owner boolean, epoch integer, tenant_state text,
  factor_at timestamptz, has_factor boolean, factor_for_all boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.user_id, s.tenant_id, s.expires_at, s.last_used_at, s.ended_at,
         u.state, u.super_admin, m.roles, m.owner, m.epoch, t.state,
         s.factor_at,
         EXISTS (SELECT FROM public.totp_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)
           OR EXISTS (SELECT FROM public.passkeys p WHERE p.user_id = s.user_id),
         t.factor_for_all
  FROM public.sessions s
  JOIN public.users u ON u.user_id = s.user_id
  JOIN public.tenants t ON t.tenant_id = s.tenant_id
  JOIN public.memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
  WHERE s.session_id = wanted
$$;
ALTER FUNCTION factor_challenge_by_hash(bytea) OWNER TO revkeep_system;
ALTER FUNCTION passkey_by_credential(bytea) OWNER TO revkeep_system;
ALTER FUNCTION session_standing(uuid) OWNER TO revkeep_system;
REVOKE ALL ON FUNCTION factor_challenge_by_hash(bytea), passkey_by_credential(bytea), session_standing(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION factor_challenge_by_hash(bytea), passkey_by_credential(bytea), session_standing(uuid) TO revkeep_auth;

REVOKE CREATE ON SCHEMA public FROM revkeep_system;
