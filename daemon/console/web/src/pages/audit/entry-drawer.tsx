// One entry whole: who, from where, what was before and after, and its place under the seal.
import { Button, Drawer } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { IconDownload } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { type AuditDetail, auditEntryQuery } from "../../api/audit";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { save } from "../../lib/csv";
import { count } from "../../lib/format";
import { api, type AuditQuery, type AuditScope } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { CopyId, Time } from "../../ui/facts";
import { Facts } from "../../ui/page";
import { Notice, Status } from "../../ui/status";
import { useToast } from "../../ui/toast";
import ui from "../../ui/ui.module.css";
import css from "./audit.module.css";
import { actionWord, actorWord, differences } from "./words";

interface EntryDrawerProps { scope: AuditScope; id: string | undefined; onClose(): void; onOnly(query: AuditQuery): void }

export function EntryDrawer({ scope, id, onClose, onOnly }: EntryDrawerProps) {
  return (
    <Drawer opened={id !== undefined} onClose={onClose} size={600} title="Audit entry" withOverlay={false} trapFocus={false} closeButtonProps={{ "aria-label": "Close the entry" }} shadow="xl">
      {id === undefined ? null : <Detail scope={scope} id={id} onOnly={onOnly} />}
    </Drawer>
  );
}

const WORD = { done: ["ok", "Done"], refused: ["warn", "Refused"], failed: ["bad", "Failed"] } as const;

function Detail({ scope, id, onOnly }: { scope: AuditScope; id: string; onOnly(query: AuditQuery): void }) {
  const query = useQuery(auditEntryQuery(scope, id));
  return (
    <QueryView query={query} what="The entry">
      {(entry) => (
        <>
          <h2 className={css["title"]}>{actionWord(entry.action)}</h2>
          <p className={css["sum"]}><Status tone={WORD[entry.outcome][0]}>{WORD[entry.outcome][1]}</Status>{entry.code ? <> because of <code>{entry.code}</code></> : null}</p>
          <Facts items={facts(entry)} />
          <div className={css["acts"]}>
            <Button size="xs" variant="default" onClick={() => onOnly({ actor: entry.actor.id })}>All by this actor</Button>
            <Button size="xs" variant="default" onClick={() => onOnly({ object: entry.object.id })}>All about this object</Button>
            {entry.tenant ? <Button size="xs" variant="default" onClick={() => onOnly({ tenant: entry.tenant ?? "" })}>All of this organisation</Button> : null}
          </div>
          <h3 className={css["section"]}>What it changed</h3>
          <Changes entry={entry} scope={scope} />
          <h3 className={css["section"]}>Seal</h3>
          <Seal entry={entry} scope={scope} />
        </>
      )}
    </QueryView>
  );
}

function facts(entry: AuditDetail): [string, ReactNode][] {
  const optional = (term: string, value: ReactNode): [string, ReactNode][] => (value ? [[term, value]] : []);
  return [
    ["When", <Time key="at" at={entry.at} precise />],
    ["By", <>{actorWord(entry.actor)} <CopyId key="actor" value={entry.actor.id} what="actor's id" /></>],
    ["Object", <>{entry.object.type.replaceAll("_", " ")} <CopyId key="object" value={entry.object.id} what="object's id" /></>],
    ...optional("Organisation", entry.tenant ? <CopyId value={entry.tenant} what="organisation's id" /> : null),
    ...optional("From", entry.address),
    ...optional("With", entry.user_agent),
    ...optional("Request", entry.request_id ? <CopyId value={entry.request_id} what="request's id" /> : null),
    ["Entry", <CopyId key="id" value={entry.id} what="entry's id" />],
  ];
}

function Changes({ entry, scope }: { entry: AuditDetail; scope: AuditScope }) {
  const lines = differences(entry);
  return (
    <>
      {entry.closed ? (
        <Notice tone="info" title="Some of it stays sealed">
          {scope === "whole" ? "What an organisation keeps in its entries is read inside it alone." : "Its key is gone because the person or the organisation was erased, or the secrets backend is sealed at the moment."}
        </Notice>
      ) : null}
      {lines.length > 0 ? (
        <div className={ui["scrollX"]}>
          <table className={`${ui["plainTable"]} ${css["diff"]}`} aria-label="Before and after">
            <thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
            <tbody>{lines.map((line) => (
              <tr key={line.field} data-changed={line.changed}>
                <th scope="row">{line.field}</th>
                <td>{line.before === undefined ? <span className={css["none"]}>not there</span> : <del className={css["old"]}>{line.before}</del>}</td>
                <td>{line.after === undefined ? <span className={css["none"]}>not there</span> : <ins className={css["new"]}>{line.after}</ins>}</td>
              </tr>
            ))}</tbody>
          </table>
        </div>
      ) : entry.closed ? null : <p className={css["none"]}>This entry tells that it happened; there is no more to it.</p>}
    </>
  );
}

function Seal({ entry, scope }: { entry: AuditDetail; scope: AuditScope }) {
  const toast = useToast();
  const prove = useMutation({
    mutationFn: () => client.file(api.auditProof(scope, entry.id)),
    onSuccess: (file) => { save(`${entry.id}.proof.json`, file); toast.done("The proof is saved. docs/audit-verify.py checks it with the public key, on any machine."); },
    onError: (error) => toast.failed(`No proof. ${messageOf(error)}`),
  });
  if (entry.position === null) return <p className={css["none"]}>It has no place yet. It gets one within seconds.</p>;
  return (
    <>
      <Facts items={[
        ["Position", count(entry.position)],
        ...(entry.sealed_by ? [["Sealed by", <>head {count(entry.sealed_by.number)}, <Time key="head" at={entry.sealed_by.at} precise /></>] as [string, ReactNode]] : []),
      ]} />
      <div className={css["acts"]}>
        <Button size="xs" variant="default" loading={prove.isPending} leftSection={<IconDownload size={14} aria-hidden />} onClick={() => prove.mutate()}>Download the proof</Button>
      </div>
    </>
  );
}
