// What people let programs do: a table for them, and one for their administrators.
import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import type { ProgramGrant } from "../../api/types";
import { api } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { StateBadge, stateWord } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";

export function GrantTable({ grants, own, mayEnd }: { grants: ProgramGrant[]; own: boolean; mayEnd: boolean }) {
  return <RecordTable label={own ? "Programs that you let in" : "What people let in"} rows={grants} columns={columns(own, mayEnd)} rowKey={(grant) => grant.id} rowState={(grant) => grant.state} />;
}

const columns = (own: boolean, mayEnd: boolean): Column<ProgramGrant>[] => [
  { id: "client", header: "Program", cell: (grant) => <TwoLines main={grant.client.name} sub={<><OnPhone>{stateWord(grant.state)}{own ? "" : `, ${grant.user.name}`}, </OnPhone>since <Time at={grant.created_at} ago /></>} /> },
  ...(own ? [] : [{ id: "user", header: "Let in by", width: "170px", hideBelow: "sm" as const, cell: (grant: ProgramGrant) => grant.user.name }]),
  { id: "scopes", header: "May", hideBelow: "md", cell: (grant) => <span title={grant.scopes.join(", ")}>{grant.scopes.join(", ")}</span> },
  { id: "state", header: "State", width: "120px", hideBelow: "sm", cell: (grant) => <StateBadge state={grant.state} /> },
  { id: "renewed", header: "Last renewed", width: "120px", hideBelow: "sm", cell: (grant) => <Time at={grant.renewed_at} ago /> },
  { id: "expires", header: "Ends", width: "110px", hideBelow: "lg", cell: (grant) => <Time at={grant.expires_at} due /> },
  ...(mayEnd ? [{ id: "acts", header: "Acts", width: "90px", right: true, cell: (grant: ProgramGrant) => <End grant={grant} own={own} /> }] : []),
];

function End({ grant, own }: { grant: ProgramGrant; own: boolean }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const end = useMutation({
    mutationFn: () => client.delete(own ? api.myGrant(grant.id) : api.grant(grant.id)),
    onSuccess: () => {
      setAsking(false);
      toast.done(`“${grant.client.name}” is shut out on every server.`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["grants"] }),
  });
  if (grant.state !== "active") return null;
  const whose = own ? "your" : `${grant.user.name}'s`;
  return (
    <>
      <Button size="compact-sm" variant="default" aria-label={`End ${grant.client.name}${own ? "" : ` of ${grant.user.name}`}`} onClick={() => { end.reset(); setAsking(true); }}>End</Button>
      <Confirm opened={asking} title={`End “${grant.client.name}”`} act="End it" danger busy={end.isPending} error={toTell(end.error)} onClose={() => setAsking(false)} onConfirm={() => end.mutate()}>
        It reads nothing more in {whose} name, within five seconds everywhere. To come back it has to ask again.
      </Confirm>
    </>
  );
}
