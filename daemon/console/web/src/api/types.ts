// The shapes of /api/console/v1. Times are RFC 3339 in UTC; ids are prefixed strings; names are as on the wire.

export type Permission =
  | "overview_read" | "rule_read" | "rule_edit" | "pool_read" | "pool_edit" | "router_operate" | "log_read"
  | "failure_read" | "failure_retry" | "connection_read" | "connection_edit" | "layer_read" | "layer_edit"
  | "job_read" | "job_retry" | "member_read" | "member_edit" | "tenant_edit" | "api_key_read" | "api_key_edit"
  | "sso_read" | "sso_edit" | "signing_key_read" | "signing_key_rotate" | "tenant_read" | "tenant_manage" | "appliance_sso_read" | "appliance_sso_edit"
  | "data_read" | "tenant_export" | "tenant_delete" | "person_data"
  | "webhook_read" | "webhook_edit" | "intent_read" | "intent_decide"
  | "siem_read" | "siem_edit" | "appliance_siem_read" | "appliance_siem_edit"
  | "system_read" | "control_read" | "control_verify"
  | "audit_read" | "audit_export" | "platform_audit_read";

export interface Named { id: string; name: string }
export interface Page<T> { items: T[]; next_cursor: string | null; total?: number }

export interface FieldProblem { field?: string; code: string; detail: string; position?: { start: number; end: number } }
export interface ProblemBody {
  type?: string; title?: string; status?: number; detail?: string; code?: string; request_id?: string;
  field?: string; errors?: FieldProblem[]; current?: unknown;
  /** Tries left before a challenge is void. */
  remaining?: number;
}

export type TenantState = "active" | "trial" | "read_only";
export type SupportMode = "read" | "write";
export interface SessionInfo {
  /** The address is null while the vault is sealed. */
  user: { id: string; name: string; email: string | null };
  tenant: { id: string; name: string; state: TenantState; trial_ends_at: string | null };
  factor: { enrolled: boolean; required: boolean; fresh_until: string | null };
  /** The organisation's identity provider that opened the session. */
  sso?: Named | null;
  /** A super administrator's visit to an organisation that is not theirs. */
  support: { reason: string; mode: SupportMode; ends_at: string } | null;
  roles: string[];
  owner: boolean;
  tenants: Named[];
  permissions: Permission[];
}
export interface SessionTokens extends SessionInfo { access_token: string; expires_in: number }

export interface Readiness {
  status: "ready" | "sealed" | "unavailable";
  reasons?: { component: string; code: string; message: string }[];
  /** What everybody is to know although the appliance serves. */
  notes?: { component: string; code: string; message: string }[];
}

export type Severity = "ok" | "info" | "warn" | "bad";
export interface HealthItem { code: string; severity: Severity; title: string; detail: string; link?: string }
export type RouterState = "off" | "baselining" | "active" | "paused";
export type ChecklistKey = "connect" | "fields" | "reps" | "pool" | "rule" | "preview" | "activate";
export interface HourBucket { hour: string; routed: number; failed: number }
export interface RepShare { rep_id: string; name: string; routed: number; ideal_share: number; share: number }
export interface Overview {
  health: { status: string; items: HealthItem[] };
  router: { id: string; object: string; state: RouterState; last_cycle_at: string | null; waiting_until?: string | null } | null;
  today: {
    since: string; routed: number; failed: number; waiting: number; in_doubt: number; baseline: number; given_up: number;
    median_seconds_to_owner: number | null; p90_seconds_to_owner: number | null;
  };
  by_hour: HourBucket[];
  by_rep: RepShare[];
  checklist: { key: ChecklistKey; done: boolean; link: string }[];
  needs_me: { code: string; title: string; detail: string; link: string; count: number }[];
}

export type ConnectionState = "unconfigured" | "configured" | "authorizing" | "connected" | "broken" | "disconnected";
export type SalesforceEnvironment = "production" | "sandbox" | "my_domain";
export interface Connection {
  id: string; provider: "salesforce"; kind: "routing"; state: ConnectionState; environment: SalesforceEnvironment;
  login_host: string; instance_host?: string | null; org_id?: string | null; user_id?: string | null; scopes: string[];
  consumer_key_tail?: string | null; connected_at?: string | null; last_refresh_at?: string | null;
  broken: { code: string; message: string; next_step: string; since: string } | null;
  limits: { used: number; max: number; at: string; budget: number } | null;
  version: number;
}
export interface ConnectionInput {
  environment: SalesforceEnvironment; my_domain?: string; consumer_key: string; consumer_secret?: string;
}

