// Streams of the audit log: the organisation's own, and for operators those of the appliance.
import { queryOptions } from "@tanstack/react-query";
import { api } from "../paths";
import { client } from "./client";

export type Transport = "syslog_tls" | "syslog_tcp" | "syslog_udp" | "relp_tls" | "relp" | "https" | "file" | "journal";
export type Format = "rfc5424" | "cef" | "leef" | "ocsf" | "json";

export interface Target {
  id: string; name: string; transport: Transport; format: Format; address: string; authorities: string | null; client_certificate: string | null;
  has_client_key: boolean; has_token: boolean; actions: string[]; outcomes: string[]; enabled: boolean;
  state: "paused" | "failing" | "behind" | "current";
  /** Whether the other side says what it has received. */
  acknowledges: boolean;
  /** Repeats counted. */
  sent: number; errors: number;
  /** No more than 10,000 are counted. */
  waiting: number; waiting_since: string | null;
  last_sent_at: string | null; last_error: string | null; last_error_at: string | null; certificate_ends_at: string | null;
  version: number; created_at: string; updated_at: string;
}
/** What is sent; without a key or a token the stored one stays. */
export interface TargetInput {
  name: string; transport: Transport; format: Format; address: string; authorities: string | null; client_certificate: string | null;
  client_key?: string; token?: string; actions: string[]; outcomes: string[]; enabled: boolean; from_start?: boolean; version?: number;
}
export interface Tested { sent: boolean; acknowledged: boolean; code: string | null; message: string | null; certificate_ends_at: string | null }

const RENEWED = 5_000;

const targets = (name: string, address: string) => queryOptions({
  queryKey: ["siem", name],
  queryFn: async ({ signal }) => (await client.get<{ items: Target[] }>(address, { signal })).items,
  refetchInterval: RENEWED,
});
export const targetsQuery = () => targets("own", api.siemTargets());
export const applianceTargetsQuery = () => targets("appliance", api.platformSiemTargets());

/** The target as it is, for a change of a part of it. */
export const inputOf = (target: Target): TargetInput => ({
  name: target.name, transport: target.transport, format: target.format, address: target.address, authorities: target.authorities,
  client_certificate: target.client_certificate, actions: target.actions, outcomes: target.outcomes, enabled: target.enabled, version: target.version,
});
