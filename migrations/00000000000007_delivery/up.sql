-- Mail: what is to be told to whom, once per window (LR-52, LR-53). A row holds ids and counts; the
-- text is written, and the address opened, when the mail is sent.

CREATE TABLE notices (
  tenant_id   uuid NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('routing_failures', 'connection_broken', 'session_theft')),
  window_start timestamptz NOT NULL,
  subject_id  text NOT NULL DEFAULT '',       -- the connection or person that it is about
  records     bigint NOT NULL DEFAULT 0,      -- distinct records in the window
  reasons     jsonb NOT NULL DEFAULT '{}',    -- reason code -> count
  state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'sending', 'sent', 'failed', 'in_doubt')),
  sent_at     timestamptz,
  error_code  text,
  PRIMARY KEY (tenant_id, kind, window_start, subject_id)
);
SELECT place_tenant_table('notices');
GRANT SELECT, INSERT, UPDATE ON notices TO revkeep_app;
GRANT INSERT ON notices TO revkeep_auth;
