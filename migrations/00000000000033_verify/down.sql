DROP FUNCTION verify_census();
REVOKE SELECT ON oauth_states, signing_keys, grants_ending FROM revkeep_system;
DROP TABLE verify_runs;
