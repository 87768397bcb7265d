-- The codes that were used last, so that none serves twice when the clock is set back either: then the newest step
-- lies in the future, and alone would keep its owner out until the time is there again.
ALTER TABLE totp_factors
  ADD COLUMN used_steps bigint[] NOT NULL DEFAULT array_fill(0::bigint, ARRAY[32])   -- newest first
    CHECK (cardinality(used_steps) = 32);
