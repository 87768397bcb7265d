import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import type { ScimToken } from "../../api/scim";
import { api } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge } from "../../ui/status";
import { useToast } from "../../ui/toast";
import rows from "../factors/factors.module.css";
import { CreateScimToken } from "./create-scim-token";

export function ScimTokens({ tokens, mayEdit }: { tokens: ScimToken[]; mayEdit: boolean }) {
  const [creating, setCreating] = useState(false);
  const create = mayEdit ? <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setCreating(true)}>New token</Button> : undefined;
  return (
    <Panel title="Tokens" note="Who holds one may make and deactivate people of this organisation, and nothing else." actions={tokens.length > 0 ? create : undefined} flush>
      {tokens.length === 0
        ? <Empty icon={IconKey} title="No tokens" action={create}>Make one for your provider. It is entered there once, beside the base URL.</Empty>
        : <ul className={rows["rows"]} aria-label="Tokens">{tokens.map((token) => <Row key={token.id} token={token} mayEdit={mayEdit} />)}</ul>}
      {creating ? <CreateScimToken onClose={() => setCreating(false)} /> : null}
    </Panel>
  );
}

function Row({ token, mayEdit }: { token: ScimToken; mayEdit: boolean }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const revoke = useMutation({
    mutationFn: () => client.delete(api.scimToken(token.id)),
    onSuccess: () => {
      setAsking(false);
      toast.done(`“${token.name}” is revoked.`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["scim"] }),
  });
  const used = token.last_used_at ? <>Last used <Time at={token.last_used_at} ago />.</> : "Never used.";
  return (
    <li>
      <div className={rows["rowText"]}>
        <strong>{token.name} <StateBadge state={token.state} /></strong>
        <small>
          <span className="mono">{token.prefix}…</span> {used} {token.expires_at ? <>{token.state === "expired" ? "Expired" : "Expires"} <Time at={token.expires_at} due />.</> : "Does not expire."} Made by {token.created_by?.name ?? "nobody any more"} <Time at={token.created_at} ago />.
        </small>
      </div>
      {mayEdit && token.state !== "revoked" ? <div className={rows["rowActs"]}><Button size="xs" variant="default" aria-label={`Revoke ${token.name}`} onClick={() => { revoke.reset(); setAsking(true); }}>Revoke</Button></div> : null}
      <Confirm opened={asking} title={`Revoke “${token.name}”`} typed={token.name} act="Revoke" danger busy={revoke.isPending} error={toTell(revoke.error)} onClose={() => setAsking(false)} onConfirm={() => revoke.mutate()}>
        The provider that uses it is refused from the next request on: who leaves there stays active here until it has another token. {used}
      </Confirm>
    </li>
  );
}
