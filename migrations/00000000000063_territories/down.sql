ALTER TABLE rule_versions DROP COLUMN territories;
ALTER TABLE routers DROP COLUMN territories;
DROP TABLE territory_sets;
