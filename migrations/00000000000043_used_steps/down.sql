ALTER TABLE totp_factors DROP COLUMN used_steps;
