// Where the documentation says more. help.test.ts holds each place against the chapters themselves. Pure.

/** Places for the codes and findings that somebody meets and can do something about. */
const BY_CODE: Record<string, string> = {
  sealed: "admin-guide.html#vault-is-sealed-or-does-not-answer",
  secrets_sealed: "admin-guide.html#vault-is-sealed-or-does-not-answer",
  secrets_unreachable: "secrets.html#when-it-does-not-work",
  secrets_denied: "secrets.html#when-it-does-not-work",
  database_unreachable: "admin-guide.html#postgresql-is-down",
  commit_in_doubt: "high-availability.html#when-a-node-dies",
  rate_limited: "admin-guide.html#sign-in-is-refused",
  factor_invalid: "admin-guide.html#codes-of-a-second-factor-are-refused",
  connection_broken: "user-guide.html#reconnect-required",
  sso_provider_wrong: "single-sign-on.html#when-somebody-cannot-sign-in",
  sso_not_member: "single-sign-on.html#when-somebody-cannot-sign-in",
};

const BY_SUBJECT: Record<string, string> = {
  certificate: "certificates.html#when-it-goes-wrong",
  secrets: "secrets.html#when-it-does-not-work",
  database: "troubleshooting.html#nobody-reaches-the-page",
  clock: "troubleshooting.html#somebody-cannot-sign-in",
  jobs: "troubleshooting.html#leads-are-not-routed",
  connections: "troubleshooting.html#leads-are-not-routed",
  tokens: "troubleshooting.html#leads-are-not-routed",
  mail: "troubleshooting.html#mail-does-not-arrive",
  siem: "troubleshooting.html#the-siem-lacks-entries",
  "audit log": "troubleshooting.html#the-audit-log",
  controls: "security/verify.html",
  disk: "troubleshooting.html#the-disk-fills",
  partitions: "troubleshooting.html#partitions",
  ports: "troubleshooting.html#ports-and-sandbox",
  sandbox: "troubleshooting.html#ports-and-sandbox",
  "system updates": "troubleshooting.html#ports-and-sandbox",
  "signing key": "admin-guide.html#signing-keys",
};

export const HELP_PLACES = [...Object.values(BY_CODE), ...Object.values(BY_SUBJECT)];

export const helpHome = "/help/";
export const helpSearch = (words: string): string => `/help/search?${new URLSearchParams({ q: words }).toString()}`;
/** A code without a place of its own stands in the list of codes, which the search finds. */
export const helpForCode = (code: string): string => (code in BY_CODE ? `/help/${BY_CODE[code]}` : helpSearch(code));
export const helpForSubject = (subject: string): string | undefined => (subject in BY_SUBJECT ? `/help/${BY_SUBJECT[subject]}` : undefined);
