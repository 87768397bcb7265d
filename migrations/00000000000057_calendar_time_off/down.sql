-- What is not of whole days cannot be said any more.
DELETE FROM time_off WHERE starts_at IS NOT NULL;
DROP INDEX time_off_by_rep;
ALTER TABLE time_off DROP COLUMN starts_at, DROP COLUMN ends_at, DROP COLUMN source;
