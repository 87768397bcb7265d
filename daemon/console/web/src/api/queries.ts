// Query keys and the reads that several pages share. A live topic names the keys that it makes stale.
import { infiniteQueryOptions, queryOptions, type QueryClient } from "@tanstack/react-query";
import { api, type AssignmentQuery, type FailureQuery, type JobQuery, type KeyRequestQuery, type MemberQuery, type TenantQuery } from "../paths";
import { client } from "./client";
import type {
  ActivationPreview, ApiKey, ApiKeyScope, Assignment, AssignmentDetail, AvailableField, Certificate, Connection, DataExport, PersonCase, PersonCaseShown, Program, ProgramGrant, ProgramScope, Deletion, FailurePage, HolidayCalendar, Invitation, JobPage,
  KeyRequest, LayerObject, LayerRecord, MemberPage, MyFactors, MySession, Overview, Page, PlatformTenant, Pool, Queue, RecordStory, Rep, Router,
  RuleDraft, RuleList, RuleVersion, RuleVersionDetail, Schedule, SignInOptions, SigningKeys, SupportVisit, Tenant, Territory, TerritoryReport, TerritoryState, Topic, WhatIf,
} from "./types";

const NOTES_LOOK_MS = 60_000;

/** Routing exists for leads; the object is named in the API so that contacts can follow. */
export const OBJECT = "Lead";
const PAGE_SIZE = 100;

const STALE_BY_TOPIC: Record<Topic, string[]> = {
  // A retried record that gets its owner leaves the failures.
  assignments: ["assignments", "failures", "overview", "record", "reps", "pools"],
  failures: ["failures", "overview", "record"],
  router: ["routers", "rules", "overview"],
  connection: ["connections", "overview"],
  jobs: ["jobs", "schedules"],
  reps: ["reps", "pools", "calendars", "queues", "overview"],
  layer: ["layer", "overview"],
  exports: ["exports"],
  deletion: ["deletion"],
  intents: ["proposals", "overview"],
};

export function invalidateTopics(queries: QueryClient, topics: Topic[]): void {
  const roots = new Set(topics.flatMap((topic) => STALE_BY_TOPIC[topic]));
  const concerned = (query: { queryKey: readonly unknown[] }) => roots.has(String(query.queryKey[0]));
  void queries.invalidateQueries({ predicate: (query) => concerned(query) && !isDeep(query.state.data) });
  void queries.invalidateQueries({ predicate: (query) => concerned(query) && isDeep(query.state.data), refetchType: "none" });
}

/** Pages of a list that are renewed by themselves; who has scrolled further down is reading, and goes back to the newest by hand. */
export const LIVE_PAGES = 3;

function isDeep(data: unknown): boolean {
  return typeof data === "object" && data !== null && "pages" in data && Array.isArray(data.pages) && data.pages.length > LIVE_PAGES;
}

/** Begins a long list anew from its first page. */
export async function backToNewest(queries: QueryClient, queryKey: readonly unknown[]): Promise<void> {
  window.scrollTo({ top: 0 });
  await queries.resetQueries({ queryKey, exact: true });
}

/** What the door offers; the same for everybody, and only read once. */
export const signInOptionsQuery = () => queryOptions({
  queryKey: ["sign-in-options"],
  queryFn: ({ signal }) => client.get<SignInOptions>(api.signInOptions(), { signal }),
  staleTime: Infinity,
});

export const myFactorsQuery = () => queryOptions({
  queryKey: ["my-factors"],
  queryFn: ({ signal }) => client.get<MyFactors>(api.myFactors(), { signal }),
});

export const mySessionsQuery = () => queryOptions({
  queryKey: ["my-sessions"],
  queryFn: async ({ signal }) => (await client.get<{ items: MySession[] }>(api.mySessions(), { signal })).items,
});

