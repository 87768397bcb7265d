DROP FUNCTION siem_log_end();
DROP FUNCTION siem_heads(bigint, bigint, integer);
DROP FUNCTION siem_entries(bigint, integer);
DROP FUNCTION siem_targets_enabled();
DROP TABLE siem_cursors;
DROP TABLE siem_targets;
DROP FUNCTION siem_targets_limit();
