// Every address of the app and of the API, built in one place (paths.test.ts holds the snapshot).

type QueryValue = string | number | undefined | null;

function withQuery(path: string, query: Record<string, QueryValue> = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") params.set(key, String(value));
  }
  const text = params.toString();
  return text === "" ? path : `${path}?${text}`;
}

const e = encodeURIComponent;
const v1 = "/api/console/v1";

export interface ListQuery { cursor?: string | undefined; limit?: number | undefined }
export interface AssignmentQuery { q?: string; rule?: string; rep?: string; state?: string; from?: string; to?: string }
export interface FailureQuery { state?: string; reason?: string; q?: string }
export interface JobQuery { state?: string; kind?: string }
export interface MemberQuery { q?: string; state?: string }
export interface InvitationQuery { state?: string }
export interface TenantQuery { q?: string; state?: string }

export const api = {
  ready: () => "/health/ready",
  setup: () => `${v1}/setup`,
  session: () => `${v1}/session`,
  sessionRefresh: () => `${v1}/session/refresh`,
  sessionTenant: () => `${v1}/session/tenant`,
  sessionFactor: () => `${v1}/session/factor`,
  sessionPasskeyBegin: () => `${v1}/session/passkey/begin`,
  sessionPasskey: () => `${v1}/session/passkey`,
  sessionStepUpBegin: () => `${v1}/session/step-up/begin`,
  sessionStepUp: () => `${v1}/session/step-up`,
  sessionLeave: () => `${v1}/session/leave`,
  signInDiscover: () => `${v1}/sign-in/discover`,
  ssoStart: () => `${v1}/sso/start`,
  ssoOidcComplete: () => `${v1}/sso/oidc/complete`,
  ssoSamlComplete: () => `${v1}/sso/saml/complete`,
  ssoLdapSignIn: () => `${v1}/sso/ldap/sign-in`,
  ssoSignOut: () => `${v1}/sso/sign-out`,
  ssoProviders: () => `${v1}/sso/providers`,
  ssoProvider: (id: string) => `${v1}/sso/providers/${e(id)}`,
  ssoProviderTest: (id: string) => `${v1}/sso/providers/${e(id)}/test`,
  ssoProviderTestDirectory: (id: string) => `${v1}/sso/providers/${e(id)}/test-directory`,
  ssoDomains: () => `${v1}/sso/domains`,
  ssoDomain: (domain: string) => `${v1}/sso/domains/${e(domain)}`,
  ssoSettings: () => `${v1}/sso/settings`,
  scim: () => `${v1}/sso/scim`,
  scimTokens: () => `${v1}/sso/scim/tokens`,
  scimToken: (id: string) => `${v1}/sso/scim/tokens/${e(id)}`,
  scimGroup: (id: string) => `${v1}/sso/scim/groups/${e(id)}`,
  platformSsoDomains: () => `${v1}/platform/sso/domains`,
  platformSsoDomainVerify: () => `${v1}/platform/sso/domains/verify`,
  signInOptions: () => `${v1}/sign-in/options`,
  me: () => `${v1}/me`,
  myPassword: () => `${v1}/me/password`,
  myFactors: () => `${v1}/me/factors`,
  myTotp: () => `${v1}/me/factors/totp`,
  myTotpConfirm: () => `${v1}/me/factors/totp/confirm`,
  myPasskeysBegin: () => `${v1}/me/factors/passkeys/begin`,
  myPasskeys: () => `${v1}/me/factors/passkeys`,
  myPasskey: (id: string) => `${v1}/me/factors/passkeys/${e(id)}`,
  myRecovery: () => `${v1}/me/factors/recovery`,
  mySessions: () => `${v1}/me/sessions`,
  mySession: (id: string) => `${v1}/me/sessions/${e(id)}`,
  myInvitationAccept: () => `${v1}/me/invitations/accept`,
  myAuthorizations: () => `${v1}/me/authorizations`,
  myAuthorizationLook: () => `${v1}/me/authorizations/look`,
  myAuthorizationDeny: () => `${v1}/me/authorizations/deny`,
  myDeviceRequest: (code: string) => `${v1}/me/device-requests/${e(code)}`,
  myDeviceVerb: (code: string, verb: "approve" | "deny") => `${v1}/me/device-requests/${e(code)}/${verb}`,
  passwordStrength: () => `${v1}/password/strength`,
  passwordReset: () => `${v1}/password/reset`,
  passwordResetComplete: () => `${v1}/password/reset/complete`,
  members: (query: MemberQuery & ListQuery) => withQuery(`${v1}/members`, { ...query }),
  member: (id: string) => `${v1}/members/${e(id)}`,
  memberVerb: (id: string, verb: "sign-out" | "deactivate" | "reactivate" | "owner") => `${v1}/members/${e(id)}/${verb}`,
  memberFactorsReset: (id: string) => `${v1}/members/${e(id)}/factors/reset`,
  invitations: (query: InvitationQuery = {}) => withQuery(`${v1}/invitations`, { ...query }),
  invitation: (id: string) => `${v1}/invitations/${e(id)}`,
  invitationResend: (id: string) => `${v1}/invitations/${e(id)}/resend`,
  invitationLook: () => `${v1}/invitations/look`,
  invitationAccept: () => `${v1}/invitations/accept`,
  tenant: () => `${v1}/tenant`,
  signUp: () => `${v1}/sign-up`,
  signUpComplete: () => `${v1}/sign-up/complete`,
  supportVisits: () => `${v1}/support-visits`,
  supportVisitVerb: (id: string, verb: "consent" | "end") => `${v1}/support-visits/${e(id)}/${verb}`,
  apiKeys: () => `${v1}/api-keys`,
  apiKey: (id: string) => `${v1}/api-keys/${e(id)}`,
  apiKeyScopes: () => `${v1}/api-keys/scopes`,
  platformTenants: (query: TenantQuery & ListQuery = {}) => withQuery(`${v1}/platform/tenants`, { ...query }),
  platformTenantVerb: (id: string, verb: "activate" | "enter") => `${v1}/platform/tenants/${e(id)}/${verb}`,
  signingKeys: () => `${v1}/platform/signing-keys`,
  signingKeysRotate: () => `${v1}/platform/signing-keys/rotate`,
  overview: (tz: string) => withQuery(`${v1}/overview`, { tz }),
  connections: () => `${v1}/connections`,
  salesforce: () => `${v1}/connections/salesforce`,
  salesforceAuthorize: () => `${v1}/connections/salesforce/authorize`,
  salesforceComplete: () => `${v1}/connections/salesforce/complete`,
  salesforceDisconnect: () => `${v1}/connections/salesforce/disconnect`,
  layerObjects: () => `${v1}/layer/objects`,
  layerAvailable: (object: string) => `${v1}/layer/objects/${e(object)}/available`,
  layerFields: (object: string) => `${v1}/layer/objects/${e(object)}/fields`,
  layerField: (id: string) => `${v1}/layer/fields/${e(id)}`,
  layerRecords: (object: string, query: ListQuery & { q?: string }) => withQuery(`${v1}/layer/objects/${e(object)}/records`, { ...query }),
  reps: (q?: string) => withQuery(`${v1}/reps`, { q }),
  rep: (id: string) => `${v1}/reps/${e(id)}`,
  repsSync: () => `${v1}/reps/sync`,
  queues: () => `${v1}/queues`,
  pools: () => `${v1}/pools`,
  pool: (id: string) => `${v1}/pools/${e(id)}`,
  routers: () => `${v1}/routers`,
  router: (object: string) => `${v1}/routers/${e(object)}`,
  routerValidate: (object: string) => `${v1}/routers/${e(object)}/validate`,
  routerActivationPreview: (object: string) => `${v1}/routers/${e(object)}/activation-preview`,
  routerVerb: (object: string, verb: "activate" | "pause" | "resume" | "off") => `${v1}/routers/${e(object)}/${verb}`,
  rules: (object: string) => `${v1}/routers/${e(object)}/rules`,
  rulesOrder: (object: string) => `${v1}/routers/${e(object)}/rules/order`,
  rulesPreview: (object: string) => `${v1}/routers/${e(object)}/rules/preview`,
  rule: (id: string) => `${v1}/rules/${e(id)}`,
  ruleDelete: (id: string, version: number) => withQuery(`${v1}/rules/${e(id)}`, { version }),
  assignments: (query: AssignmentQuery & ListQuery) => withQuery(`${v1}/assignments`, { ...query }),
  assignment: (id: string) => `${v1}/assignments/${e(id)}`,
  failures: (query: FailureQuery & ListQuery) => withQuery(`${v1}/failures`, { ...query }),
  failureRetry: (object: string, recordId: string) => `${v1}/failures/${e(object)}/${e(recordId)}/retry`,
  failuresRetry: () => `${v1}/failures/retry`,
  record: (id: string) => `${v1}/records/${e(id)}`,
  jobs: (query: JobQuery & ListQuery) => withQuery(`${v1}/jobs`, { ...query }),
  jobRetry: (id: string) => `${v1}/jobs/${e(id)}/retry`,
  jobDiscard: (id: string) => `${v1}/jobs/${e(id)}/discard`,
  schedules: () => `${v1}/schedules`,
  events: () => `${v1}/events`,
};