export const membersQuery = (query: MemberQuery) => infiniteQueryOptions({
  queryKey: ["members", query],
  queryFn: ({ pageParam, signal }) => client.get<MemberPage>(api.members({ ...query, cursor: pageParam, limit: PAGE_SIZE }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export const invitationsQuery = () => queryOptions({
  queryKey: ["invitations"],
  queryFn: async ({ signal }) => (await client.get<{ items: Invitation[] }>(api.invitations(), { signal })).items,
});

export const tenantQuery = () => queryOptions({
  queryKey: ["tenant"],
  queryFn: ({ signal }) => client.get<Tenant>(api.tenant(), { signal }),
});

export const exportsQuery = () => queryOptions({
  queryKey: ["exports", "all"],
  queryFn: async ({ signal }) => (await client.get<{ items: DataExport[] }>(api.exports(), { signal })).items,
});

/** Exports of one's own data. */
export const ownExportsQuery = () => queryOptions({
  queryKey: ["exports", "own"],
  queryFn: async ({ signal }) => (await client.get<{ items: DataExport[] }>(api.ownExports(), { signal })).items,
});

/** The erasure of one's own account that waits, if one does. */
export const ownErasureQuery = () => queryOptions({
  queryKey: ["exports", "own-erasure"],
  queryFn: async ({ signal }) => (await client.get<{ erasure: PersonCase | null }>(api.ownErasure(), { signal })).erasure,
});

export const personCasesQuery = () => queryOptions({
  queryKey: ["exports", "cases"],
  queryFn: async ({ signal }) => (await client.get<{ items: PersonCase[] }>(api.personCases(), { signal })).items,
});

export const personCaseQuery = (id: string) => queryOptions({
  queryKey: ["exports", "cases", id],
  queryFn: ({ signal }) => client.get<PersonCaseShown>(api.personCase(id), { signal }),
});

/** What everybody is to know although the appliance serves: a restore that nobody has looked at. */
export const applianceNotesQuery = () => queryOptions({
  queryKey: ["appliance-notes"],
  queryFn: async () => (await client.readiness(api.ready())).notes ?? [],
  refetchInterval: NOTES_LOOK_MS,
});

/** The end of the organisation that waits, if one does. */
export const deletionQuery = () => queryOptions({
  queryKey: ["deletion"],
  queryFn: async ({ signal }) => (await client.get<{ deletion: Deletion | null }>(api.tenantDeletion(), { signal })).deletion,
});

export const erasuresQuery = () => queryOptions({
  queryKey: ["erasures"],
  queryFn: async ({ signal }) => (await client.get<{ items: Certificate[] }>(api.platformErasures(), { signal })).items,
});

export const supportVisitsQuery = () => queryOptions({
  queryKey: ["support-visits"],
  queryFn: async ({ signal }) => (await client.get<{ items: SupportVisit[] }>(api.supportVisits(), { signal })).items,
});

export const apiKeysQuery = () => queryOptions({
  queryKey: ["api-keys"],
  queryFn: async ({ signal }) => (await client.get<{ items: ApiKey[] }>(api.apiKeys(), { signal })).items,
});

export const keyRequestsQuery = (id: string, query: KeyRequestQuery) => infiniteQueryOptions({
  queryKey: ["api-keys", "requests", id, query],
  queryFn: ({ pageParam, signal }) => client.get<Page<KeyRequest>>(api.apiKeyRequests(id, { ...query, cursor: pageParam, limit: PAGE_SIZE }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export const apiKeyScopesQuery = () => queryOptions({
  queryKey: ["api-key-scopes"],
  queryFn: async ({ signal }) => (await client.get<{ items: ApiKeyScope[] }>(api.apiKeyScopes(), { signal })).items,
  staleTime: 5 * 60_000,
});

export const programsQuery = () => queryOptions({
  queryKey: ["programs"],
  queryFn: async ({ signal }) => (await client.get<{ items: Program[] }>(api.clients(), { signal })).items,
});

export const programScopesQuery = () => queryOptions({
  queryKey: ["program-scopes"],
  queryFn: async ({ signal }) => (await client.get<{ items: ProgramScope[] }>(api.clientScopes(), { signal })).items,
  staleTime: 5 * 60_000,
});

export const grantsQuery = (own: boolean) => queryOptions({
  queryKey: ["grants", own ? "own" : "all"],
  queryFn: async ({ signal }) => (await client.get<{ items: ProgramGrant[] }>(own ? api.myGrants() : api.grants(), { signal })).items,
});

export const platformTenantsQuery = (query: TenantQuery) => infiniteQueryOptions({
  queryKey: ["platform-tenants", query],
  queryFn: ({ pageParam, signal }) => client.get<Page<PlatformTenant>>(api.platformTenants({ ...query, cursor: pageParam, limit: PAGE_SIZE }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export const signingKeysQuery = () => queryOptions({
  queryKey: ["signing-keys"],
  queryFn: ({ signal }) => client.get<SigningKeys>(api.signingKeys(), { signal }),
});

export const overviewQuery = () => queryOptions({
  queryKey: ["overview"],
  queryFn: ({ signal }) => client.get<Overview>(api.overview(Intl.DateTimeFormat().resolvedOptions().timeZone), { signal }),
  refetchInterval: 60_000,
});

export const connectionsQuery = () => queryOptions({
  queryKey: ["connections"],
  queryFn: async ({ signal }) => (await client.get<{ items: Connection[] }>(api.connections(), { signal })).items,
});

export const layerQuery = () => queryOptions({
  queryKey: ["layer", "objects"],
  queryFn: async ({ signal }) => (await client.get<{ items: LayerObject[] }>(api.layerObjects(), { signal })).items,
});

export const availableFieldsQuery = () => queryOptions({
  queryKey: ["layer", "available"],
  queryFn: async ({ signal }) => (await client.get<{ items: AvailableField[] }>(api.layerAvailable(OBJECT), { signal })).items,
  staleTime: 5 * 60_000,
});

export const layerRecordsQuery = (q: string) => infiniteQueryOptions({
  queryKey: ["layer", "records", q],
  queryFn: ({ pageParam, signal }) =>
    client.get<Page<LayerRecord>>(api.layerRecords(OBJECT, { q, cursor: pageParam, limit: PAGE_SIZE }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export const repsQuery = (q = "") => queryOptions({
  queryKey: ["reps", q],
  queryFn: async ({ signal }) => (await client.get<{ items: Rep[] }>(api.reps(q), { signal })).items,
});

export const calendarsQuery = () => queryOptions({
  queryKey: ["calendars"],
  queryFn: async ({ signal }) => (await client.get<{ items: HolidayCalendar[] }>(api.calendars(), { signal })).items,
});

export const queuesQuery = () => queryOptions({
  queryKey: ["queues"],
  queryFn: async ({ signal }) => (await client.get<{ items: Queue[] }>(api.queues(), { signal })).items,
});

export const poolsQuery = () => queryOptions({
  queryKey: ["pools"],
  queryFn: async ({ signal }) => (await client.get<{ items: Pool[] }>(api.pools(), { signal })).items,
});

export const routerQuery = () => queryOptions({
  queryKey: ["routers", OBJECT],
  queryFn: async ({ signal }) => {
    const { items } = await client.get<{ items: Router[] }>(api.routers(), { signal });
    return items.find((router) => router.object === OBJECT) ?? null;
  },
});

export const rulesQuery = () => queryOptions({
  queryKey: ["rules", OBJECT],
  queryFn: ({ signal }) => client.get<RuleList>(api.rules(OBJECT), { signal }),
});

export const draftQuery = () => queryOptions({
  queryKey: ["rules", OBJECT, "draft"],
  queryFn: ({ signal }) => client.get<RuleDraft>(api.rulesDraft(OBJECT), { signal }),
});

export const ruleVersionsQuery = () => infiniteQueryOptions({
  queryKey: ["rules", OBJECT, "versions"],
  queryFn: ({ pageParam, signal }) => client.get<Page<RuleVersion>>(api.rulesVersions(OBJECT, { cursor: pageParam, limit: 20 }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export const ruleVersionQuery = (version: number) => queryOptions({
  queryKey: ["rules", OBJECT, "version", version],
  queryFn: ({ signal }) => client.get<RuleVersionDetail>(api.rulesVersion(OBJECT, version), { signal }),
});

export const territoryStateQuery = () => queryOptions({
  queryKey: ["rules", OBJECT, "territories-state"],
  queryFn: ({ signal }) => client.get<TerritoryState>(api.territoryState(OBJECT), { signal }),
});

export const territoriesQuery = (q: string) => infiniteQueryOptions({
  queryKey: ["rules", OBJECT, "territories", q],
  queryFn: ({ pageParam, signal }) => client.get<Page<Territory>>(api.territories(OBJECT, { q, cursor: pageParam, limit: 50 }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export const territoryReportQuery = () => queryOptions({
  queryKey: ["rules", OBJECT, "territories-report"],
  queryFn: ({ signal }) => client.get<TerritoryReport>(api.territoryReport(OBJECT), { signal }),
});

/** Never kept: whose turn it is changes with each lead. */
export const whatIfQuery = (record: string, draft: boolean) => queryOptions({
  queryKey: ["record", record, "what-if", draft],
  queryFn: ({ signal }) => client.get<WhatIf>(api.whatIf(record, draft), { signal }),
  staleTime: 0,
  gcTime: 0,
  retry: false,
});

export const activationPreviewQuery = () => queryOptions({
  queryKey: ["activation-preview"],
  queryFn: () => client.post<ActivationPreview>(api.routerActivationPreview(OBJECT)),
  staleTime: 0,
  gcTime: 0,
});

export const assignmentsQuery = (query: AssignmentQuery) => infiniteQueryOptions({
  queryKey: ["assignments", query],
  queryFn: ({ pageParam, signal }) =>
    client.get<Page<Assignment>>(api.assignments({ ...query, cursor: pageParam, limit: PAGE_SIZE }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export const assignmentQuery = (id: string) => queryOptions({
  queryKey: ["assignments", "one", id],
  queryFn: ({ signal }) => client.get<AssignmentDetail>(api.assignment(id), { signal }),
});

export const failuresQuery = (query: FailureQuery) => infiniteQueryOptions({
  queryKey: ["failures", query],
  queryFn: ({ pageParam, signal }) => client.get<FailurePage>(api.failures({ ...query, cursor: pageParam, limit: PAGE_SIZE }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export const recordQuery = (id: string) => queryOptions({
  queryKey: ["record", id],
  queryFn: ({ signal }) => client.get<RecordStory>(api.record(id), { signal }),
});

export const jobsQuery = (query: JobQuery) => infiniteQueryOptions({
  queryKey: ["jobs", query],
  queryFn: ({ pageParam, signal }) => client.get<JobPage>(api.jobs({ ...query, cursor: pageParam, limit: PAGE_SIZE }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export const schedulesQuery = () => queryOptions({
  queryKey: ["schedules"],
  queryFn: async ({ signal }) => (await client.get<{ items: Schedule[] }>(api.schedules(), { signal })).items,
});
