-- Rights on one database, run by its superuser after CREATE DATABASE: a template's rights are not
-- copied to its clones. {database} is quoted by the caller.
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO revkeep_owner, revkeep_app, revkeep_auth, revkeep_gateway, revkeep_agents, revkeep_auditor, revkeep_backup;
GRANT CREATE, TEMPORARY ON DATABASE {database} TO revkeep_owner;
