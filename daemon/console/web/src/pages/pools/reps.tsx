// Reps and queues as Salesforce knows them.
import { Button, Switch, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { IconRefresh, IconSearch, IconUser } from "@tabler/icons-react";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { queuesQuery } from "../../api/queries";
import type { Rep } from "../../api/types";
import { count, plural } from "../../lib/format";
import { api, path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { CopyId, Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { type Column, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";
import ui from "../../ui/ui.module.css";
import { PresenceBadge } from "./presence";
import { usePause } from "./use-pause";

function useSync() {
  const toast = useToast();
  return useMutation({
    mutationFn: () => client.post<{ job_id: string }>(api.repsSync()),
    onSuccess: () => toast.done("Reading users and queues from Salesforce. The list renews itself when it is done."),
    onError: (error) => toast.failed(`Not started. ${messageOf(error)}`),
  });
}

export function RepsPanel({ reps, mayEdit }: { reps: Rep[]; mayEdit: boolean }) {
  const [q, setQ] = useState("");
  const sync = useSync();
  const pause = usePause();
  const navigate = useNavigate();
  const wanted = q.trim().toLowerCase();
  const shown = reps.filter((rep) => rep.name.toLowerCase().includes(wanted) || rep.salesforce_user_id.toLowerCase().startsWith(wanted));
  const syncButton = mayEdit ? <Button size="xs" variant="default" leftSection={<IconRefresh size={14} aria-hidden />} loading={sync.isPending} onClick={() => sync.mutate()}>Read from Salesforce</Button> : undefined;
  const columns: Column<Rep>[] = [
    { id: "name", header: "Rep", cell: (rep) => <TwoLines main={rep.name} sub={<><PresenceBadge presence={rep.presence} /> {rep.pools.map((pool) => pool.name).join(", ") || "in no pool"}</>} phone /> },
    { id: "state", header: "Now", width: "254px", hideBelow: "sm", cell: (rep) => <PresenceBadge presence={rep.presence} /> },
    { id: "pools", header: "Pools", width: "130px", hideBelow: "md", cell: (rep) => rep.pools.map((pool) => pool.name).join(", ") || "none" },
    { id: "today", header: "Today", width: "76px", right: true, hideBelow: "sm", cell: (rep) => count(rep.routed_today) },
    { id: "last", header: "Last lead", width: "104px", hideBelow: "md", cell: (rep) => <Time at={rep.last_assigned_at} ago /> },
    { id: "sf", header: "Salesforce user", width: "160px", hideBelow: "lg", cell: (rep) => <CopyId value={rep.salesforce_user_id} what="Salesforce user id" /> },
    {
      id: "pause", header: "Takes leads", width: "104px", right: true,
      cell: (rep) => (
        <Switch
          size="sm" style={{ display: "inline-block", verticalAlign: "middle" }} disabled={!mayEdit || !rep.active} checked={rep.active && !rep.paused} aria-label={`${rep.name} takes leads`}
          onChange={(event) => pause.mutate({ rep, paused: !event.currentTarget.checked })}
        />
      ),
    },
  ];
  const synced = reps.map((rep) => rep.synced_at).toSorted().at(-1);
  if (reps.length === 0) {
    return <Panel title="Reps"><Empty icon={IconUser} title="No reps yet" action={syncButton}>Reps are the active users of your Salesforce organisation. Connect Salesforce, then read them in.</Empty></Panel>;
  }
  return (
    <Panel title="Reps" note={<>{plural(reps.filter((rep) => rep.active).length, "active rep")}. Read from Salesforce <Time at={synced} ago />.</>} actions={<>
      <TextInput size="xs" aria-label="Find a rep" placeholder="Find a rep" leftSection={<IconSearch size={14} aria-hidden />} value={q} onChange={(event) => setQ(event.currentTarget.value)} />
      {syncButton}
    </>} flush>
      <RecordTable label="Reps" rows={shown} columns={columns} rowKey={(rep) => rep.id} rowState={(rep) => `${rep.routed_today}${rep.presence.state}`} href={(rep) => path.rep(rep.id)} onOpen={(rep) => { void navigate(path.rep(rep.id)); }} />
    </Panel>
  );
}

export function QueuesPanel() {
  const queues = useQuery(queuesQuery());
  return (
    <Panel title="Queues" note="A rule may also point to a Salesforce queue; whoever works it takes the lead there." flush>
      <QueryView query={queues} what="The queues">
        {(list) => list.length === 0 ? <Empty icon={IconUser} title="No queues">Salesforce has no queue that may own leads. That is fine; pools and reps do not need one.</Empty> : (
          <div className={ui["scrollX"]}>
            <table className={ui["plainTable"]} aria-label="Queues">
              <thead><tr><th scope="col">Queue</th><th scope="col">For</th><th scope="col">Salesforce id</th><th scope="col">In the log</th></tr></thead>
              <tbody>{list.map((queue) => (
                <tr key={queue.id}><td>{queue.name}</td><td>{queue.objects.join(", ")}</td><td><CopyId value={queue.salesforce_id} /></td><td><Link to={path.log({ q: queue.salesforce_id })}>Its leads</Link></td></tr>
              ))}</tbody>
            </table>
          </div>
        )}
      </QueryView>
    </Panel>
  );
}
