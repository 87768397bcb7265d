// Where a search found somebody, and what the owner does with it.
import { Button, Checkbox, Drawer, Group, Stack } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { personCaseQuery } from "../../api/queries";
import type { DataExport, PersonCaseShown, PersonFind } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import ui from "../../ui/ui.module.css";
import css from "./data.module.css";

const PLACES: Record<string, string> = {
  layer_records: "record in the data layer", reps: "rep", time_off: "time off", invitations: "invitation", people: "member", scim_users: "provisioned member",
  rules: "rule", pools: "pool", routers: "routing settings", layer_fields: "field of the data layer", holiday_calendars: "holiday calendar",
};

export function PersonFinds({ id, onClose }: { id: string | undefined; onClose(): void }) {
  return (
    <Drawer opened={id !== undefined} onClose={onClose} size={640} title="What was found" closeButtonProps={{ "aria-label": "Close what was found" }}>
      {id === undefined ? null : <Shown key={id} id={id} onClose={onClose} />}
    </Drawer>
  );
}

function Shown({ id, onClose }: { id: string; onClose(): void }) {
  const query = useQuery(personCaseQuery(id));
  return <QueryView query={query} what="What was found">{(item) => <Found item={item} onClose={onClose} />}</QueryView>;
}

function Found({ item, onClose }: { item: PersonCaseShown; onClose(): void }) {
  if (item.finds.length === 0) return <p className={css["effect"]}>{item.term ?? "This person"} stands nowhere in this organisation&#39;s data.</p>;
  return (
    <Stack gap="lg">
      <p className={css["effect"]}><strong>{item.term}</strong> stands in {plural(item.finds.length, "row")}.</p>
      <table className={ui["plainTable"]} aria-label="Finds">
        <thead><tr><th scope="col">Where</th><th scope="col">Fields</th><th scope="col">Erasing</th></tr></thead>
        <tbody>{item.finds.map((find) => <FindRow key={`${find.place} ${find.key.join(" ")}`} find={find} />)}</tbody>
      </table>
      <Acts item={item} onClose={onClose} />
    </Stack>
  );
}

function FindRow({ find }: { find: PersonFind }) {
  const place = PLACES[find.place] ?? find.place.replaceAll("_", " ");
  return (
    <tr>
      <td>{place}<div className={css["note"]}>{find.key.at(-1)}</div></td>
      <td>{find.fields.map((field) => field.replace(/^fields\./, "")).join(", ")}</td>
      <td>{find.erasable ? (find.own ? "with the row" : "only if asked for: named in it") : find.place === "people" || find.place === "scim_users" ? "under People" : "by hand: somebody wrote it"}</td>
    </tr>
  );
}

function Acts({ item, onClose }: { item: PersonCaseShown; onClose(): void }) {
  const [asking, setAsking] = useState(false);
  const [mentions, setMentions] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const again = () => queries.invalidateQueries({ queryKey: ["exports"] });
  const take = useMutation({
    mutationFn: () => client.post<DataExport>(api.personCaseVerb(item.id, "export")),
    onSuccess: () => toast.done("The archive is being made. It stands under Exports."),
    onError: (error) => { const told = toTell(error); if (told) toast.failed(told); },
    onSettled: again,
  });
  const erase = useMutation({
    mutationFn: () => client.post(api.personCaseVerb(item.id, "erase"), { confirm: item.term, mentions }),
    onSuccess: () => { setAsking(false); onClose(); },
    onSettled: again,
  });
  const named = item.finds.some((find) => find.erasable && !find.own);
  const erasable = item.finds.some((find) => find.erasable && (find.own || mentions));
  return (
    <>
      <Notice tone="info" title="Salesforce keeps its own">What is erased here is not brought in again, but it stays in Salesforce until it is deleted there.</Notice>
      {named ? <Checkbox label="Erase also the rows in which this person is only named" checked={mentions} onChange={(event) => setMentions(event.currentTarget.checked)} /> : null}
      <Group gap="xs">
        <Button variant="default" loading={take.isPending} onClick={() => take.mutate()}>Export</Button>
        <Button variant="default" c="var(--mantine-color-error)" disabled={!erasable} onClick={() => { erase.reset(); setAsking(true); }}>Erase</Button>
      </Group>
      <Confirm opened={asking} title="Erase this person" typed={item.term ?? ""} act="Erase" danger busy={erase.isPending} error={toTell(erase.error)} onClose={() => setAsking(false)} onConfirm={() => erase.mutate()}>
        The rows that were found are erased for good. Entries of the routing log and of the audit log stay: they name records by id alone.
      </Confirm>
    </>
  );
}
