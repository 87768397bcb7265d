// Keys for programs: what each may do, until when, when it was used; shown once when made, revoked at once.
import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useNavigate } from "react-router";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { apiKeysQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { ApiKey } from "../../api/types";
import { api, path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge, stateWord } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";
import { CreateKey } from "./create-key";

export function Page() {
  const query = useQuery(apiKeysQuery());
  const mayEdit = useCan("api_key_edit");
  const navigate = useNavigate();
  const [creating, setCreating] = useState(false);
  const create = mayEdit ? <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>New API key</Button> : undefined;
  return (
    <>
      <PageHead title="API keys" actions={create}>Programs of yours use them to read and to act here. A key may do what its scopes say, and nothing else. Open one to see what it asked.</PageHead>
      <Panel flush>
        <QueryView query={query} what="The API keys">
          {(list) => list.length === 0
            ? <Empty icon={IconKey} title="No API keys" action={create}>Make one for each program, with only the scopes that it needs, so that one can be revoked without the others.</Empty>
            : <RecordTable label="API keys" rows={list} columns={columns(mayEdit)} rowKey={(key) => key.id} rowState={(key) => key.state} href={(key) => path.apiKeyRequests(key.id)} onOpen={(key) => { void navigate(path.apiKeyRequests(key.id)); }} />}
        </QueryView>
      </Panel>
      {creating ? <CreateKey onClose={() => setCreating(false)} /> : null}
    </>
  );
}

const columns = (mayEdit: boolean): Column<ApiKey>[] => [
  { id: "name", header: "Key", cell: (key) => <TwoLines main={key.name} sub={<><OnPhone>{stateWord(key.state)}, </OnPhone><span className="mono">{key.prefix}…</span></>} /> },
  { id: "scopes", header: "Scopes", hideBelow: "md", cell: (key) => <span title={key.scopes.join(", ")}>{key.scopes.join(", ")}</span> },
  { id: "state", header: "State", width: "120px", hideBelow: "sm", cell: (key) => <StateBadge state={key.state} /> },
  { id: "used", header: "Last used", width: "110px", hideBelow: "sm", cell: (key) => <Time at={key.last_used_at} ago /> },
  { id: "expires", header: "Expires", width: "110px", hideBelow: "lg", cell: (key) => (key.expires_at ? <Time at={key.expires_at} due /> : "never") },
  { id: "by", header: "Made by", width: "170px", hideBelow: "lg", cell: (key) => <TwoLines main={key.created_by?.name ?? "nobody any more"} sub={<Time at={key.created_at} ago />} /> },
  ...(mayEdit ? [{ id: "acts", header: "Acts", width: "100px", right: true, cell: (key: ApiKey) => <Revoke apiKey={key} /> }] : []),
];

function Revoke({ apiKey }: { apiKey: ApiKey }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const revoke = useMutation({
    mutationFn: () => client.delete(api.apiKey(apiKey.id)),
    onSuccess: () => {
      setAsking(false);
      toast.done(`“${apiKey.name}” is revoked on every server.`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["api-keys"] }),
  });
  if (apiKey.state === "revoked") return null;
  return (
    <>
      <Button size="compact-sm" variant="default" aria-label={`Revoke ${apiKey.name}`} onClick={() => { revoke.reset(); setAsking(true); }}>Revoke</Button>
      <Confirm opened={asking} title={`Revoke “${apiKey.name}”`} typed={apiKey.name} act="Revoke" danger busy={revoke.isPending} error={toTell(revoke.error)} onClose={() => setAsking(false)} onConfirm={() => revoke.mutate()}>
        Programs that use it are refused from the next request on. It cannot be brought back.{apiKey.last_used_at ? <> Last used <Time at={apiKey.last_used_at} ago />.</> : " It was never used."}
      </Confirm>
    </>
  );
}
