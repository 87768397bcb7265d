-- Territories belong to a router's rule set: the draft names the set that it has, and each published version
-- the one that it was published with. A set is written whole and never changed, so versions share it.

CREATE TABLE territory_sets (
  tenant_id  uuid NOT NULL,
  router_id  uuid NOT NULL,
  number     bigint NOT NULL,
  content    jsonb NOT NULL,                  -- the layer's fields that are read, and the territories in order
  areas      integer NOT NULL CHECK (areas BETWEEN 0 AND 50000),
  created_at timestamptz NOT NULL,
  created_by uuid,
  PRIMARY KEY (tenant_id, router_id, number),
  FOREIGN KEY (tenant_id, router_id) REFERENCES routers
);
SELECT place_tenant_table('territory_sets');
-- One that no version was published with goes when the draft has another.
GRANT SELECT, INSERT, DELETE ON territory_sets TO revkeep_app;

ALTER TABLE routers ADD COLUMN territories bigint;       -- the draft's set; NULL: none
ALTER TABLE rule_versions ADD COLUMN territories bigint; -- the version's; NULL: none
ALTER TABLE rule_versions ADD FOREIGN KEY (tenant_id, router_id, territories) REFERENCES territory_sets;
