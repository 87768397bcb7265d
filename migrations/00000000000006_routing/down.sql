DROP TABLE assignments;
DROP TABLE routing_records;
DROP TABLE rules;
DROP TABLE pool_members;
DROP TABLE pools;
DROP TABLE queues;
DROP TABLE reps;
DROP TABLE routers;
