-- A postponed record is tried again at once.
UPDATE routing_records SET state = 'failed' WHERE state = 'postponed';
DROP INDEX routing_records_work;
CREATE INDEX routing_records_work ON routing_records (tenant_id, router_id, state, next_attempt_at) WHERE state IN ('waiting', 'proposed', 'failed', 'in_doubt');
ALTER TABLE routing_records
  DROP CONSTRAINT routing_records_state_check,
  ADD CONSTRAINT routing_records_state_check CHECK (state IN ('baseline', 'waiting', 'proposed', 'claimed', 'assigned', 'failed', 'given_up', 'in_doubt'));
ALTER TABLE rules DROP COLUMN unavailable;
DROP TABLE time_off;
ALTER TABLE pools DROP COLUMN cap_week, DROP COLUMN cap_day, DROP COLUMN cap_hour, DROP COLUMN calendar_id;
ALTER TABLE reps DROP COLUMN version, DROP COLUMN cap_week, DROP COLUMN cap_day, DROP COLUMN cap_hour, DROP COLUMN calendar_id, DROP COLUMN hours, DROP COLUMN time_zone;
DROP TABLE holiday_calendars;
