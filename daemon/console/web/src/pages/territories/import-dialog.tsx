// Territories out of a CSV file: a dry run says row by row what is wrong, then the file replaces the draft's territories.
import { Button, FileButton, Modal, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconFileSpreadsheet } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { client } from "../../api/client";
import { hasCode, messageOf } from "../../api/problem";
import { OBJECT } from "../../api/queries";
import type { TerritoryImport, TerritoryRead, TerritoryState } from "../../api/types";
import { count, plural } from "../../lib/format";
import { api } from "../../paths";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import ui from "../../ui/ui.module.css";
import { territoryWords } from "../rules/changes";
import css from "./territories.module.css";

/** What a request may hold, with room for how line ends are written in it. */
const MOST = 900_000;
/** As many rows as somebody reads here; the rest is counted. */
const SHOWN = 200;

interface DialogProps { opened: boolean; state: TerritoryState; onClose(): void }

export function ImportDialog({ opened, state, onClose }: DialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title="Import territories" size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      {opened ? <ImportForm state={state} onClose={onClose} /> : null}
    </Modal>
  );
}

function ImportForm({ state, onClose }: Omit<DialogProps, "opened">) {
  const [file, setFile] = useState<{ name: string; text: string }>();
  const [tooLong, setTooLong] = useState(false);
  const again = useRef<() => void>(null);
  const queries = useQueryClient();
  const toast = useToast();
  const post = (input: Omit<TerritoryImport, "draft_version">) => client.post<TerritoryRead>(api.territoryImport(OBJECT), { ...input, draft_version: state.draft_version });
  const renew = () => queries.invalidateQueries({ queryKey: ["rules"] });
  const look = useMutation({ mutationFn: (text: string) => post({ text, dry_run: true }), onError: (error) => { if (hasCode(error, "version_conflict")) void renew(); } });
  const take = useMutation({
    mutationFn: (text: string) => post({ text, dry_run: false, without_wrong: true }),
    onSuccess: (read) => { toast.done(`${plural(read.territories, "territory", "territories")} stand in the draft. They decide once that is published.`); onClose(); },
    onSettled: renew,
  });
  const choose = async (chosen: File | null) => {
    if (chosen === null) return;
    setTooLong(chosen.size > MOST);
    if (chosen.size > MOST) return;
    const text = await chosen.text();
    setFile({ name: chosen.name, text });
    take.reset();
    look.mutate(text);
    again.current?.();
  };
  const failed = take.error ?? look.error;
  const read = look.data;
  return (
    <Stack gap="md">
      <p>Columns: <code>territory</code>, <code>owner</code>, {columns(state)}and <code>field:NAME</code> for any other field of the data layer. A row is an area; a file replaces all territories of the draft.</p>
      <FileButton resetRef={again} accept=".csv,text/csv" onChange={(chosen) => { void choose(chosen); }}>
        {(props) => <Button {...props} variant="default" loading={look.isPending} leftSection={<IconFileSpreadsheet size={16} aria-hidden />}>{file ? "Choose another file" : "Choose a CSV file"}</Button>}
      </FileButton>
      {tooLong ? <p role="alert" className={css["error"]}>A file may have 900 kB, about 15,000 areas. Larger sets are applied with revkeep routing apply.</p> : null}
      {failed ? <Notice tone="bad" title="Not imported">{messageOf(failed)}</Notice> : null}
      {file && read ? <Found name={file.name} read={read} /> : null}
      <div className={css["verbs"]}>
        <Button variant="default" onClick={onClose}>Cancel</Button>
        <Button loading={take.isPending} disabled={!file || !read || read.areas === 0 || look.isPending} onClick={() => { if (file) take.mutate(file.text); }}>
          {!read ? "Take over" : read.wrong > 0 ? `Take over ${plural(read.areas, "area")}, leave out ${plural(read.wrong, "row")}` : `Take over ${plural(read.areas, "area")}`}
        </Button>
      </div>
    </Stack>
  );
}

/** Those that the layer has a field for. */
function columns({ reads }: TerritoryState) {
  const names = [
    reads.country === null ? [] : ["country"], reads.state === null ? [] : ["state"], reads.postal === null ? [] : ["postal_from", "postal_until"],
    reads.industry === null ? [] : ["industry"], reads.employees === null ? [] : ["employees_from", "employees_until"],
  ].flat();
  return names.map((name) => <span key={name}><code>{name}</code>, </span>);
}

function Found({ name, read }: { name: string; read: TerritoryRead }) {
  const more = read.flaws - Math.min(read.errors.length, SHOWN);
  return (
    <>
      <Notice tone={read.wrong > 0 || read.areas === 0 ? "warn" : "ok"} title={`${name}: ${count(read.rows)} rows, ${read.wrong === 0 ? "none of them wrong" : `${count(read.wrong)} wrong`}`}>
        {plural(read.territories, "territory", "territories")} with {plural(read.areas, "area")} can be taken over. {read.changes === null ? "The draft has them already." : `Against the draft: ${territoryWords(read.changes)}.`}
      </Notice>
      {read.errors.length > 0 ? (
        <div className={css["errors"]}>
          <table className={ui["plainTable"]} aria-label="Rows that are wrong">
            <thead><tr><th scope="col">Line</th><th scope="col">Column</th><th scope="col">What is wrong</th></tr></thead>
            <tbody>{read.errors.slice(0, SHOWN).map((error, index) => <tr key={index}><td className={ui["whole"]}>{count(error.line)}</td><td className={ui["whole"]}>{error.column || "whole row"}</td><td>{error.detail}</td></tr>)}</tbody>
          </table>
          {more > 0 ? <p className={css["more"]}>And {count(more)} more.</p> : null}
        </div>
      ) : null}
    </>
  );
}