export type FieldType = "string" | "number" | "boolean" | "date" | "datetime" | "picklist" | "id";
export type DataClass = "crm_personal" | "crm_business" | "crm_id";
export interface LayerField {
  id: string; name: string; label: string; type: FieldType; data_class: DataClass; reason: string;
  added_by: Named | null; added_at: string; required: boolean; used_by: { rule_id: string; name: string }[];
}
export interface LayerObject { object: string; fields: LayerField[]; records: number; last_import_at?: string | null }
export interface AvailableField { name: string; label: string; type: string; personal: boolean; in_layer: boolean }
export type FieldValue = string | number | boolean | null;
export interface LayerRecord { record_id: string; fields: Record<string, FieldValue>; owner_id: string | null; imported_at: string }

export interface WorkInterval { day: number; from: number; until: number }
/** Most leads of a window; null: any number. */
export interface Caps { hour?: number | null; day?: number | null; week?: number | null }
export interface Presence { state: "available" | "away" | "inactive" | "off" | "capped"; reason: string; until?: string | null }
/** `starts_at` and `ends_at`: of what is not of whole days. */
export interface TimeOff { id: string; first_day: string; last_day: string; reason: string; starts_at?: string | null; ends_at?: string | null; source: "hand" | "calendar" }
export type CalendarCounts = "whole_days" | "everything";
export interface CalendarImport { text: string; counts: CalendarCounts; dry_run: boolean }
export interface CalendarRead { dry_run: boolean; whole_days: number; spells: number; replaces: number; flaws: { number: number; uid: string; code: string; detail: string }[] }
export interface Holiday { day: string; name: string }
export interface HolidayCalendar { id: string; name: string; days: Holiday[]; version: number; used_by: string[] }
export interface CalendarInput { name: string; days: Holiday[]; version?: number }
export interface AvailabilityInput { time_zone: string | null; hours: WorkInterval[] | null; calendar_id: string | null; caps: Caps; version: number }
export interface Rep {
  id: string; salesforce_user_id: string; name: string; active: boolean; paused: boolean; pools: Named[];
  routed_today: number; last_assigned_at?: string | null; synced_at: string;
  time_zone?: string | null; hours?: WorkInterval[] | null; calendar_id?: string | null; caps: Caps; load: Record<keyof Caps, number>;
  presence: Presence; time_off: TimeOff[]; version: number;
}
export interface Queue { id: string; salesforce_id: string; name: string; objects: string[] }
export interface PoolMember {
  rep_id: string; name: string; active: boolean; paused: boolean; weight: number;
  share_ideal: number; share_7d: number; assigned_7d: number; presence: Presence;
  /** `owed`: leads; below zero: had ahead of the share. */
  next: boolean; owed?: number | null;
}
export interface Pool { id: string; name: string; version: number; calendar_id?: string | null; caps: Caps; members: PoolMember[]; used_by: { rule_id: string; name: string }[] }
export interface PoolInput { name: string; members: { rep_id: string; weight: number }[]; calendar_id: string | null; caps: Caps; version?: number }

