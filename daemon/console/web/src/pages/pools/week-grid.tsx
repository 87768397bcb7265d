// The week of a rep: stretches of work by day, several a day, into the next day where they end earlier than they begin.
import { ActionIcon, Button, TextInput } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { DAYS, isOvernight, type Stretch } from "./hours";
import css from "./pools.module.css";

interface WeekGridProps { stretches: Stretch[]; disabled: boolean; error: string | undefined; onChange(stretches: Stretch[]): void }

export function WeekGrid({ stretches, disabled, error, onChange }: WeekGridProps) {
  const set = (key: number, part: Partial<Stretch>) => onChange(stretches.map((one) => (one.key === key ? { ...one, ...part } : one)));
  const add = (day: number) => onChange([...stretches, { key: Math.max(-1, ...stretches.map((one) => one.key)) + 1, day, from: "09:00", until: "17:00" }]);
  return (
    <div role="group" aria-label="Working hours by day">
      {DAYS.map((name, index) => {
        const day = index + 1;
        const own = stretches.filter((one) => one.day === day);
        return (
          <div key={name} className={css["day"]}>
            <span>{name}</span>
            <div>
              {own.length === 0 ? <small>free</small> : null}
              {own.map((stretch, at) => (
                <div key={stretch.key} className={css["stretch"]}>
                  <TextInput type="time" size="xs" aria-label={`${name}, stretch ${at + 1}, from`} disabled={disabled} value={stretch.from} onChange={(event) => set(stretch.key, { from: event.currentTarget.value })} />
                  <span aria-hidden>to</span>
                  <TextInput type="time" size="xs" aria-label={`${name}, stretch ${at + 1}, until`} disabled={disabled} value={stretch.until} onChange={(event) => set(stretch.key, { until: event.currentTarget.value })} />
                  {disabled ? null : <ActionIcon aria-label={`Remove stretch ${at + 1} of ${name}`} onClick={() => onChange(stretches.filter((one) => one.key !== stretch.key))}><IconX size={16} aria-hidden /></ActionIcon>}
                  {isOvernight(stretch) ? <small>next day</small> : null}
                </div>
              ))}
            </div>
            {disabled ? null : <Button size="compact-xs" variant="subtle" leftSection={<IconPlus size={14} aria-hidden />} aria-label={`Add hours on ${name}`} onClick={() => add(day)}>Hours</Button>}
          </div>
        );
      })}
      {error ? <p role="alert" className={css["error"]}>{error}</p> : null}
    </div>
  );
}
