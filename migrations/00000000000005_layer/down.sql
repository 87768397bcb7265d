DROP TABLE layer_values;
DROP TABLE layer_records;
DROP TABLE layer_fields;
