// One territory: its name, its owner, and its areas.
import { ActionIcon, Button, Drawer, NumberInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { hasCode, messageOf, Problem } from "../../api/problem";
import { OBJECT } from "../../api/queries";
import type { Target, Territory, TerritoryState, TerritoryWrite } from "../../api/types";
import { count } from "../../lib/format";
import { api } from "../../paths";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { TargetPicker } from "../rules/target-picker";
import { type AreaRow, areaWords, newRow, rowProblem, toArea, toRow } from "./area";
import css from "./territories.module.css";

interface DrawerProps { open: Territory | "new" | undefined; state: TerritoryState; mayEdit: boolean; onClose(): void }

export function TerritoryDrawer({ open, state, mayEdit, onClose }: DrawerProps) {
  const territory = open === "new" ? undefined : open;
  return (
    <Drawer opened={open !== undefined} onClose={onClose} size={560} closeOnClickOutside={false} title={territory?.name ?? "New territory"} closeButtonProps={{ "aria-label": "Close the territory" }}>
      {open === undefined ? null : <TerritoryForm key={territory?.position ?? "new"} territory={territory} state={state} mayEdit={mayEdit} onClose={onClose} />}
    </Drawer>
  );
}

function TerritoryForm({ territory, state, mayEdit, onClose }: { territory: Territory | undefined; state: TerritoryState; mayEdit: boolean; onClose(): void }) {
  const [name, setName] = useState(territory?.name ?? "");
  const [owner, setOwner] = useState<Target | null>(territory?.owner ?? null);
  const [rows, setRows] = useState<AreaRow[]>(() => territory?.areas.map(toRow) ?? [newRow(0)]);
  // What was looked at when this was opened: a change in between is a conflict, not a lost edit.
  const [base, setBase] = useState(state.draft_version);
  const [tried, setTried] = useState(false);
  const write = useWrite(onClose);
  const codes = inCodes(state.reads.country);
  const partial = territory !== undefined && territory.areas_total > territory.areas.length;
  const fixed = !mayEdit || partial;
  const set = (key: number, part: Partial<AreaRow>) => setRows(rows.map((row) => (row.key === key ? { ...row, ...part } : row)));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (name.trim() === "" || owner === null || rows.some((row) => rowProblem(row, codes) !== undefined)) return;
    write.mutate({ draft_version: base, ...(territory ? { was: territory.name } : {}), territory: { name: name.trim(), owner, areas: rows.map(toArea) } });
  };
  const keepMine = () => { setBase(state.draft_version); write.reset(); };
  const nameError = write.error instanceof Problem ? write.error.forField("name") : undefined;
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {hasCode(write.error, "version_conflict") ? (
          <Notice tone="warn" title="Someone else changed the draft while you were writing" actions={<Button size="xs" variant="default" onClick={keepMine}>Keep mine, then save again</Button>}>Saving again changes this territory alone.</Notice>
        ) : write.isError && !nameError ? <Notice tone="bad" title="Not saved">{messageOf(write.error)}</Notice> : null}
        {partial ? <Notice tone="info" title={`${count(territory.areas_total)} areas are too many to change here`}>Export the file, change it, and import it again. The first {territory.areas.length} are shown.</Notice> : null}
        <TextInput label="Name" placeholder="DACH, north" data-autofocus disabled={fixed} value={name} error={nameError ?? (tried && name.trim() === "" ? "Give the territory a name: it stands in every reason." : undefined)} onChange={(event) => setName(event.currentTarget.value)} />
        <TargetPicker label="Owner" disabled={fixed} value={owner} onChange={setOwner} error={tried && !owner ? "Choose who owns it." : undefined} />
        {fixed ? <ul className={css["areas"]} aria-label="Areas">{rows.map((row) => <li key={row.key}>{areaWords(toArea(row))}</li>)}</ul> : (
          <div role="group" aria-label="Areas">
            {rows.map((row, at) => <AreaFields key={row.key} row={row} at={at} state={state} tried={tried} only={rows.length === 1} onSet={(part) => set(row.key, part)} onRemove={() => setRows(rows.filter((other) => other.key !== row.key))} />)}
            <Button variant="default" leftSection={<IconPlus size={16} aria-hidden />} disabled={rows.length >= 50} onClick={() => setRows([...rows, newRow(Math.max(-1, ...rows.map((row) => row.key)) + 1)])}>Add an area</Button>
          </div>
        )}
      </Stack>
      {mayEdit ? (
        <div className={css["foot"]}>
          {territory ? <Button variant="subtle" color="gray" c="var(--mantine-color-error)" loading={write.isPending} onClick={() => write.mutate({ draft_version: base, was: territory.name })}>Remove</Button> : null}
          <span className={css["grow"]} />
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" disabled={fixed} loading={write.isPending}>{territory ? "Save territory" : "Add territory"}</Button>
        </div>
      ) : null}
    </form>
  );
}