export type Target = { kind: "user"; rep_id: string } | { kind: "pool"; pool_id: string } | { kind: "queue"; queue_id: string };
/** To whom a rule gives: one of these, or the owner of the territory that the lead lies in. */
export type GiveTo = Target | { kind: "territory" };
/** All of its conditions hold; those that are left out hold for every lead. */
export interface Area {
  country?: string; state?: string; postal?: { from: string; until: string }; industry?: string; size?: { from: number; until?: number }; fields?: Record<string, string>;
}
export interface Territory { position: number; name: string; owner: Target; owner_name: string | null; areas: Area[]; areas_total: number }
export interface TerritoryState {
  draft_version: number; territories: number; areas: number; asked: boolean;
  reads: { country: string | null; state: string | null; postal: string | null; industry: string | null; employees: string | null };
}
export interface TerritoryWrite { draft_version: number; was?: string; territory?: { name: string; owner: Target; areas: Area[] } }
export interface TerritoryChanges { added: number; removed: number; changed: number; names: string[] }
export interface TerritoryImport { text: string; draft_version: number; dry_run: boolean; without_wrong?: boolean }
export interface TerritoryRead {
  dry_run: boolean; rows: number; wrong: number; territories: number; areas: number;
  errors: { line: number; column: string; code: string; detail: string }[]; flaws: number; changes: TerritoryChanges | null; draft_version: number;
}
export interface TerritoryPlace { territory: string; owner_name: string | null; area: string }
export interface TerritoryReport {
  overlaps: { first: TerritoryPlace; second: TerritoryPlace; nested: boolean }[]; more_overlaps: boolean;
  gaps: { kind: "employees" | "postal"; like: TerritoryPlace; gap: string }[]; more_gaps: boolean;
}
/** Where the text is refused, in UTF-16 units. */
export interface SoqlRefusal { code: string; message: string; start: number; end: number }
export interface SoqlWarning { code: string; message: string }
export interface LastCycle {
  started_at: string; finished_at: string | null; fetched: number; proposed: number; assigned: number; failed: number;
  error?: { code: string; message: string } | null;
}
export interface Router {
  id: string; object: string; state: RouterState;
  enrollment: { text: string; canonical: string; sent: string; warnings: SoqlWarning[]; error?: SoqlRefusal | null };
  fallback: Target | null; cycle_seconds: number; activated_at?: string | null; last_cycle: LastCycle | null; version: number;
  /** The version of the rules that decides; null while none was published. */
  published: number | null;
  /** Last night's sample of decisions made again. */
  recomputed: { at: string; sampled: number; same: number; differ: number; not_recomputable: number; differing: string | null } | null;
}
export interface RouterInput { enrollment_text: string; fallback: Target | null; cycle_seconds: number; version?: number }
export interface Validation {
  ok: boolean; canonical: string; sent: string; warnings: SoqlWarning[];
  error?: SoqlRefusal | null;
}
export interface ActivationPreview {
  matching: number; object_total: number; share: number; needs_typed_confirmation: boolean; confirm_text?: string | null;
  reasons: string[];
}

export type Operator =
  | "eq" | "ne" | "in" | "not_in" | "contains" | "starts_with" | "ends_with" | "gt" | "gte" | "lt" | "lte" | "between"
  | "is_empty" | "is_not_empty" | "is_true" | "is_false";
export type TermValue = string | number | (string | number)[];
export interface Term { field: string; op: Operator; value?: TermValue }
export type Condition = { all: Condition[] } | { any: Condition[] } | Term;
export interface Rule {
  id: string; position: number; name: string; enabled: boolean; condition: Condition; target: GiveTo; unavailable: Unavailable; version: number;
  matched_7d: number; updated_at: string; updated_by: Named | null;
}
/** What a rule does when nobody of its target is available. */
export type Unavailable = "wait" | "pass_on";
export interface RuleInput { name: string; enabled: boolean; condition: Condition; target: GiveTo; unavailable: Unavailable; version?: number }
export interface RuleList { items: Rule[]; version: number }
export interface RuleChangePart { part: "name" | "enabled" | "condition" | "target" | "unavailable" | "fallback" | "territories"; before: unknown; after: unknown }
export interface RuleChange {
  change: "added" | "removed" | "changed" | "moved" | "fallback" | "territories"; rule: Named | null; from: number | null; to: number | null; parts: RuleChangePart[];
}
export interface RuleDraft { draft_version: number; published: number | null; changes: RuleChange[] }
export interface RuleVersion {
  version: number; note: string; restores: number | null; published_at: string; published_by: Named | null; rules: number; decides: boolean;
}
export interface RuleVersionDetail extends RuleVersion { changes: RuleChange[] }
export interface WhatIf {
  record_id: string; record_title: string | null; version: number | null; rule: Named | null; target: { kind: string; name: string } | null;
  outcome: "assigned" | "already_owner" | "waiting" | "failed"; code: string | null; until: string | null; rep: Named | null;
  new_owner_id: string | null; owner_id: string | null; said: string[]; inputs: DecisionInput[];
}
export interface DecisionInput { field: string; value: FieldValue; erased: "field" | "record" | null; erased_at: string | null }
export interface RulePreview {
  considered: number; matching: number; taken_by_earlier: number;
  items: { record_id: string; title: string; matches: boolean; taken_by?: { rule_id: string; name: string } | null; failed_terms?: string[] }[];
}

