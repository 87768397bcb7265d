import { Button } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { IconBroadcast, IconPlus } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link, useNavigate, useParams } from "react-router";
import type { Target } from "../../api/siem";
import { count, plural } from "../../lib/format";
import { QueryView } from "../../shell/query-view";
import { Time, useNow } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Notice } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { useOwner } from "./owner";
import { TargetDrawer } from "./target-drawer";
import { TargetState } from "./target-state";
import { daysLeft, errorWords, FORMATS, stateOf, TRANSPORTS, waitingWords } from "./words";

const SOON = 14;

interface StreamsProps { query: UseQueryResult<Target[]>; mayEdit: boolean; title: string; children: ReactNode }

export function Streams({ query, mayEdit, title, children }: StreamsProps) {
  const { id } = useParams();
  const navigate = useNavigate();
  const owner = useOwner();
  const add = mayEdit ? <Button component={Link} to={owner.targetPage("new")} leftSection={<IconPlus size={16} aria-hidden />}>Add a target</Button> : undefined;
  return (
    <>
      <PageHead title={title} actions={query.data && query.data.length > 0 ? add : undefined}>{children}</PageHead>
      <QueryView query={query} what="The log streams">
        {(targets) => (
          <>
            <Failing targets={targets} />
            <Ending targets={targets} />
            <Panel flush>
              {targets.length === 0
                ? <Empty icon={IconBroadcast} title="The log goes nowhere else" action={add}>Whoever owns this machine's database could rewrite its log, and only a copy elsewhere would show it. Add your SIEM, a syslog server or a collector.</Empty>
                : <RecordTable label="Log streams" rows={targets} columns={COLUMNS} rowKey={(target) => target.id} rowState={(target) => target.state} href={(target) => owner.targetPage(target.id)} onOpen={(target) => { void navigate(owner.targetPage(target.id)); }} selected={id} />}
            </Panel>
          </>
        )}
      </QueryView>
      <TargetDrawer id={id} targets={query.data} mayEdit={mayEdit} onClose={() => { void navigate(owner.page()); }} />
    </>
  );
}

const COLUMNS: Column<Target>[] = [
  { id: "name", header: "Target", cell: (target) => <TwoLines main={target.name} sub={<><OnPhone>{stateOf(target).word}, </OnPhone>{TRANSPORTS[target.transport].label}, {FORMATS[target.format]}</>} /> },
  { id: "address", header: "Address", hideBelow: "md", cell: (target) => <span className="mono" title={target.address || undefined}>{target.address || "this machine"}</span> },
  { id: "state", header: "State", width: "140px", hideBelow: "sm", cell: (target) => <TargetState target={target} /> },
  { id: "waiting", header: "Events waiting", width: "132px", right: true, cell: (target) => waitingWords(target.waiting) },
  { id: "sent", header: "Events sent", width: "110px", right: true, hideBelow: "sm", cell: (target) => count(target.sent) },
  { id: "errors", header: "Errors", width: "90px", right: true, hideBelow: "md", cell: (target) => count(target.errors) },
  { id: "last", header: "Last sent", width: "120px", hideBelow: "lg", cell: (target) => <Time at={target.last_sent_at} ago /> },
];

function Failing({ targets }: { targets: Target[] }) {
  const failing = targets.filter((target) => target.state === "failing");
  if (failing.length === 0) return null;
  return (
    <Notice tone="bad" title={failing.length === 1 ? `${failing[0]?.name} gets nothing at the moment` : `${plural(failing.length, "target")} get nothing at the moment`}>
      {failing.map((target) => <span key={target.id}>{failing.length > 1 ? <strong>{target.name}: </strong> : null}{target.last_error ? errorWords(target.last_error, target.transport) : null} {target.waiting_since ? <>{waitingWords(target.waiting)} events wait, the oldest from <Time at={target.waiting_since} ago />. </> : null}</span>)}
      Nothing is lost: the log stays here, and the stream is tried again by itself.
    </Notice>
  );
}

function Ending({ targets }: { targets: Target[] }) {
  const now = useNow();
  const ending = targets.filter((target) => target.certificate_ends_at !== null && daysLeft(target.certificate_ends_at, now) < SOON);
  return ending.map((target) => {
    const over = target.certificate_ends_at !== null && daysLeft(target.certificate_ends_at, now) < 0;
    return (
      <Notice key={target.id} tone={over ? "bad" : "warn"} title={`A certificate of ${target.name} ${over ? "has ended" : "ends soon"}`}>
        {over ? "It ended" : "It ends"} on <Time at={target.certificate_ends_at} />. {over ? "The stream waits until there is a new one" : "From then on the stream waits"}: renew it at the target, or the client certificate here.
      </Notice>
    );
  });
}
