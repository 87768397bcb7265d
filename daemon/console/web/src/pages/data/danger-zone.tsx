// The end of the organisation: asked for with its name, counted down, taken back.
import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { deletionQuery } from "../../api/queries";
import { useCan, useSession } from "../../api/session";
import type { Deletion } from "../../api/types";
import { daysLeft, plural } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time, useNow } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { LoadingBlock } from "../../ui/states";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "./data.module.css";

export function DangerZone() {
  const { tenant } = useSession();
  const may = useCan("tenant_delete");
  const query = useQuery({ ...deletionQuery(), enabled: may });
  if (!may) return null;
  return (
    <Panel title="Delete the organisation" note="Everything is erased, and the keys of its secrets are destroyed, so that backups stay closed as well.">
      <QueryView query={query} what="Whether a deletion was asked for" loading={<LoadingBlock height={72} />}>
        {(deletion) => (deletion ? <Waiting deletion={deletion} name={tenant.name} /> : <Ask name={tenant.name} />)}
      </QueryView>
    </Panel>
  );
}

function Ask({ name }: { name: string }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const ask = useMutation({
    mutationFn: () => client.post<Deletion>(api.tenantDeletion(), { confirm: name }),
    onSuccess: (deletion) => {
      setAsking(false);
      queries.setQueryData(["deletion"], deletion);
    },
  });
  return (
    <>
      <p className={css["effect"]}>Only the owner can ask for it. All administrators are told by mail, and until its day it can be taken back. Export the data first if you need it.</p>
      <Button variant="default" c="var(--mantine-color-error)" onClick={() => { ask.reset(); setAsking(true); }}>Delete {name}</Button>
      <Confirm opened={asking} title={`Delete ${name}`} typed={name} act="Delete it" danger busy={ask.isPending} error={toTell(ask.error)} onClose={() => setAsking(false)} onConfirm={() => ask.mutate()}>
        <p>After the days in which it can be taken back, these are erased for good: records and their values, rules, pools, the log of routing, connections, members and invitations, keys and tokens. People who belong to no other organisation lose their accounts.</p>
        <p>Entries of the audit log stay, by ids alone: what they hold is closed with its key.</p>
      </Confirm>
    </>
  );
}

function Waiting({ deletion, name }: { deletion: Deletion; name: string }) {
  const queries = useQueryClient();
  const toast = useToast();
  const now = useNow();
  const left = daysLeft(deletion.due_at, now);
  const over = Date.parse(deletion.due_at) <= now;
  const keep = useMutation({
    mutationFn: () => client.delete(api.tenantDeletion()),
    onSuccess: () => {
      queries.setQueryData(["deletion"], null);
      toast.done(`${name} is kept. Nothing was erased.`);
    },
    onError: (error) => { const told = toTell(error); if (told) toast.failed(told); },
  });
  if (over) return <Notice tone="bad" title={`${name} is being deleted`}>Its last day was <Time at={deletion.due_at} />, and it cannot be taken back any more. The owner gets the certificate of erasure by mail.</Notice>;
  return (
    <Notice
      tone="bad" title={left <= 1 ? `${name} will be deleted within a day` : `${name} will be deleted in ${plural(left, "day")}`}
      actions={<Button size="compact-sm" variant="default" loading={keep.isPending} onClick={() => keep.mutate()}>Keep {name}</Button>}
    >
      {deletion.by_operator ? "The operator of this appliance" : "Its owner"} asked for it on <Time at={deletion.asked_at} />. It can be taken back until <Time at={deletion.due_at} />; from then on it cannot be undone.
    </Notice>
  );
}
