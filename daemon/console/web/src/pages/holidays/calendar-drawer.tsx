// One calendar: its name and its days.
import { ActionIcon, Button, Drawer, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconPlus, IconX } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { hasCode, messageOf, Problem } from "../../api/problem";
import { invalidateTopics } from "../../api/queries";
import type { CalendarInput, HolidayCalendar } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "../pools/pools.module.css";

interface CalendarDrawerProps { id: string | undefined; calendars: HolidayCalendar[]; mayEdit: boolean; onClose(): void }

export function CalendarDrawer({ id, calendars, mayEdit, onClose }: CalendarDrawerProps) {
  const calendar = calendars.find((one) => one.id === id);
  return (
    <Drawer opened={id !== undefined} onClose={onClose} size={520} closeOnClickOutside={false} title={id === "new" ? "New calendar" : (calendar?.name ?? "Calendar")} closeButtonProps={{ "aria-label": "Close the calendar" }}>
      {id === undefined ? null : id !== "new" && !calendar
        ? <Notice tone="warn" title="This calendar no longer exists">It was deleted, or the link is from another organisation.</Notice>
        : <CalendarForm key={id} calendar={calendar} mayEdit={mayEdit} onClose={onClose} />}
    </Drawer>
  );
}

interface Day { key: number; day: string; name: string }

/** What a calendar may hold. */
const MOST_DAYS = 500;

function CalendarForm({ calendar, mayEdit, onClose }: { calendar: HolidayCalendar | undefined; mayEdit: boolean; onClose(): void }) {
  const [name, setName] = useState(calendar?.name ?? "");
  const [days, setDays] = useState<Day[]>(() => calendar?.days.toSorted((a, b) => a.day.localeCompare(b.day)).map((one, key) => ({ key, ...one })) ?? []);
  const [version, setVersion] = useState(calendar?.version);
  const [added, setAdded] = useState<number>();
  const save = useSave(calendar, onClose);
  const remove = useRemove(onClose);
  const conflict = hasCode(save.error, "version_conflict") ? save.error : undefined;
  const nameError = save.error instanceof Problem ? save.error.forField("name") : undefined;
  const set = (key: number, part: Partial<Day>) => setDays(days.map((one) => (one.key === key ? { ...one, ...part } : one)));
  const add = () => {
    const key = Math.max(-1, ...days.map((one) => one.key)) + 1;
    setDays([...days, { key, day: "", name: "" }]);
    setAdded(key);
  };
  const twice = days.find((one, at) => one.day !== "" && days.findIndex((other) => other.day === one.day) < at);
  const whole = name.trim() !== "" && days.every((one) => one.day !== "" && one.name.trim() !== "") && twice === undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ name: name.trim(), days: days.map((one) => ({ day: one.day, name: one.name.trim() })), ...(version === undefined ? {} : { version }) });
  };
  const keepMine = () => {
    const { current } = conflict ?? {};
    if (current !== null && typeof current === "object" && "version" in current) setVersion(Number(current.version));
    save.reset();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {conflict ? (
          <Notice tone="warn" title="Someone else changed this calendar while you were writing" actions={<Button size="xs" variant="default" onClick={keepMine}>Keep mine, then save again</Button>}>Saving again replaces their change.</Notice>
        ) : save.isError && !nameError ? <Notice tone="bad" title="Not saved">{messageOf(save.error)}</Notice> : null}
        {remove.isError ? <Notice tone="bad" title="Not deleted">{hasCode(remove.error, "calendar_in_use") ? `These go by it: ${calendar?.used_by.join(", ") || "reps or pools"}. Choose another calendar for them first.` : messageOf(remove.error)}</Notice> : null}
        <TextInput label="Name" placeholder="Germany, Bavaria" data-autofocus required withAsterisk={false} disabled={!mayEdit} value={name} error={nameError} onChange={(event) => setName(event.currentTarget.value)} />
        <p className={css["tally"]}>{days.length === 0 ? "No days yet. Each is a whole local day of the rep." : `${plural(days.length, "day")}, each a whole local day of the rep.`}</p>
        <div role="group" aria-label="Days">
          {days.map((one, at) => (
            <div key={one.key} className={css["holiday"]}>
              <TextInput type="date" aria-label={`Day ${at + 1}`} autoFocus={one.key === added} error={one === twice ? "There is this day already." : undefined} disabled={!mayEdit} value={one.day} onChange={(event) => set(one.key, { day: event.currentTarget.value })} />
              <TextInput aria-label={`Name of day ${at + 1}`} placeholder="Christmas Day" disabled={!mayEdit} value={one.name} onChange={(event) => set(one.key, { name: event.currentTarget.value })} />
              {mayEdit ? <ActionIcon aria-label={`Remove ${one.name || `day ${at + 1}`}`} onClick={() => setDays(days.filter((other) => other.key !== one.key))}><IconX size={16} aria-hidden /></ActionIcon> : null}
            </div>
          ))}
        </div>
        {mayEdit ? <Button variant="default" leftSection={<IconPlus size={16} aria-hidden />} disabled={days.length >= MOST_DAYS} onClick={add}>{days.length >= MOST_DAYS ? `No more than ${MOST_DAYS} days` : "Add a day"}</Button> : null}
      </Stack>
      {mayEdit ? (
        <div className={css["foot"]}>
          {calendar ? <Button variant="subtle" color="gray" c="var(--mantine-color-error)" loading={remove.isPending} onClick={() => remove.mutate(calendar)}>Delete</Button> : null}
          <span className={css["grow"]} />
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" loading={save.isPending} disabled={!whole}>{calendar ? "Save calendar" : "Add calendar"}</Button>
        </div>
      ) : null}
    </form>
  );
}

function useSave(calendar: HolidayCalendar | undefined, onSaved: () => void) {
  const queries = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: (input: CalendarInput) => (calendar ? client.put<HolidayCalendar>(api.calendar(calendar.id), input) : client.post<HolidayCalendar>(api.calendars(), input, { create: true })),
    onSuccess: (saved) => {
      invalidateTopics(queries, ["reps"]);
      toast.done(`“${saved.name}” is saved.`);
      onSaved();
    },
  });
}

function useRemove(onDeleted: () => void) {
  const queries = useQueryClient();
  const toast = useToast();
  const restore = async ({ name, days }: HolidayCalendar) => {
    try {
      await client.post(api.calendars(), { name, days }, { create: true });
      toast.done(`“${name}” is back.`);
    } catch (error) {
      toast.failed(`“${name}” could not be put back. ${messageOf(error)}`);
    }
    invalidateTopics(queries, ["reps"]);
  };
  return useMutation({
    mutationFn: (calendar: HolidayCalendar) => client.delete(api.calendar(calendar.id)),
    onSuccess: (_, calendar) => {
      onDeleted();
      invalidateTopics(queries, ["reps"]);
      toast.done(`“${calendar.name}” is deleted.`, { label: "Undo", run: () => { void restore(calendar); } });
    },
  });
}
