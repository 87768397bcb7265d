-- Searching the audit log: each filter of its page reaches a tenant's entries newest first (LM-79). Under row
-- security only leakproof comparisons become index conditions, which those of uuid, text and timestamptz are.
CREATE INDEX audit_log_actor ON audit_log (tenant_id, actor_id, at, audit_id);
CREATE INDEX audit_log_action ON audit_log (tenant_id, action, at, audit_id);
CREATE INDEX audit_log_resource ON audit_log (tenant_id, resource_id, at, audit_id);
-- What was refused or failed is rare, and what people look for first.
CREATE INDEX audit_log_outcome ON audit_log (tenant_id, outcome, at, audit_id) WHERE outcome <> 'done';

-- Which head was the first over a position.
CREATE INDEX audit_heads_size ON audit_heads (size, number);
