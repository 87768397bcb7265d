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
import { count, plural } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { StateBadge } from "../../ui/status";
import { useToast } from "../../ui/toast";
import ui from "../../ui/ui.module.css";
import css from "./data.module.css";
import { DangerZone } from "./danger-zone";

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
      <DangerZone />
    </>
  );
}

const isOpen = (item: DataExport): boolean => item.state === "waiting" || item.state === "running";

function Exports({ items }: { items: DataExport[] }) {
  return (
    <Panel title="Exports" note="Each table as JSON lines, the audit log among them, in one archive. Secrets never leave. An archive is downloaded once, by whoever asked, within 7 days." flush={items.length > 0}>
      {items.length === 0 ? <p className={css["effect"]}>Nobody has exported this organisation&#39;s data yet. Its owner can.</p> : (
        <div className={ui["scrollX"]}>
          <table className={ui["plainTable"]} aria-label="Exports">
            <thead><tr><th scope="col">State</th><th scope="col">Asked</th><th scope="col" className={ui["wide"]}>By</th><th scope="col" className={ui["num"]}>Rows</th><th scope="col" aria-label="Acts" /></tr></thead>
            <tbody>{items.map((item) => <Row key={item.id} item={item} />)}</tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function Row({ item }: { item: DataExport }) {
  return (
    <tr>
      <td>
        <StateBadge state={item.state} />
        {isOpen(item) ? <Working item={item} /> : null}
        {item.error ? <div className={css["note"]}>{item.error.replaceAll("_", " ")}</div> : null}
        {item.state === "ready" && item.expires_at ? <div className={css["note"]}>gone <Time at={item.expires_at} /></div> : null}
      </td>
      <td><Time at={item.asked_at} /></td>
      <td className={ui["wide"]}>{item.asked_by?.name ?? "former member"}</td>
      <td className={ui["num"]}>{count(item.rows)}</td>
      <td><Acts item={item} /></td>
    </tr>
  );
}

function Working({ item }: { item: DataExport }) {
  const share = item.expected ? Math.min(100, (item.rows / item.expected) * 100) : 0;
  const said = item.expected ? `${count(item.rows)} of about ${plural(item.expected, "row")}` : "Waiting for its turn";
  return <Progress className={css["progress"]} value={share} aria-label={said} />;
}

function Acts({ item }: { item: DataExport }) {
  const queries = useQueryClient();
  const toast = useToast();
  const may = useCan("tenant_export");
  const again = () => queries.invalidateQueries({ queryKey: ["exports"] });
  const cancel = useMutation({
    mutationFn: () => client.post(api.exportVerb(item.id, "cancel")),
    onError: (error) => toast.failed(toTell(error) ?? "Not cancelled."),
    onSettled: again,
  });
  const download = useMutation({
    mutationFn: async () => save(await client.download(api.exportVerb(item.id, "download")), `revkeep-${item.id}.tar.gz`),
    onError: (error) => { const told = toTell(error); if (told) toast.failed(told); },
    onSettled: again,
  });
  if (!may) return null;
  return (
    <div className={css["acts"]}>
      {item.state === "ready" && item.own ? (
        <Button size="compact-sm" leftSection={<IconDownload size={14} aria-hidden />} loading={download.isPending} onClick={() => download.mutate()}>Download</Button>
      ) : null}
      {isOpen(item) || item.state === "ready" ? (
        <Button size="compact-sm" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>{isOpen(item) ? "Cancel" : "Throw away"}</Button>
      ) : null}
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
        The archive holds personal data in the clear: names and addresses of people, values of leads and contacts. Keep it where such data may be. It is in the audit log that you asked.
      </Confirm>
    </>
  );
}

function save(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
