// A day as a filter of a list.
import { TextInput } from "@mantine/core";
import css from "./filters.module.css";

export function DayInput({ word, label, value, onDay }: { word: string; label: string; value: string; onDay(day: string): void }) {
  return <TextInput type="date" aria-label={label} leftSection={<span className={css["dayWord"]}>{word}</span>} leftSectionWidth={48} value={value} onChange={(event) => onDay(event.currentTarget.value)} />;
}

/** A local day in the input, its first or last moment in UTC in the address. */
export const toDay = (iso: string | undefined): string => {
  if (!iso) return "";
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? "" : new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
};
export const startOf = (day: string): string | null => (day === "" ? null : new Date(`${day}T00:00:00`).toISOString());
export const endOf = (day: string): string | null => (day === "" ? null : new Date(`${day}T23:59:59.999`).toISOString());