export const path = {
  overview: () => "/",
  signIn: (next?: string) => withQuery("/sign-in", { next: next === "/" ? undefined : next }),
  /** The sign-in of people whose mail domain leads nowhere, for their bookmarks. */
  signInThrough: (provider: string) => withQuery("/sign-in", { provider }),
  ssoOidc: () => "/sso/oidc",
  ssoSaml: () => "/sso/saml",
  setup: () => "/setup",
  rules: () => "/routing/rules",
  rule: (id: string) => `/routing/rules/${e(id)}`,
  ruleNew: () => "/routing/rules/new",
  pools: () => "/routing/pools",
  pool: (id: string) => `/routing/pools/${e(id)}`,
  poolNew: () => "/routing/pools/new",
  log: (query: AssignmentQuery = {}) => withQuery("/routing/log", { ...query }),
  assignment: (id: string, search = "") => `/routing/log/${e(id)}${search}`,
  failures: (query: FailureQuery = {}) => withQuery("/routing/failures", { ...query }),
  record: (id: string) => `/records/${e(id)}`,
  layer: () => "/machines/data-layer",
  connections: () => "/settings/connections",
  connectSalesforce: () => "/connect/salesforce",
  jobs: (query: JobQuery = {}) => withQuery("/appliance/jobs", { ...query }),
  account: () => "/account",
  accountPassword: () => "/account/password",
  accountFactors: () => "/account/factors",
  accountSessions: () => "/account/sessions",
  people: (query: MemberQuery = {}) => withQuery("/people", { ...query }),
  member: (id: string, search = "") => `/people/${e(id)}${search}`,
  invitations: () => "/people/invitations",
  organisation: () => "/settings/organisation",
  singleSignOn: () => "/settings/single-sign-on",
  ssoProvider: (id: string) => `/settings/single-sign-on/${e(id)}`,
  ssoProviderNew: (kind: "oidc" | "saml" | "ldap") => `/settings/single-sign-on/new-${kind}`,
  provisioning: () => "/settings/single-sign-on/provisioning",
  apiKeys: () => "/api-keys",
  tenants: () => "/appliance/tenants",
  signingKeys: () => "/appliance/signing-keys",
  device: () => "/device",
  authorize: () => "/authorize",
  invitation: () => "/invitation",
  reset: () => "/reset",
  signUp: () => "/sign-up",
  signUpComplete: () => "/sign-up/complete",
};

/** Pages that open with or without a session: what a link or an identity provider brings stands in their address. */
const OPEN: string[] = [path.invitation(), path.reset(), path.signUp(), path.signUpComplete(), path.ssoOidc(), path.ssoSaml()];
export const isOpen = (pathname: string): boolean => OPEN.includes(pathname);

/** Only an address of this app may follow a sign-in: never another origin. */
export function safeNext(next: string | null): string {
  return next !== null && /^\/(?![/\\])/.test(next) ? next : path.overview();
}