/** Where the layer has codes of countries, names would match no lead. */
const inCodes = (field: string | null): boolean => field?.endsWith("CountryCode") ?? false;

interface FieldsProps { row: AreaRow; at: number; state: TerritoryState; tried: boolean; only: boolean; onSet(part: Partial<AreaRow>): void; onRemove(): void }

/** The conditions that the layer has a field for. */
function AreaFields({ row, at, state: { reads }, tried, only, onSet, onRemove }: FieldsProps) {
  const problem = tried ? rowProblem(row, inCodes(reads.country)) : undefined;
  const named = areaWords({ fields: row.fields });
  return (
    <div className={css["area"]}>
      <div className={css["row"]}><strong>Area {at + 1}</strong>{only ? null : <ActionIcon aria-label={`Remove area ${at + 1}`} onClick={onRemove}><IconTrash size={16} aria-hidden /></ActionIcon>}</div>
      {reads.country === null ? null : <TextInput className={css["third"] ?? ""} label="Country" placeholder={inCodes(reads.country) ? "DE" : "Germany"} value={row.country} onChange={(event) => onSet({ country: event.currentTarget.value })} />}
      {reads.postal === null ? null : <TextInput className={css["third"] ?? ""} label="Postal from" placeholder="20000" value={row.from} onChange={(event) => onSet({ from: event.currentTarget.value })} />}
      {reads.postal === null ? null : <TextInput className={css["third"] ?? ""} label="until" placeholder="25999" value={row.until} onChange={(event) => onSet({ until: event.currentTarget.value })} />}
      {reads.state === null ? null : <TextInput className={css["half"] ?? ""} label="State" value={row.state} onChange={(event) => onSet({ state: event.currentTarget.value })} />}
      {reads.industry === null ? null : <TextInput className={css["half"] ?? ""} label="Industry" value={row.industry} onChange={(event) => onSet({ industry: event.currentTarget.value })} />}
      {reads.employees === null ? null : <NumberInput className={css["half"] ?? ""} label="Employees from" min={0} allowDecimal={false} value={row.least} onChange={(least) => onSet({ least })} />}
      {reads.employees === null ? null : <NumberInput className={css["half"] ?? ""} label="until" min={0} allowDecimal={false} value={row.most} onChange={(most) => onSet({ most })} />}
      {named ? <div className={css["row"]}><span className={css["muted"]}>and {named}, from the file</span></div> : null}
      {problem ? <div className={css["row"]}><span role="alert" className={css["error"]}>{problem}</span></div> : null}
    </div>
  );
}

function useWrite(onDone: () => void) {
  const queries = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: (input: TerritoryWrite) => client.put<TerritoryState>(api.territories(OBJECT), input),
    onSuccess: (_, { was, territory }) => {
      toast.done(territory ? `“${territory.name}” is saved in the draft. It decides once that is published.` : `“${was ?? ""}” is removed from the draft.`);
      onDone();
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["rules"] }),
  });
}
