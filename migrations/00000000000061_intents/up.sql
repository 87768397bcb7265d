-- What programs ask for and a person decides (OB-23, OB-24): the machines' role writes a line here, and nothing else
-- comes of it. Deciding, and what follows, is a person's transaction.
CREATE TABLE intents (
  tenant_id  uuid NOT NULL,
  intent_id  uuid NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('record_retry', 'time_off')),
  subject    text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200), -- what it is about; while one waits, the same is not asked again
  wish       jsonb NOT NULL,
  reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500), -- the program's own words
  grant_id   uuid NOT NULL,
  asked_at   timestamptz NOT NULL,
  state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'approved', 'declined')),
  decided_by uuid,
  decided_at timestamptz,
  PRIMARY KEY (tenant_id, intent_id),
  CHECK ((state = 'waiting') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX intents_waiting ON intents (tenant_id, kind, subject) WHERE state = 'waiting';
SELECT place_tenant_table('intents');
GRANT SELECT, UPDATE ON intents TO revkeep_app;
GRANT INSERT ON intents TO revkeep_gateway;
-- A program's line is undecided, whatever it says.
CREATE POLICY undecided ON intents AS RESTRICTIVE FOR INSERT TO revkeep_gateway
  WITH CHECK (state = 'waiting' AND decided_by IS NULL AND decided_at IS NULL);
