// The days on which a rep is not there, each with its reason.
import { ActionIcon, Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconX } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { invalidateTopics } from "../../api/queries";
import type { Rep, TimeOff } from "../../api/types";
import { api } from "../../paths";
import { Time } from "../../ui/facts";
import { useToast } from "../../ui/toast";
import { CalendarImportForm } from "./calendar-import";
import css from "./pools.module.css";

/** A calendar may bring two hundred. */
const FIRST = 8;

export function TimeOffList({ rep, mayEdit }: { rep: Rep; mayEdit: boolean }) {
  const [first, setFirst] = useState("");
  const [last, setLast] = useState("");
  const [reason, setReason] = useState("");
  const [all, setAll] = useState(false);
  const shown = all ? rep.time_off : rep.time_off.slice(0, FIRST);
  const queries = useQueryClient();
  const toast = useToast();
  const renew = () => invalidateTopics(queries, ["reps"]);
  const add = useMutation({
    mutationFn: () => client.post<TimeOff>(api.repTimeOff(rep.id), { first_day: first, last_day: last, reason: reason.trim() }, { create: true }),
    onSuccess: () => { setFirst(""); setLast(""); setReason(""); toast.done(`${rep.name} gets no leads on these days.`); },
    onSettled: renew,
  });
  const remove = useMutation({
    mutationFn: (one: TimeOff) => client.delete(api.timeOff(one.id)),
    onSuccess: () => toast.done(`The time off of ${rep.name} is removed.`),
    onError: (error) => toast.failed(`Not removed. ${messageOf(error)}`),
    onSettled: renew,
  });
  const submit = (event: FormEvent) => { event.preventDefault(); add.mutate(); };
  return (
    <section aria-label="Time off">
      <h3>Time off</h3>
      {rep.time_off.length === 0 ? <p>None ahead. The days are those of the rep’s own calendar, the last one included.</p> : (
        <ul className={css["absences"]}>
          {shown.map((one) => (
            <li key={one.id}>
              <span><When one={one} />: {one.reason}</span>
              {mayEdit ? <ActionIcon aria-label={`Remove ${one.reason}, ${one.first_day}`} loading={remove.isPending} onClick={() => remove.mutate(one)}><IconX size={16} aria-hidden /></ActionIcon> : null}
            </li>
          ))}
        </ul>
      )}
      {rep.time_off.length > shown.length ? <Button variant="subtle" size="xs" onClick={() => setAll(true)}>Show all {rep.time_off.length}</Button> : null}
      {mayEdit ? (
        <form className={css["absence"]} onSubmit={submit}>
          <TextInput type="date" label="First day" value={first} onChange={(event) => { setFirst(event.currentTarget.value); if (last === "") setLast(event.currentTarget.value); }} />
          <TextInput type="date" label="Last day" value={last} onChange={(event) => setLast(event.currentTarget.value)} />
          <TextInput label="Reason" placeholder="Annual leave" value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
          <Button type="submit" variant="default" loading={add.isPending} disabled={first === "" || last === "" || reason.trim() === ""}>Add time off</Button>
        </form>
      ) : null}
      {add.isError ? <p role="alert" className={css["error"]}>{messageOf(add.error)}</p> : null}
      {mayEdit ? <CalendarImportForm rep={rep} /> : null}
    </section>
  );
}

function When({ one }: { one: TimeOff }) {
  if (one.starts_at && one.ends_at) return <><Time at={one.starts_at} /> to <Time at={one.ends_at} /></>;
  return one.first_day === one.last_day ? one.first_day : `${one.first_day} to ${one.last_day}`;
}
