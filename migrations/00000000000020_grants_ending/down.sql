DROP TABLE grants_ending;
