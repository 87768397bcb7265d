-- The one table that no dump holds, as the migrations make it; run by revkeep_owner in a database that was
-- restored.
CREATE TABLE public.context_keys (
  id     smallint PRIMARY KEY,
  inner_pad bytea NOT NULL CHECK (length(inner_pad) = 64),
  outer_pad bytea NOT NULL CHECK (length(outer_pad) = 64),
  created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON public.context_keys TO revkeep_system;
REVOKE ALL ON public.context_keys FROM revkeep_backup;
