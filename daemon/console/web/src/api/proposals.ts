// What programs propose; people decide.
import { infiniteQueryOptions } from "@tanstack/react-query";
import { api } from "../paths";
import { client } from "./client";
import type { Page } from "./types";

interface Named { id: string; name: string }
interface Asked {
  id: string;
  /** The program's own words. */
  reason: string;
  /** None when it is not known any more. */
  program: string | null; for_user: Named | null; asked_at: string;
  state: "waiting" | "approved" | "declined" | "expired"; decided_by: Named | null; decided_at: string | null;
}
export type Proposal = Asked & (
  | { kind: "record_retry"; object: string; record_id: string; record_title: string | null }
  | { kind: "time_off"; rep: Named; first_day: string; last_day: string }
);

export const proposalsQuery = (state: "waiting" | "decided") => infiniteQueryOptions({
  queryKey: ["proposals", state],
  queryFn: ({ pageParam, signal }) => client.get<Page<Proposal>>(api.intents({ state, cursor: pageParam, limit: 50 }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});
