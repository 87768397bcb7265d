DROP FUNCTION routing_census();
