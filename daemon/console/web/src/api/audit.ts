// The audit log: shapes of /audit and /platform/audit, and their reads. Each read is in the log itself, so nothing is renewed unasked.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type AuditQuery, type AuditScope } from "../paths";
import { client } from "./client";
import type { Page } from "./types";

export type AuditOutcome = "done" | "refused" | "failed";
export type Told = string | number | boolean | null | Told[] | { [name: string]: Told };

export interface AuditEntry {
  id: string; tenant: string | null; at: string; actor: { kind: "human" | "agent" | "system"; id: string; name: string | null };
  action: string; outcome: AuditOutcome; code: string | null; object: { type: string; id: string }; request_id: string | null;
  /** In the sealed tree; null for the seconds until it has one. */
  position: number | null;
}
export interface AuditDetail extends AuditEntry {
  before: Told; after: Told; address: string | null; user_agent: string | null;
  /** Something of it is not for this reader, or its key is gone. */
  closed: boolean;
  sealed_by: { number: number; at: string } | null;
}
export interface AuditBar { at: string; done: number; refused: number; failed: number }
export interface AuditChart { from: string; to: string; step_seconds: number; counted_from: string | null; bars: AuditBar[] }
export interface AuditPage extends Page<AuditEntry> { chart: AuditChart | null; actions: string[] | null }
export interface Integrity {
  head: { number: number; size: number; at: string; root: string; key: string; signature_holds: boolean } | null;
  waiting: number; waiting_since: string | null; keys: string[] | null;
}

const PAGE_SIZE = 100;
const STILL = { staleTime: Infinity, refetchOnWindowFocus: false, refetchOnReconnect: false } as const;

export const auditQuery = (scope: AuditScope, query: AuditQuery) => infiniteQueryOptions({
  queryKey: ["audit", scope, "list", query],
  queryFn: ({ pageParam, signal }) => client.get<AuditPage>(api.auditEntries(scope, { ...query, cursor: pageParam, limit: PAGE_SIZE }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
  ...STILL, gcTime: 60_000,
});

export const auditEntryQuery = (scope: AuditScope, id: string) => queryOptions({
  queryKey: ["audit", scope, "entry", id],
  queryFn: ({ signal }) => client.get<AuditDetail>(api.auditEntry(scope, id), { signal }),
  ...STILL,
});

export const integrityQuery = (scope: AuditScope) => queryOptions({
  queryKey: ["audit", scope, "integrity"],
  queryFn: ({ signal }) => client.get<Integrity>(api.auditIntegrity(scope), { signal }),
  refetchInterval: 15_000,
});
