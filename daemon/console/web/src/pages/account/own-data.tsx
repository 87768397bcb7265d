// What is held of oneself: taken along as an archive, and the wish that it be erased.
import { Button, Progress } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { ownErasureQuery, ownExportsQuery } from "../../api/queries";
import { useSession } from "../../api/session";
import type { DataExport, PersonCase } from "../../api/types";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Notice, StateBadge } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { save } from "../../lib/csv";
import { failureWords, isOpen, progressOf } from "../data/words";
import css from "./account.module.css";

export function OwnData() {
  const exports = useQuery(ownExportsQuery());
  return (
    <Panel title="Your data" note="Your account, and what this organisation holds of you: memberships, sessions, what you did in the log. One archive of JSON lines, downloaded once, within 7 days.">
      <QueryView query={exports} what="Your exports">{(items) => <Newest item={items[0]} />}</QueryView>
      <Erasure />
    </Panel>
  );
}

function Newest({ item }: { item: DataExport | undefined }) {
  const queries = useQueryClient();
  const toast = useToast();
  const again = () => queries.invalidateQueries({ queryKey: ["exports"] });
  const failed = (error: Error) => { const told = toTell(error); if (told) toast.failed(told); };
  const ask = useMutation({ mutationFn: () => client.post<DataExport>(api.ownExports()), onError: failed, onSettled: again });
  const download = useMutation({
    mutationFn: async (id: string) => save(`revkeep-${id}.tar.gz`, await client.download(api.ownExportVerb(id, "download"))),
    onError: failed, onSettled: again,
  });
  return (
    <div className={css["data"]}>
      {item ? (
        <div>
          <StateBadge state={item.state} /> <span className={css["dim"]}>asked <Time at={item.asked_at} /></span>
          {item.state === "failed" ? <p className={css["dim"]}>{failureWords(item.error)}</p> : null}
          {isOpen(item) ? <Progress mt={8} maw={320} value={progressOf(item).share} aria-label={progressOf(item).words} /> : null}
        </div>
      ) : <p className={css["dim"]}>You have not taken your data along yet.</p>}
      {item?.state === "ready" ? (
        <Button leftSection={<IconDownload size={16} aria-hidden />} loading={download.isPending} onClick={() => download.mutate(item.id)}>Download</Button>
      ) : <Button variant="default" loading={ask.isPending} disabled={item ? isOpen(item) : false} onClick={() => ask.mutate()}>Export my data</Button>}
    </div>
  );
}

function Erasure() {
  const { data } = useQuery(ownErasureQuery());
  const { tenant } = useSession();
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const again = () => queries.invalidateQueries({ queryKey: ["exports", "own-erasure"] });
  const ask = useMutation({
    mutationFn: () => client.post(api.ownErasure()),
    onSuccess: () => setAsking(false),
    onSettled: again,
  });
  if (data === undefined) return null;
  if (data) return <Asked item={data} onEnd={again} />;
  return (
    <div className={css["data"]}>
      <p className={css["dim"]}>You can ask for it to be erased. An administrator of {tenant.name} does it.</p>
      <Button variant="default" c="var(--mantine-color-error)" onClick={() => { ask.reset(); setAsking(true); }}>Ask for erasure</Button>
      <Confirm opened={asking} title="Ask for erasure" act="Ask" danger busy={ask.isPending} error={toTell(ask.error)} onClose={() => setAsking(false)} onConfirm={() => ask.mutate()}>
        Once an administrator has done it, you cannot sign in to {tenant.name} any more. If you belong to no other organisation, your account is gone. The audit log keeps what you did under an id that names nobody.
      </Confirm>
    </div>
  );
}

function Asked({ item, onEnd }: { item: PersonCase; onEnd(): void }) {
  const withdraw = useMutation({ mutationFn: () => client.delete(api.ownErasure()), onSettled: onEnd });
  return (
    <div className={css["asked"]}><Notice tone="warn" title="You asked for your erasure" actions={<Button size="compact-sm" variant="default" loading={withdraw.isPending} onClick={() => withdraw.mutate()}>Take it back</Button>}>
      Since <Time at={item.asked_at} /> it waits for an administrator.{withdraw.error ? ` Not taken back: ${toTell(withdraw.error) ?? ""}` : ""}
    </Notice></div>
  );
}
