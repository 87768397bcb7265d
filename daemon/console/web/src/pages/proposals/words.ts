// A proposal in words. Pure.
import type { Proposal } from "../../api/proposals";

const days = (first: string, last: string) => (first === last ? `on ${first}` : `from ${first} to ${last}`);

export function title(proposal: Proposal): string {
  return proposal.kind === "record_retry"
    ? `Try ${proposal.record_title ?? `${proposal.object} ${proposal.record_id}`} again`
    : `${proposal.rep.name} is away ${days(proposal.first_day, proposal.last_day)}`;
}

/** What an approval brings about. */
export function effect(proposal: Proposal): string {
  return proposal.kind === "record_retry"
    ? `${proposal.record_title ?? proposal.record_id} is routed again in the next cycle, with its attempts counted from nothing.`
    : `${proposal.rep.name} gets no records ${days(proposal.first_day, proposal.last_day)}. It stands with the rep's days off, where it can be taken away.`;
}
