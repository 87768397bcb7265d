-- The data layer: what was brought in from the CRM, field by field, and nothing else (LR-01, LR-02).

CREATE TABLE layer_fields (
  tenant_id  uuid NOT NULL,
  field_id   uuid NOT NULL,
  object     text NOT NULL COLLATE "C" CHECK (object IN ('Lead', 'Contact')),
  name       text NOT NULL COLLATE "C",
  label      text NOT NULL,
  data_type  text NOT NULL CHECK (data_type IN ('string', 'number', 'boolean', 'date', 'datetime', 'picklist', 'id')),
  data_class text NOT NULL CHECK (data_class IN ('crm_personal', 'crm_business', 'crm_id')),
  reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  searchable boolean NOT NULL DEFAULT false,
  required   boolean NOT NULL DEFAULT false,  -- routing itself needs it
  added_by   uuid,
  added_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, field_id),
  UNIQUE (tenant_id, object, name)
);
SELECT place_tenant_table('layer_fields');
GRANT SELECT, INSERT, UPDATE, DELETE ON layer_fields TO revkeep_app;

CREATE TABLE layer_records (
  tenant_id  uuid NOT NULL,
  object     text NOT NULL COLLATE "C",
  record_id  text NOT NULL COLLATE "C",       -- the CRM's id, 18 characters
  owner_id   text COLLATE "C",
  fields     jsonb NOT NULL,                  -- name -> value, for names in layer_fields only
  source_created_at  timestamptz,
  source_modified_at timestamptz NOT NULL,
  imported_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, object, record_id)
) WITH (fillfactor = 60);                     -- a new owner is noted beside the record, so that no index changes
CREATE INDEX layer_records_recent ON layer_records (tenant_id, object, imported_at DESC, record_id DESC);
SELECT place_tenant_table('layer_records');
GRANT SELECT, INSERT, UPDATE, DELETE ON layer_records TO revkeep_app;

-- Searchable values, normalised (lower case, trimmed), because under row security only leakproof
-- operators reach an index.
CREATE TABLE layer_values (
  tenant_id uuid NOT NULL,
  field_id  uuid NOT NULL,
  value     text NOT NULL COLLATE "C",
  record_id text NOT NULL COLLATE "C",
  PRIMARY KEY (tenant_id, field_id, value, record_id),
  FOREIGN KEY (tenant_id, field_id) REFERENCES layer_fields ON DELETE CASCADE
);
CREATE INDEX layer_values_by_record ON layer_values (tenant_id, record_id);
SELECT place_tenant_table('layer_values');
GRANT SELECT, INSERT, UPDATE, DELETE ON layer_values TO revkeep_app;
