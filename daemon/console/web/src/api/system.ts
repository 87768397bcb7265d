// The appliance itself, as the API tells it to its operator.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api } from "../paths";
import { client } from "./client";

export interface Finding { subject: string; verdict: "pass" | "warn" | "fail"; detail: string; next_step: string | null }
export interface Findings { at: string; findings: Finding[] }

export interface DaemonNode { name: string; version: string; started_at: string; seen_at: string; state: "alive" | "silent"; leases: number; jobs: number; asked: boolean }
export interface ServerNode { host: string; role: "primary" | "standby" | "away"; detail: string; version: string | null; behind_bytes: number | null }
export interface LeaseCount { owner: string; purpose: string; leases: number }
export interface QueueKind { kind: string; state: "queued" | "running" | "dead"; jobs: number; due: number; oldest: string | null }
export interface Queue { queued: number; due: number; running: number; dead: number; waited_seconds: number; kinds: QueueKind[] }
export interface Work { what: "controls" | "rewrap"; done: number; total: number; since: string }
export interface TableStand { name: string; bytes: number; rows: number; dead: number; vacuumed_at: string | null }
export interface Database {
  version: string; up_since: string; bytes: number; connections: number; most_connections: number; longest_seconds: number; cached: number | null; deadlocks: number;
  tables: TableStand[]; migrations: { run: number; pending: string[]; unknown: string[] };
}
export interface Disk { what: string; path: string; free: number; bytes: number }
export interface Audit { head?: number | null; size?: number | null; age_seconds?: number | null; waiting?: number; waiting_seconds?: number | null; error?: string }

/** What a part does not tell, because it is away, is null. */
export interface System {
  at: string; version: string; address: string; started_at: string;
  reasons: { part: string; code: string; message: string }[];
  nodes: { daemons: DaemonNode[]; database: ServerNode[] };
  load: { in_hand: number | null; memory: number | null; open_files: number | null };
  queue: Queue | null; leases: LeaseCount[] | null; work: Work[]; database: Database | null; disks: Disk[];
  certificate: { ends_at: string; days: number; names: string[]; issuer: string | null } | null;
  secrets: { backend: "vault" | "local"; place: string | null };
  audit: Audit;
  streams: { targets: number; late: number } | null;
  backup: { at: string; detail: { size: number; checked: string | null } } | null;
  /** The last restore on trial; with a code it did not come to its end. */
  rehearsal: { at: string; detail: { taken_at: string | null; seconds: number; rows: number; code: string | null } } | null;
  /** The last minute that was written down. */
  recent: Point | null;
}

/** Load is added up over the minutes of the step; of the rest the worst counts. */
export interface Point {
  at: string; daemons: number; minutes: number; answers: number; errors: number; p50_ms: number | null; p95_ms: number | null; memory: number; disk_free: number;
  waiting: number; waited_seconds: number; dead: number; database_bytes: number; connections: number; unsealed: number;
}
export type Span = "hour" | "day" | "week";
export interface Series { from: string; to: string; step_seconds: number; points: Point[] }

const SOON_MS = 10_000;
const LATER_MS = 60_000;

export const systemQuery = () => queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => client.get<System>(api.system(), { signal }),
  refetchInterval: SOON_MS,
});

/** Looking takes the daemon some seconds when something outside does not answer. */
export const findingsQuery = () => queryOptions({
  queryKey: ["system-findings"],
  queryFn: ({ signal }) => client.get<Findings>(api.systemFindings(), { signal }),
  refetchInterval: LATER_MS,
});

export const seriesQuery = (span: Span) => queryOptions({
  queryKey: ["system-series", span],
  queryFn: ({ signal }) => client.get<Series>(api.systemSeries(span), { signal }),
  refetchInterval: LATER_MS,
  placeholderData: keepPreviousData,
});
