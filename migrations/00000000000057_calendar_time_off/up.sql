-- Time off out of a rep's calendar: absences that are not whole days, and which ones the next import replaces.
ALTER TABLE time_off
  ADD COLUMN starts_at timestamptz,           -- with ends_at: an absence that is not of whole days; first_day and
  ADD COLUMN ends_at timestamptz,             -- last_day are then the local days that it touches
  ADD COLUMN source text NOT NULL DEFAULT 'hand' COLLATE "C" CHECK (source IN ('hand', 'calendar')),
  ADD CONSTRAINT time_off_spell CHECK ((starts_at IS NULL) = (ends_at IS NULL) AND (starts_at IS NULL OR ends_at > starts_at));
CREATE INDEX time_off_by_rep ON time_off (tenant_id, rep_id, source);
