DROP TABLE context_keys;
DROP FUNCTION place_person_table(regclass);
DROP FUNCTION place_tenant_table(regclass);
DROP FUNCTION current_user_id();
DROP FUNCTION current_tenant();
DROP FUNCTION context_part(integer);
