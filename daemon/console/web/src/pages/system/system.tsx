// The appliance itself: is it well, what needs a hand, and how it has done lately.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { type Findings as Told, findingsQuery, type System, systemQuery } from "../../api/system";
import { count, duration, percent, since, size } from "../../lib/format";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Time, useNow } from "../../ui/facts";
import { PageHead, Stat, Stats } from "../../ui/page";
import { LoadingBlock } from "../../ui/states";
import { Notice } from "../../ui/status";
import { Charts } from "./charts";
import { DatabasePanel } from "./database";
import { Findings } from "./findings";
import { Keeping } from "./keeping";
import { Nodes } from "./nodes";
import { QueuePanel } from "./queue";
import { figures } from "./series";
import css from "./system.module.css";
import { amiss, milliseconds } from "./words";

export function Page() {
  const system = useQuery(systemQuery());
  const findings = useQuery(findingsQuery());
  return (
    <>
      <PageHead title="System">{summary(system.data, findings.data)}</PageHead>
      {system.data?.reasons.map((reason) => <Notice key={reason.part} tone="bad" title={reason.part === "secrets" ? "The secrets backend is away" : "The database is away"}>{reason.message}</Notice>)}
      <QueryView query={system} what="The state of the appliance" loading={<LoadingBlock height={92} />}>{(data) => <Figures system={data} />}</QueryView>
      <QueryView query={findings} what="What needs a hand" loading={<LoadingBlock height={92} />}>{(told) => <Findings told={told} />}</QueryView>
      <Charts />
      {system.data ? <Parts system={system.data} /> : null}
    </>
  );
}

function summary(system: System | undefined, told: Told | undefined): React.ReactNode {
  if (!system) return "How this appliance does.";
  const open = told ? amiss(told.findings).length : undefined;
  return (
    <>
      {open === undefined ? "Being looked at. " : open === 0 ? "All is well. " : `${count(open)} of ${count(told?.findings.length ?? 0)} things need a hand. `}
      Revkeep {system.version} at {system.address}, up since <Time at={system.started_at} />.
    </>
  );
}

function Figures({ system }: { system: System }) {
  const navigate = useNavigate();
  const now = useNow();
  const to = (href: string) => ({ href, onOpen: () => { void navigate(href); } });
  const { recent, queue, database, certificate, backup } = system;
  const load = recent ? figures(recent) : null;
  const disk = system.disks.reduce<System["disks"][number] | undefined>((least, one) => (least === undefined || one.free / one.bytes < least.free / least.bytes ? one : least), undefined);
  return (
    <div className={css["figures"]}><Stats>
      <Stat label="Requests a minute" value={load === null ? "–" : count(load.requests ?? 0)} tone={load?.errors ? "bad" : undefined} note={load?.errors ? `${count(load.errors)} of them errors` : "no errors"} />
      <Stat label="95 of 100 within" value={milliseconds(load?.most ?? null)} note={`${count(system.load.in_hand ?? 0)} in hand now`} />
      <Stat label="Jobs due" tone={queue && queue.dead > 0 ? "bad" : undefined} value={queue ? count(queue.due) : "–"} note={queue === null ? "not known" : queue.dead > 0 ? `${count(queue.dead)} given up` : queue.due > 0 ? `oldest for ${duration(queue.waited_seconds)}` : "none given up"} {...to(path.jobs(queue && queue.dead > 0 ? {} : { state: "queued" }))} />
      <Stat label="Database" value={database ? size(database.bytes) : "–"} note={database ? `${count(database.connections)} of ${count(database.most_connections)} connections` : "does not answer"} />
      <Stat label="Disk free" value={disk ? percent(disk.free / Math.max(1, disk.bytes)) : "–"} note={disk ? `${size(disk.free)} of ${size(disk.bytes)}` : "not known"} />
      <Stat label="Certificate" tone={certificate && certificate.days < 14 ? "bad" : undefined} value={certificate ? `${count(certificate.days)} d` : "–"} note={certificate ? "until it ends" : "not known"} />
      <Stat label="Last backup" value={backup ? since(backup.at, now).replace(" ago", "") : "none"} note={backup ? "ago" : "told of so far"} />
      <Stat label="Memory" value={system.load.memory === null ? "–" : size(system.load.memory)} note={`${count(system.load.open_files ?? 0)} files and sockets open`} />
    </Stats></div>
  );
}

function Parts({ system }: { system: System }) {
  return (
    <>
      <Nodes system={system} />
      <div className={css["halves"]}>
        <div><DatabasePanel database={system.database} /></div>
        <div><Keeping system={system} /><QueuePanel queue={system.queue} work={system.work} /></div>
      </div>
    </>
  );
}
