// One rep: whether they would get a lead now, the away switch, working hours, holidays, caps and time off.
import { Button, Drawer, Select, Stack, Switch } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { hasCode, messageOf, Problem } from "../../api/problem";
import { calendarsQuery, invalidateTopics } from "../../api/queries";
import type { AvailabilityInput, Rep } from "../../api/types";
import { api } from "../../paths";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { CapsFields } from "./caps-fields";
import { OFFICE, toIntervals, toStretches } from "./hours";
import css from "./pools.module.css";
import { PresenceBadge } from "./presence";
import { TimeOffList } from "./time-off";
import { usePause } from "./use-pause";
import { WeekGrid } from "./week-grid";

interface RepDrawerProps { id: string | undefined; reps: Rep[]; mayEdit: boolean; onClose(): void }

export function RepDrawer({ id, reps, mayEdit, onClose }: RepDrawerProps) {
  const rep = reps.find((one) => one.id === id);
  return (
    <Drawer opened={id !== undefined} onClose={onClose} size={560} closeOnClickOutside={false} title={rep?.name ?? "Rep"} closeButtonProps={{ "aria-label": "Close the rep" }}>
      {id === undefined ? null : rep ? (
        <Stack gap="lg">
          <Now rep={rep} mayEdit={mayEdit} />
          <AvailabilityForm key={rep.id} rep={rep} mayEdit={mayEdit} onClose={onClose} />
          <TimeOffList rep={rep} mayEdit={mayEdit} />
        </Stack>
      ) : <Notice tone="warn" title="This rep is not known">The link is from another organisation, or reps were not read in yet.</Notice>}
    </Drawer>
  );
}

function Now({ rep, mayEdit }: { rep: Rep; mayEdit: boolean }) {
  const pause = usePause();
  return (
    <div className={css["now"]}>
      <p><PresenceBadge presence={rep.presence} words /></p>
      <Switch label="Away" description="Gets no leads until it is switched back. For a planned absence, add time off." disabled={!mayEdit || !rep.active} checked={rep.paused} onChange={(event) => pause.mutate({ rep, paused: event.currentTarget.checked })} />
    </div>
  );
}

function AvailabilityForm({ rep, mayEdit, onClose }: { rep: Rep; mayEdit: boolean; onClose(): void }) {
  const [zone, setZone] = useState(rep.time_zone ?? null);
  const [always, setAlways] = useState(!rep.hours);
  const [stretches, setStretches] = useState(() => toStretches(rep.hours ?? OFFICE));
  const [calendar, setCalendar] = useState(rep.calendar_id ?? null);
  const [caps, setCaps] = useState(rep.caps);
  const [version, setVersion] = useState(rep.version);
  const calendars = useQuery(calendarsQuery()).data ?? [];
  const save = useSave(rep, onClose);
  const conflict = hasCode(save.error, "version_conflict") ? save.error : undefined;
  const errorAt = (field: string) => (save.error instanceof Problem ? save.error.forField(field) : undefined);
  const placed = ["hours", "caps", "tz", "calendar_id"].some((field) => errorAt(field));
  const hours = always ? null : toIntervals(stretches);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (hours !== undefined) save.mutate({ time_zone: zone, hours, calendar_id: calendar, caps, version });
  };
  const keepMine = () => {
    const { current } = conflict ?? {};
    if (current !== null && typeof current === "object" && "version" in current) setVersion(Number(current.version));
    save.reset();
  };
  return (
    <form onSubmit={submit} aria-label="Availability">
      <Stack gap="md">
        {conflict ? (
          <Notice tone="warn" title="Someone else changed this while you were writing" actions={<Button size="xs" variant="default" onClick={keepMine}>Keep mine, then save again</Button>}>
            Saving again replaces their change. To see theirs, close this and open the rep again.
          </Notice>
        ) : save.isError && !placed ? <Notice tone="bad" title="Not saved">{messageOf(save.error)}</Notice> : null}
        <Select
          label="Time zone" description="Hours, holidays, time off and caps are counted by this clock." placeholder="UTC" searchable clearable disabled={!mayEdit} value={zone} error={errorAt("tz")}
          data={zonesWith(zone)} onChange={setZone} clearButtonProps={{ "aria-label": "UTC" }}
        />
        <Switch label="At work at any hour" disabled={!mayEdit} checked={always} onChange={(event) => setAlways(event.currentTarget.checked)} />
        {always ? null : <WeekGrid stretches={stretches} disabled={!mayEdit} error={errorAt("hours") ?? (hours === undefined ? "Fill in both times of each stretch." : undefined)} onChange={setStretches} />}
        <Select
          label="Holidays" placeholder="None" clearable disabled={!mayEdit} value={calendar} error={errorAt("calendar_id")} data={calendars.map((one) => ({ value: one.id, label: one.name }))}
          onChange={setCalendar} clearButtonProps={{ "aria-label": "No holidays" }}
        />
        <CapsFields label="Caps" note="Counted over everything this rep is given here. Who has reached a cap is passed over until it resets." caps={caps} load={rep.load} disabled={!mayEdit} error={errorAt("caps")} onChange={setCaps} />
        {mayEdit ? <Button type="submit" loading={save.isPending} disabled={hours === undefined} style={{ alignSelf: "flex-end" }}>Save availability</Button> : null}
      </Stack>
    </form>
  );
}

/** The zones that this browser knows, and the rep's own whatever the browser calls it. */
function zonesWith(own: string | null): string[] {
  const known = Intl.supportedValuesOf("timeZone");
  return own === null || known.includes(own) ? known : [own, ...known];
}

function useSave(rep: Rep, onSaved: () => void) {
  const queries = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: (input: AvailabilityInput) => client.put<Rep>(api.repAvailability(rep.id), input),
    onSuccess: () => {
      invalidateTopics(queries, ["reps"]);
      toast.done(`${rep.name}’s availability is saved. Leads that wait are decided about anew.`);
      onSaved();
    },
  });
}