export type AssignmentState = "proposed" | "assigned" | "in_doubt" | "failed";
export interface Assignment {
  id: string; decided_at: string; written_at?: string | null; object: string; record_id: string; record_title?: string | null;
  rule: { id: string; name: string; version: number } | null; target: { kind: Target["kind"]; id: string; name: string } | null;
  rep: Named | null; new_owner_id: string; previous_owner_id?: string | null; state: AssignmentState;
  seconds_to_owner?: number | null;
}
export interface StoryStep { at: string; step: string; title: string; detail: string }
export interface AssignmentDetail extends Assignment {
  story: StoryStep[];
  reasons: {
    /** Without an id when the rule is gone. */
    rule: { id: string | null; name: string }; outcome: "matched" | "not_matched" | "passed_on" | "no_territory" | "disabled";
    /** The rule was changed since, so that its failed terms are not known any more. */
    changed_since?: boolean;
    failed_terms: { path: string; field: string; op: Operator; expected: TermValue | null; actual_kind: string }[];
  }[];
  candidates: { rep: { id: string | null; name: string }; outcome: "chosen" | "skipped"; reason: string; until?: string | null; passed_by?: string | null; weight: number; current_weight: number }[];
  inputs: DecisionInput[];
  /** Null for what is older than versions are kept. */
  version: { version: number; published_at: string } | null;
  said: string[];
  again: { outcome: "same" | "differs" | "not_recomputable"; detail: string };
  audit_id?: string | null;
}

export type FailureState = "failed" | "given_up" | "waiting" | "in_doubt";
export interface Failure {
  object: string; record_id: string; record_title?: string | null; state: FailureState; reason_code: string; reason: string;
  next_step: string; attempts: number; max_attempts: number; next_attempt_at?: string | null; first_seen_at: string; updated_at: string;
}
export interface FailurePage extends Page<Failure> {
  counts: Record<FailureState, number>;
  reasons: { code: string; title: string; count: number }[];
}
export interface RecordStory {
  record_id: string; object: string; state: string; reason?: string | null; story: StoryStep[]; assignments: Assignment[];
}

export type JobState = "queued" | "running" | "done" | "dead";
export interface Job {
  id: string; kind: string; state: JobState; attempts: number; max_attempts: number; run_at: string;
  last_error: { code: string; message: string } | null; created_at: string; finished_at?: string | null;
}
export interface JobPage extends Page<Job> { counts: Partial<Record<JobState, number>> }
export interface Schedule { name: string; every_seconds: number; next_at: string | null; last_at: string | null }

export type Topic = "assignments" | "failures" | "router" | "connection" | "jobs" | "reps" | "layer" | "exports" | "deletion" | "intents";

export interface DataExport {
  id: string; asked_by: Named | null; own: boolean; asked_at: string; state: string; rows: number; expected: number | null; files: number; bytes: number;
  ready_at: string | null; expires_at: string | null; ended_at: string | null; error: string | null;
  scope: "tenant" | "account" | "person";
}
/** What was asked about one person: the erasure of an account, or a search through everything. */
export interface PersonCase {
  id: string; kind: "account" | "search"; subject: Named | null; term: string | null; asked_by: Named | null; asked_at: string; state: string;
  scanned: number; expected: number | null; due_at: string | null; account_gone: boolean | null; counts: Record<string, number>; ended_at: string | null; error: string | null;
}
export interface PersonFind { place: string; key: string[]; own: boolean; fields: string[]; erasable: boolean }
export interface PersonCaseShown extends PersonCase { finds: PersonFind[] }
export interface Deletion { asked_at: string; due_at: string; by_operator: boolean }
export interface Certificate {
  tenant: string; asked_at: string; begun_at: string; finished_at: string | null; counts: Record<string, number>; statement: string | null; signature: string | null;
}

/** WebAuthn options as JSON: binary members are base64url (WebAuthn level 3, section 5.1.8). */
export interface PasskeyDescriptor { id: string; type: "public-key"; transports?: string[] }
export interface PasskeyRequest { challenge: string; timeout?: number; rpId?: string; allowCredentials?: PasskeyDescriptor[]; userVerification?: string }
export interface PasskeyCreation {
  rp: { id?: string; name: string }; user: { id: string; name: string; displayName: string }; challenge: string;
  pubKeyCredParams: { type: "public-key"; alg: number }[]; timeout?: number; excludeCredentials?: PasskeyDescriptor[];
  authenticatorSelection?: { authenticatorAttachment?: string; residentKey?: string; requireResidentKey?: boolean; userVerification?: string };
  attestation?: string; hints?: string[];
}
export interface PasskeyAnswer {
  id: string; rawId: string; type: string; authenticatorAttachment?: string; clientExtensionResults: Record<string, unknown>;
  response: Record<string, string | string[]>;
}

