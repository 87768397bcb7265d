DROP FUNCTION upkeep_marked();
DROP FUNCTION upkeep_mark(text, timestamptz, jsonb);
DROP TABLE upkeep_marks;
DROP FUNCTION rewraps_open();
DROP FUNCTION leases_census(timestamptz);
DROP FUNCTION queue_census(timestamptz);
DROP FUNCTION daemon_series(timestamptz, integer);
DROP FUNCTION daemon_sampled(text, timestamptz, bigint, bigint, double precision, double precision, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint);
DROP TABLE daemon_samples;
