// Time off out of an iCalendar file: what it holds is shown first, then taken over.
import { Button, FileButton, Radio, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconCalendar } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { invalidateTopics } from "../../api/queries";
import type { CalendarCounts, CalendarImport, CalendarRead, Rep } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "./pools.module.css";

/** What a request may hold, with room for how line ends are written in it. */
const MOST = 900_000;
/** As many flaws as somebody reads; the rest is counted. */
const SHOWN = 20;
const COUNTS: { value: CalendarCounts; label: string }[] = [
  { value: "whole_days", label: "Whole days and out of office" },
  { value: "everything", label: "Everything that blocks time" },
];

interface Chosen { name: string; text: string }

export function CalendarImportForm({ rep }: { rep: Rep }) {
  const [file, setFile] = useState<Chosen>();
  const [counts, setCounts] = useState<CalendarCounts>("whole_days");
  const [tooLong, setTooLong] = useState(false);
  const again = useRef<() => void>(null);
  const queries = useQueryClient();
  const toast = useToast();
  const post = (input: CalendarImport) => client.post<CalendarRead>(api.repCalendar(rep.id), input);
  const look = useMutation({ mutationFn: (input: Omit<CalendarImport, "dry_run">) => post({ ...input, dry_run: true }) });
  const close = () => { setFile(undefined); look.reset(); again.current?.(); };
  const take = useMutation({
    mutationFn: (input: Omit<CalendarImport, "dry_run">) => post({ ...input, dry_run: false }),
    onSuccess: (read) => { toast.done(`${plural(read.whole_days + read.spells, "absence")} of ${rep.name} taken over. Leads that wait are decided about anew.`); close(); },
    onSettled: () => invalidateTopics(queries, ["reps"]),
  });
  const choose = async (chosen: File | null) => {
    if (chosen === null) return;
    setTooLong(chosen.size > MOST);
    if (chosen.size > MOST) return;
    const text = await chosen.text();
    setFile({ name: chosen.name, text });
    take.reset();
    look.mutate({ text, counts });
  };
  const count = (wanted: CalendarCounts) => {
    setCounts(wanted);
    if (file) look.mutate({ text: file.text, counts: wanted });
  };
  const failed = take.error ?? look.error;
  const found = look.data ? look.data.whole_days + look.data.spells : 0;
  return (
    <div className={css["calendar"]}>
      <FileButton resetRef={again} accept=".ics,text/calendar" onChange={(chosen) => { void choose(chosen); }}>
        {(props) => <Button {...props} variant="default" leftSection={<IconCalendar size={16} aria-hidden />}>Read a calendar file</Button>}
      </FileButton>
      {tooLong ? <p role="alert" className={css["error"]}>A file may have 900 kB. Export a shorter stretch of time.</p> : null}
      {file ? (
        <>
          <Radio.Group label="What counts as time off" value={counts} onChange={(value) => count(value === "everything" ? value : "whole_days")}>
            <Stack gap={4} mt={4}>{COUNTS.map((one) => <Radio key={one.value} value={one.value} label={one.label} />)}</Stack>
          </Radio.Group>
          {failed ? <p role="alert" className={css["error"]}>{messageOf(failed)}</p> : null}
          {look.data ? <Found name={file.name} read={look.data} /> : null}
          <div className={css["verbs"]}>
            <Button variant="default" onClick={close}>Cancel</Button>
            <Button loading={take.isPending} disabled={!look.data || look.isPending} onClick={() => take.mutate({ text: file.text, counts })}>Take over {plural(found, "absence")}</Button>
          </div>
        </>
      ) : <p className={css["tally"]}>Of each event the time alone is kept, never what it is called. A file replaces the one before; what was added by hand stays.</p>}
    </div>
  );
}

function Found({ name, read }: { name: string; read: CalendarRead }) {
  const more = read.flaws.length - SHOWN;
  return (
    <>
      <p>
        {name} holds {plural(read.whole_days, "absence")} of whole days and {plural(read.spells, "shorter one")} in the next 400 days.
        {read.replaces > 0 ? ` They replace ${plural(read.replaces, "absence")} of the file before.` : ""}
      </p>
      {read.flaws.length > 0 ? (
        <Notice tone="warn" title={`${plural(read.flaws.length, "event")} cannot be read and will not count`}>
          <ul className={css["flaws"]}>{read.flaws.slice(0, SHOWN).map((flaw) => <li key={flaw.number}>Event {flaw.number}: {flaw.detail} <small>{flaw.uid}</small></li>)}</ul>
          {more > 0 ? `And ${more} more.` : null}
        </Notice>
      ) : null}
    </>
  );
}
