DROP FUNCTION daemons_census(timestamptz);
DROP FUNCTION daemon_gone(text);
DROP FUNCTION daemon_seen(text, text, timestamptz, timestamptz);
DROP TABLE daemons;
