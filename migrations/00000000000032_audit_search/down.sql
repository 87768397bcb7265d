DROP INDEX audit_heads_size;
DROP INDEX audit_log_outcome;
DROP INDEX audit_log_resource;
DROP INDEX audit_log_action;
DROP INDEX audit_log_actor;
