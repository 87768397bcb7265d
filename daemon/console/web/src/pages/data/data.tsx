// The organisation's data as a whole: take it along, or end it.
import { Button, Progress } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconDatabaseExport, IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { exportsQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { DataExport } from "../../api/types";
import { plural, size } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge } from "../../ui/status";
import { useToast } from "../../ui/toast";
import rows from "../factors/factors.module.css";
import { DangerZone } from "./danger-zone";
import css from "./data.module.css";
import { PersonCases } from "./person-cases";
import { save } from "../../lib/csv";
import { expiryWords, failureWords, isOpen, progressOf } from "./words";

export function Page() {
  const query = useQuery(exportsQuery());
  const mayExport = useCan("tenant_export");
  return (
    <>
      <PageHead title="Data" actions={mayExport ? <Ask running={query.data?.some(isOpen) ?? true} /> : undefined}>
        Everything of this organisation, to take along or to end.
      </PageHead>
      <QueryView query={query} what="The exports">
        {(items) => <Exports items={items} />}
      </QueryView>
      <PersonCases />
      <DangerZone />
    </>
  );
}

function Exports({ items }: { items: DataExport[] }) {
  return (
    <Panel title="Exports" note="Each table as JSON lines, the audit log among them, in one archive. Secrets never leave." flush>
      {items.length === 0
        ? <Empty icon={IconDatabaseExport} title="Nothing was exported yet">The owner can export everything. The archive can be downloaded once, by whoever asked for it, within 7 days.</Empty>
        : <ul className={rows["rows"]} aria-label="Exports">{items.map((item) => <Row key={item.id} item={item} />)}</ul>}
    </Panel>
  );
}

function Row({ item }: { item: DataExport }) {
  const asker = item.asked_by?.name ?? "a former member";
  return (
    <li>
      <div className={rows["rowText"]}>
        <strong><Time at={item.asked_at} /><StateBadge state={item.state} /></strong>
        <small>{item.scope === "person" ? "Of one person. " : ""}Asked for by {item.own ? "you" : asker}. <Standing item={item} asker={asker} /></small>
        {isOpen(item) ? <Progress className={css["progress"]} value={progressOf(item).share} aria-label={progressOf(item).words} /> : null}
      </div>
      <Acts item={item} />
    </li>
  );
}

function Standing({ item, asker }: { item: DataExport; asker: string }) {
  const holds = `${plural(item.rows, "row")}, ${size(item.bytes)}`;
  if (isOpen(item)) return <>{progressOf(item).words}</>;
  switch (item.state) {
    case "ready": return <>{holds}. {item.own ? "It can be downloaded once" : `Only ${asker} can download it, once`}, until <Time at={item.expires_at} />.</>;
    case "downloading": return <>{holds}. If the download is cut short, it can be begun again.</>;
    case "downloaded": return <>{holds}. It is no longer here.</>;
    case "failed": return <>{failureWords(item.error)}</>;
    case "expired": return <>{expiryWords(item.error)}</>;
    default: return item.ended_at ? <>Ended <Time at={item.ended_at} />. Nothing of it is kept.</> : null;
  }
}

function Acts({ item }: { item: DataExport }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const may = useCan("tenant_export");
  const again = () => queries.invalidateQueries({ queryKey: ["exports"] });
  const cancel = useMutation({
    mutationFn: () => client.post(api.exportVerb(item.id, "cancel")),
    onSuccess: () => {
      setAsking(false);
      toast.done(isOpen(item) ? "The export is cancelled." : "The archive is thrown away.");
    },
    onError: (error) => { if (isOpen(item)) toast.failed(`Not cancelled. ${toTell(error) ?? ""}`); },
    onSettled: again,
  });
  const download = useMutation({
    mutationFn: async () => save(`revkeep-${item.id}.tar.gz`, await client.download(api.exportVerb(item.id, "download"))),
    onError: (error) => { const told = toTell(error); if (told) toast.failed(`Not downloaded. ${told}`); },
    onSettled: again,
  });
  if (!may || (!isOpen(item) && item.state !== "ready")) return null;
  return (
    <div className={rows["rowActs"]}>
      {item.state === "ready" && item.own ? (
        <Button size="xs" leftSection={<IconDownload size={14} aria-hidden />} loading={download.isPending} onClick={() => download.mutate()}>Download</Button>
      ) : null}
      {isOpen(item)
        ? <Button size="xs" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>Cancel</Button>
        : <Button size="xs" variant="default" onClick={() => { cancel.reset(); setAsking(true); }}>Throw away</Button>}
      <Confirm opened={asking} title="Throw the archive away" act="Throw away" danger busy={cancel.isPending} error={toTell(cancel.error)} onClose={() => setAsking(false)} onConfirm={() => cancel.mutate()}>
        Its {size(item.bytes)} are deleted from this machine, and nobody can download it any more. Another export can be made.
      </Confirm>
    </div>
  );
}

function Ask({ running }: { running: boolean }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const ask = useMutation({
    mutationFn: () => client.post<DataExport>(api.exports()),
    onSuccess: () => {
      setAsking(false);
      toast.done("The export is being made. You may leave this page.");
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["exports"] }),
  });
  return (
    <>
      <Button leftSection={<IconDatabaseExport size={16} aria-hidden />} disabled={running} onClick={() => { ask.reset(); setAsking(true); }}>Export everything</Button>
      <Confirm opened={asking} title="Export everything" act="Export" busy={ask.isPending} error={toTell(ask.error)} onClose={() => setAsking(false)} onConfirm={() => ask.mutate()}>
        <p>The archive holds personal data in the clear: names and addresses of people, values of leads and contacts. Keep it where such data may be.</p>
        <p>It is made in the background. You alone can download it, once, within 7 days; the audit log keeps that you asked.</p>
      </Confirm>
    </>
  );
}
