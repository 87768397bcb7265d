-- Lead routing: configuration, the one mark per record, and the routing log.

CREATE TABLE routers (
  tenant_id   uuid NOT NULL,
  router_id   uuid NOT NULL,
  object      text NOT NULL COLLATE "C" CHECK (object IN ('Lead', 'Contact')),
  state       text NOT NULL DEFAULT 'off' CHECK (state IN ('off', 'baselining', 'active', 'paused')),
  enrollment  text NOT NULL,                  -- what the person wrote
  canonical   text NOT NULL,                  -- printed from the AST; what is sent
  fallback    jsonb,                          -- a target, or NULL: no fallback
  cycle_seconds integer NOT NULL DEFAULT 60 CHECK (cycle_seconds BETWEEN 1 AND 3600),
  watermark   timestamptz,                    -- newest SystemModstamp that was fetched
  epoch       integer NOT NULL DEFAULT 0,     -- raised by each activation (baseline)
  activated_at timestamptz,
  activated_by uuid,
  last_cycle  jsonb,
  rules_version bigint NOT NULL DEFAULT 1,    -- raised by any change to the rules or their order
  version     bigint NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, router_id),
  UNIQUE (tenant_id, object)
);
SELECT place_tenant_table('routers');
GRANT SELECT, INSERT, UPDATE, DELETE ON routers TO revkeep_app;

CREATE TABLE reps (
  tenant_id   uuid NOT NULL,
  rep_id      uuid NOT NULL,
  external_id text NOT NULL COLLATE "C",      -- Salesforce User id, 18 characters
  name        text NOT NULL,
  active      boolean NOT NULL,               -- active at Salesforce
  paused      boolean NOT NULL DEFAULT false, -- taken out of routing by hand
  last_assigned_at timestamptz,
  synced_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, rep_id),
  UNIQUE (tenant_id, external_id)
);
SELECT place_tenant_table('reps');
GRANT SELECT, INSERT, UPDATE, DELETE ON reps TO revkeep_app;

CREATE TABLE queues (
  tenant_id   uuid NOT NULL,
  queue_id    uuid NOT NULL,
  external_id text NOT NULL COLLATE "C",      -- Salesforce Group id, 18 characters
  name        text NOT NULL,
  objects     text[] NOT NULL,                -- what the queue may own
  synced_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, queue_id),
  UNIQUE (tenant_id, external_id)
);
SELECT place_tenant_table('queues');
GRANT SELECT, INSERT, UPDATE, DELETE ON queues TO revkeep_app;

CREATE TABLE pools (
  tenant_id  uuid NOT NULL,
  pool_id    uuid NOT NULL,
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  version    bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, pool_id),
  UNIQUE (tenant_id, name)
);
SELECT place_tenant_table('pools');
GRANT SELECT, INSERT, UPDATE, DELETE ON pools TO revkeep_app;

CREATE TABLE pool_members (
  tenant_id uuid NOT NULL,
  pool_id   uuid NOT NULL,
  rep_id    uuid NOT NULL,
  weight    integer NOT NULL CHECK (weight BETWEEN 1 AND 1000),
  credit    bigint NOT NULL DEFAULT 0,        -- the rotation's running weight
  PRIMARY KEY (tenant_id, pool_id, rep_id),
  FOREIGN KEY (tenant_id, pool_id) REFERENCES pools ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, rep_id) REFERENCES reps
);
SELECT place_tenant_table('pool_members');
GRANT SELECT, INSERT, UPDATE, DELETE ON pool_members TO revkeep_app;

CREATE TABLE rules (
  tenant_id  uuid NOT NULL,
  rule_id    uuid NOT NULL,
  router_id  uuid NOT NULL,
  position   integer NOT NULL,
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  enabled    boolean NOT NULL,
  condition  jsonb NOT NULL,
  target     jsonb NOT NULL,
  version    bigint NOT NULL DEFAULT 1,
  updated_by uuid,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, rule_id),
  UNIQUE (tenant_id, router_id, position) DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (tenant_id, router_id) REFERENCES routers
);
SELECT place_tenant_table('rules');
GRANT SELECT, INSERT, UPDATE, DELETE ON rules TO revkeep_app;

-- One mark per record that enrollment ever matched: where it stands now (LR-49), and what keeps it
-- from being routed twice (LR-48). Not partitioned, never pruned with the log.
CREATE TABLE routing_records (
  tenant_id   uuid NOT NULL,
  object      text NOT NULL COLLATE "C",
  record_id   text NOT NULL COLLATE "C",
  router_id   uuid NOT NULL,
  state       text NOT NULL CHECK (state IN ('baseline', 'waiting', 'proposed', 'claimed', 'assigned', 'failed', 'given_up', 'in_doubt')),
  reason_code text,                           -- why it is not assigned
  attempts    integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  assignment_id uuid,
  assignment_at timestamptz,                  -- decided_at of that assignment: its partition
  claim       uuid,                           -- the batch that holds it
  claim_until timestamptz,
  first_seen_at timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, object, record_id),
  FOREIGN KEY (tenant_id, router_id) REFERENCES routers
);
CREATE INDEX routing_records_by_state ON routing_records (tenant_id, state, updated_at DESC, record_id DESC);
-- What a cycle looks for. A record that is written without trouble goes from claimed to assigned, and
-- never stands in here.
CREATE INDEX routing_records_work ON routing_records (tenant_id, router_id, state, next_attempt_at) WHERE state IN ('waiting', 'proposed', 'failed', 'in_doubt');
SELECT place_tenant_table('routing_records');
GRANT SELECT, INSERT, UPDATE ON routing_records TO revkeep_app;

-- The routing log (LR-47). Ids only; the values that a decision read stay in the layer.
CREATE TABLE assignments (
  tenant_id     uuid NOT NULL,
  decided_at    timestamptz NOT NULL,
  assignment_id uuid NOT NULL,
  object        text NOT NULL COLLATE "C",
  record_id     text NOT NULL COLLATE "C",
  router_id     uuid NOT NULL,
  rules_version bigint NOT NULL,
  rule_id       uuid,                         -- NULL: the fallback
  rule_version  bigint,
  target_kind   text NOT NULL CHECK (target_kind IN ('user', 'pool', 'queue')),
  target_id     uuid NOT NULL,
  rep_id        uuid,
  new_owner     text NOT NULL COLLATE "C",
  previous_owner text COLLATE "C",
  state         text NOT NULL CHECK (state IN ('proposed', 'assigned', 'in_doubt', 'failed')),
  reasons       jsonb NOT NULL,               -- why each rule and candidate passed or lost, compactly
  source_created_at timestamptz,
  sent_at       timestamptz,                  -- when the CRM was asked
  written_at    timestamptz,
  outcome_code  text,
  PRIMARY KEY (tenant_id, decided_at, assignment_id)
) PARTITION BY RANGE (decided_at);
CREATE INDEX assignments_by_record ON assignments (tenant_id, object, record_id, decided_at DESC);
CREATE INDEX assignments_by_id ON assignments (tenant_id, assignment_id);
CREATE INDEX assignments_by_rep ON assignments (tenant_id, rep_id, decided_at DESC);
CREATE INDEX assignments_by_rule ON assignments (tenant_id, rule_id, decided_at DESC);
SELECT place_tenant_table('assignments');
-- What was decided stays as it was: only what became of it is written later.
GRANT SELECT, INSERT, UPDATE (state, sent_at, written_at, outcome_code) ON assignments TO revkeep_app;
