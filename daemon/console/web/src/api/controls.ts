// The controls of the appliance and their last run, as the API tells them.
import { queryOptions } from "@tanstack/react-query";
import { api } from "../paths";
import { client } from "./client";

export type ControlStatus = "enforced" | "build_evidence" | "attested" | "customer_owned" | "absent" | "unknown" | "failing";
export interface Tried { probe: string; verdict: "holds" | "fails" | "unknown"; evidence: string; at: string }
export interface Control { id: string; area: string; title: string; status: ControlStatus; evidence: string; at: string; live: Tried[]; tests: string[] }
export interface ControlRun { run: string; asked_by: string; version: string; started_at: string; finished_at: string; controls: Control[] }
export interface Controls { running: { done: number; total: number; started_at: string } | null; last: ControlRun | null }

const WHILE_RUNNING_MS = 1_000;
const OTHERWISE_MS = 60_000;

export const controlsQuery = () => queryOptions({
  queryKey: ["controls"],
  queryFn: ({ signal }) => client.get<Controls>(api.controls(), { signal }),
  refetchInterval: (query) => (query.state.data?.running ? WHILE_RUNNING_MS : OTHERWISE_MS),
});
