DROP TABLE audit_log_default;
DROP TABLE assignments_default;
DROP FUNCTION partitions_ensure(integer);
