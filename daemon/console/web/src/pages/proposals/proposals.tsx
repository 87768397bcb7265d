// What programs propose: nothing happens before somebody here decides.
import { Button, Group } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { IconBulb } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { type Proposal, proposalsQuery } from "../../api/proposals";
import { useCan } from "../../api/session";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge, stateWord } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";
import { effect, title } from "./words";

export function Page() {
  const mayDecide = useCan("intent_decide");
  return (
    <>
      <PageHead title="Proposals">Programs that somebody let in may propose. They change nothing themselves: what you approve is done in your name, and on record.</PageHead>
      <List state="waiting" mayDecide={mayDecide} />
      <List state="decided" mayDecide={false} />
    </>
  );
}

function List({ state, mayDecide }: { state: "waiting" | "decided"; mayDecide: boolean }) {
  const query = useInfiniteQuery(proposalsQuery(state));
  const waiting = state === "waiting";
  return (
    <Panel title={waiting ? "To decide" : "Decided"} flush>
      <QueryView query={query} what="The proposals">
        {(found) => {
          const rows = found.pages.flatMap((page) => page.items);
          return rows.length === 0
            ? <Empty icon={IconBulb} title={waiting ? "Nothing to decide" : "Nothing was decided yet"}>{waiting ? "A program with the scope for it can propose to try a failed record again, or days off for a rep. It stands here until somebody decides." : "What was approved or declined stands here for 90 days, with who did, and what expired because nobody decided for 30 days."}</Empty>
            : <RecordTable label={waiting ? "Proposals to decide" : "Decided proposals"} rows={rows} columns={columns(waiting, mayDecide)} rowKey={(row) => row.id} rowState={(row) => row.state} />;
        }}
      </QueryView>
      {query.hasNextPage ? <Group p="sm"><Button size="xs" variant="default" loading={query.isFetchingNextPage} onClick={() => { void query.fetchNextPage(); }}>Older ones</Button></Group> : null}
    </Panel>
  );
}

const columns = (waiting: boolean, mayDecide: boolean): Column<Proposal>[] => [
  { id: "what", header: "Proposal", cell: (row) => <TwoLines main={title(row)} sub={<><OnPhone>{waiting ? "" : `${stateWord(row.state)}, `}{row.program ?? "a program"}, </OnPhone><Time at={row.asked_at} ago /></>} /> },
  { id: "reason", header: "In its own words", hideBelow: "sm", cell: (row) => <span title={row.reason}>{row.reason}</span> },
  { id: "by", header: "Program", width: "190px", hideBelow: "md", cell: (row) => <TwoLines main={row.program ?? "not known any more"} sub={row.for_user ? `for ${row.for_user.name}` : ""} /> },
  ...(waiting ? [] : [
    { id: "state", header: "State", width: "120px", hideBelow: "sm" as const, cell: (row: Proposal) => <StateBadge state={row.state} /> },
    { id: "decided", header: "Decided by", width: "170px", hideBelow: "md" as const, cell: (row: Proposal) => <TwoLines main={row.decided_by?.name ?? ""} sub={<Time at={row.decided_at} ago />} /> },
  ]),
  ...(mayDecide ? [{ id: "acts", header: "Acts", width: "190px", right: true, cell: (row: Proposal) => <Decide proposal={row} /> }] : []),
];

function Decide({ proposal }: { proposal: Proposal }) {
  const [asking, setAsking] = useState<"approve" | "decline" | null>(null);
  const queries = useQueryClient();
  const toast = useToast();
  const decide = useMutation({
    mutationFn: (verb: "approve" | "decline") => client.post(api.intentVerb(proposal.id, verb)),
    onSuccess: (_, verb) => {
      setAsking(null);
      toast.done(verb === "approve" ? `Approved: ${title(proposal)}.` : `Declined: ${title(proposal)}.`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["proposals"] }),
  });
  const ask = (verb: "approve" | "decline") => () => { decide.reset(); setAsking(verb); };
  return (
    <Group gap={6} justify="flex-end" wrap="nowrap">
      <Button size="compact-sm" aria-label={`Approve: ${title(proposal)}`} onClick={ask("approve")}>Approve</Button>
      <Button size="compact-sm" variant="default" aria-label={`Decline: ${title(proposal)}`} onClick={ask("decline")}>Decline</Button>
      <Confirm opened={asking !== null} title={asking === "decline" ? "Decline it?" : "Approve it?"} act={asking === "decline" ? "Decline" : "Approve"} busy={decide.isPending} error={toTell(decide.error)} onClose={() => setAsking(null)} onConfirm={() => { if (asking) decide.mutate(asking); }}>
        <p>{asking === "decline" ? `Nothing is done: ${title(proposal)}. The program may propose it again.` : effect(proposal)}</p>
        <p>{proposal.program ?? "The program"} says: “{proposal.reason}”</p>
      </Confirm>
    </Group>
  );
}
