-- When reps are there and how many records they may get: working hours, holidays, time off, caps; and
-- what a rule does when nobody is (LR-49, LR-57).

-- The holidays of a country or an office; reps and pools name one.
CREATE TABLE holiday_calendars (
  tenant_id   uuid NOT NULL,
  calendar_id uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  days        jsonb NOT NULL,                 -- [{"day": "2026-12-25", "name": "Christmas Day"}], by day
  version     bigint NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, calendar_id),
  UNIQUE (tenant_id, name)
);
SELECT place_tenant_table('holiday_calendars');
GRANT SELECT, INSERT, UPDATE, DELETE ON holiday_calendars TO revkeep_app;

ALTER TABLE reps
  ADD COLUMN time_zone text COLLATE "C",      -- IANA; NULL: UTC
  ADD COLUMN hours integer[],                 -- start, end, start, end in minutes of the local week; NULL: at any hour
  ADD COLUMN calendar_id uuid,
  ADD COLUMN cap_hour integer CHECK (cap_hour BETWEEN 1 AND 100000), -- NULL: any number, as the next
  ADD COLUMN cap_day integer CHECK (cap_day BETWEEN 1 AND 100000),
  ADD COLUMN cap_week integer CHECK (cap_week BETWEEN 1 AND 100000),
  ADD COLUMN version bigint NOT NULL DEFAULT 1, -- raised by each change that a person makes
  ADD FOREIGN KEY (tenant_id, calendar_id) REFERENCES holiday_calendars;

-- What a pool lets each of its members have through it.
ALTER TABLE pools
  ADD COLUMN calendar_id uuid,
  ADD COLUMN cap_hour integer CHECK (cap_hour BETWEEN 1 AND 100000),
  ADD COLUMN cap_day integer CHECK (cap_day BETWEEN 1 AND 100000),
  ADD COLUMN cap_week integer CHECK (cap_week BETWEEN 1 AND 100000),
  ADD FOREIGN KEY (tenant_id, calendar_id) REFERENCES holiday_calendars;

-- Whole days of the rep's own calendar, the last included.
CREATE TABLE time_off (
  tenant_id   uuid NOT NULL,
  time_off_id uuid NOT NULL,
  rep_id      uuid NOT NULL,
  first_day   date NOT NULL,
  last_day    date NOT NULL,
  reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
  created_by  uuid,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, time_off_id),
  CHECK (last_day >= first_day),
  FOREIGN KEY (tenant_id, rep_id) REFERENCES reps
);
CREATE INDEX time_off_by_end ON time_off (tenant_id, last_day, rep_id);
SELECT place_tenant_table('time_off');
GRANT SELECT, INSERT, DELETE ON time_off TO revkeep_app;

-- What a rule that matches does when nobody of its target is available.
ALTER TABLE rules ADD COLUMN unavailable text NOT NULL DEFAULT 'wait' CHECK (unavailable IN ('wait', 'pass_on'));

-- A record that waits for somebody has no assignment, so it is not one of those that wait to be written.
ALTER TABLE routing_records
  DROP CONSTRAINT routing_records_state_check,
  ADD CONSTRAINT routing_records_state_check CHECK (state IN ('baseline', 'postponed', 'waiting', 'proposed', 'claimed', 'assigned', 'failed', 'given_up', 'in_doubt'));
DROP INDEX routing_records_work;
CREATE INDEX routing_records_work ON routing_records (tenant_id, router_id, state, next_attempt_at) WHERE state IN ('postponed', 'waiting', 'proposed', 'failed', 'in_doubt');
