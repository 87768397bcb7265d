DROP FUNCTION intents_forget(timestamptz, integer);
DROP FUNCTION intents_due(timestamptz);
DROP POLICY room ON intents;
DROP FUNCTION intent_room(uuid);
REVOKE SELECT, DELETE ON intents FROM revkeep_system;
DROP INDEX intents_by_end;
DROP INDEX intents_by_age;
DROP INDEX intents_by_grant;
-- The state was not known before; nobody wanted what ended so.
UPDATE intents SET state = 'declined' WHERE state = 'expired';
ALTER TABLE intents DROP CONSTRAINT intents_state_check,
  ADD CONSTRAINT intents_state_check CHECK (state IN ('waiting', 'approved', 'declined'));
