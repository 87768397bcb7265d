DROP FUNCTION routing_census();
REVOKE SELECT ON routing_records FROM revkeep_system;