export type FactorKind = "totp" | "passkey" | "recovery";
/** The password was right; a second factor is asked for before the session opens. */
export interface FactorChallenge { step: "factor"; factors: FactorKind[]; expires_in: number; passkey?: { publicKey: PasskeyRequest } | null }
export type FactorProof = { totp: string } | { recovery: string } | { passkey: PasskeyAnswer };
export interface StepUpBegin { factors: FactorKind[]; publicKey?: PasskeyRequest | null }
export interface SignInOptions { password: { profile: "complexity" | "asvs"; min_length: number }; passkey: boolean; sign_up: boolean }

export interface Passkey { id: string; name: string; created_at: string; last_used_at: string | null }
export interface MyFactors {
  totp: { enrolled_at: string } | null; passkeys: Passkey[];
  recovery: { remaining: number; total: number; created_at: string } | null; required: boolean; prompt: boolean;
}
export interface TotpOffer { secret: string; otpauth_url: string; qr_svg: string }
export interface FactorAdded { recovery_codes: string[] | null }
export interface MySession {
  id: string; current: boolean; created_at: string; last_used_at: string; expires_at: string; address: string | null;
  device: { browser: string | null; system: string | null } | null; client: "web" | "command_line"; tenant: Named | null;
}
export interface PasswordStrength {
  score: number; warning: string | null; suggestions: string[]; acceptable: boolean; problems: { code: string; detail: string }[];
}
export interface AuthorizationRequest { client_id: string; redirect_uri: string; response_type: string; code_challenge: string; code_challenge_method: string; state: string }
export interface AuthorizationView { client: string }
/** What a program of others asks for. */
export interface ConsentRequest extends AuthorizationRequest { scope: string; resource: string }
export interface ProgramScope { name: string; title: string }
export interface ConsentView { client: string; name: string; host: string; scopes: ProgramScope[] }
export interface DeviceRequest { client: string; requested_at: string; address: string | null; expires_at: string }

export type MemberState = "active" | "deactivated";
export interface Member {
  id: string; name: string; email: string | null; roles: string[]; owner: boolean; state: MemberState;
  /** Left out where the server does not tell it. */
  factors?: { totp: boolean; passkeys: number; recovery_remaining: number };
  /** Has signed in through the organisation's identity provider. */
  sso?: boolean;
  last_seen_at: string | null; joined_at: string; version: number;
}
export interface MemberPage extends Page<Member> { counts: { active: number; deactivated: number; without_factor?: number } }
export type InvitationState = "pending" | "accepted" | "expired" | "revoked";
export interface Invitation {
  id: string; email: string | null; roles: string[]; state: InvitationState; invited_by: Named | null;
  created_at: string; expires_at: string; sent_at: string | null;
}
export interface InvitationLook { organisation: string; email: string; roles: string[]; invited_by: string | Named | null; account: "new" | "existing"; expires_at: string }
export interface Tenant {
  id: string; name: string; state: TenantState; trial_ends_at: string | null; factor_for_all: boolean; owner: Named | null;
  version: number; created_at: string;
}
export interface PlatformTenant {
  id: string; name: string; state: TenantState; trial_ends_at: string | null; members: number; owner: Named | null; created_at: string;
}
export interface SupportVisit {
  id: string; by: Named; reason: string; mode: SupportMode; break_glass: boolean; started_at: string; ends_at: string;
  left_at: string | null;
  /** Whether the visitor may write now: by the owner's consent, or without it. */
  writes: boolean;
}

export type ApiKeyState = "active" | "expired" | "revoked";
export interface ApiKey {
  id: string; name: string; prefix: string; scopes: string[]; created_by: Named | null; created_at: string;
  expires_at: string | null; last_used_at: string | null; state: ApiKeyState;
}
export interface ApiKeyMade extends ApiKey { secret: string }
/** One request of a key; without a status it ended before there was an answer. */
export interface KeyRequest { id: string; at: string; method: string; path: string; status: number | null; address: string; milliseconds: number }
export interface ApiKeyScope { name: string; title: string }
/** A program of others that people may let in. */
export interface Program {
  id: string; name: string; redirect_uris: string[]; scopes: string[]; created_by: Named | null; created_at: string; state: ApiKeyState;
}
/** What somebody let such a program do. */
export interface ProgramGrant {
  id: string; client: Named; user: Named; scopes: string[]; created_at: string; expires_at: string; renewed_at: string | null; state: ApiKeyState;
}
export type SigningKeyState = "next" | "current" | "previous" | "retired";
export interface SigningKey { id: string; state: SigningKeyState; algorithm: string; created_at: string; current_since: string | null; age_days: number }
export interface SigningKeys { algorithm: string; rotate_every_days: number; due: boolean; items: SigningKey[] }
