// Programs of others that people may let in, and what people let them do: named and ended by an administrator.
import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconPlus, IconRobot, IconUserCheck } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { grantsQuery, programsQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { Program } from "../../api/types";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { CopyId, Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge, stateWord } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";
import { CreateProgram } from "./create-program";
import { GrantTable } from "./grants";

export function Page() {
  const programs = useQuery(programsQuery());
  const grants = useQuery(grantsQuery(false));
  const mayEdit = useCan("api_key_edit");
  const [creating, setCreating] = useState(false);
  const create = mayEdit ? <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>New program</Button> : undefined;
  return (
    <>
      <PageHead title="Programs" actions={create}>Assistants and other programs that read the data layer in somebody's name. You say which may ask; each person says whether theirs may.</PageHead>
      <Panel title="Programs that may ask" flush>
        <QueryView query={programs} what="The programs">
          {(list) => list.length === 0
            ? <Empty icon={IconRobot} title="No programs" action={create}>Name one with the addresses that its answers may go to. It gets nothing before somebody lets it in.</Empty>
            : <RecordTable label="Programs" rows={list} columns={columns(mayEdit)} rowKey={(program) => program.id} rowState={(program) => program.state} />}
        </QueryView>
      </Panel>
      <Panel title="What people let in" flush>
        <QueryView query={grants} what="What people let in">
          {(list) => list.length === 0
            ? <Empty icon={IconUserCheck} title="Nobody let a program in">Who approves a program in their browser stands here, with what they let it do.</Empty>
            : <GrantTable grants={list} own={false} mayEnd={mayEdit} />}
        </QueryView>
      </Panel>
      {creating ? <CreateProgram onClose={() => setCreating(false)} /> : null}
    </>
  );
}

const columns = (mayEdit: boolean): Column<Program>[] => [
  { id: "name", header: "Program", cell: (program) => <TwoLines main={program.name} sub={<><OnPhone>{stateWord(program.state)}, </OnPhone><CopyId value={program.id} what="client id" /></>} /> },
  { id: "redirects", header: "Answers go to", hideBelow: "md", cell: (program) => <span className="mono" title={program.redirect_uris.join(", ")}>{program.redirect_uris.join(", ")}</span> },
  { id: "scopes", header: "May ask for", hideBelow: "lg", cell: (program) => <span title={program.scopes.join(", ")}>{program.scopes.join(", ")}</span> },
  { id: "state", header: "State", width: "120px", hideBelow: "sm", cell: (program) => <StateBadge state={program.state} /> },
  { id: "by", header: "Named by", width: "170px", hideBelow: "lg", cell: (program) => <TwoLines main={program.created_by?.name ?? "nobody any more"} sub={<Time at={program.created_at} ago />} /> },
  ...(mayEdit ? [{ id: "acts", header: "Acts", width: "100px", right: true, cell: (program: Program) => <Revoke program={program} /> }] : []),
];

function Revoke({ program }: { program: Program }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const revoke = useMutation({
    mutationFn: () => client.delete(api.client(program.id)),
    onSuccess: () => {
      setAsking(false);
      toast.done(`“${program.name}” is revoked on every server.`);
    },
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ["programs"] }), queries.invalidateQueries({ queryKey: ["grants"] })]),
  });
  if (program.state === "revoked") return null;
  return (
    <>
      <Button size="compact-sm" variant="default" aria-label={`Revoke ${program.name}`} onClick={() => { revoke.reset(); setAsking(true); }}>Revoke</Button>
      <Confirm opened={asking} title={`Revoke “${program.name}”`} typed={program.name} act="Revoke" danger busy={revoke.isPending} error={toTell(revoke.error)} onClose={() => setAsking(false)} onConfirm={() => revoke.mutate()}>
        What everybody let it do ends within five seconds, and nobody can let it in again. It cannot be brought back.
      </Confirm>
    </>
  );
}
