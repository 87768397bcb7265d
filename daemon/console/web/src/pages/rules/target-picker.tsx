// Who gets the record: a pool, one rep, or a queue, in one searchable list.
import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { poolsQuery, queuesQuery, repsQuery } from "../../api/queries";
import type { GiveTo, Target } from "../../api/types";

interface PickerProps<T> {
  label: string;
  description?: string;
  value: T | null;
  error?: string | undefined;
  clearable?: boolean;
  disabled?: boolean;
  onChange(target: T | null): void;
}

const TERRITORY = "territory";

export const encodeTarget = (target: GiveTo): string =>
  target.kind === "territory" ? TERRITORY : target.kind === "user" ? `user:${target.rep_id}` : target.kind === "pool" ? `pool:${target.pool_id}` : `queue:${target.queue_id}`;

export function decodeTarget(text: string): Target | null {
  const at = text.indexOf(":");
  const id = text.slice(at + 1);
  switch (text.slice(0, at)) {
    case "user": return { kind: "user", rep_id: id };
    case "pool": return { kind: "pool", pool_id: id };
    case "queue": return { kind: "queue", queue_id: id };
    default: return null;
  }
}

/** The targets' names by their encoded form. */
export function useTargetNames(): Map<string, string> {
  const pools = useQuery(poolsQuery()).data ?? [];
  const reps = useQuery(repsQuery()).data ?? [];
  const queues = useQuery(queuesQuery()).data ?? [];
  return new Map([
    ...pools.map((pool) => [`pool:${pool.id}`, pool.name] as const),
    ...queues.map((queue) => [`queue:${queue.id}`, queue.name] as const),
    ...reps.map((rep) => [`user:${rep.id}`, rep.active ? rep.name : `${rep.name} (inactive)`] as const),
  ]);
}

export function TargetPicker({ onChange, ...rest }: PickerProps<Target>) {
  return <Picker {...rest} first={[]} onChange={(next) => onChange(next === null ? null : decodeTarget(next))} />;
}

/** Of a rule: a target, or the owner of the territory that the lead lies in. */
export function GiveToPicker({ onChange, ...rest }: PickerProps<GiveTo>) {
  const change = (next: string | null) => onChange(next === null ? null : next === TERRITORY ? { kind: "territory" } : decodeTarget(next));
  return <Picker {...rest} first={[{ group: "Territories", items: [{ value: TERRITORY, label: "The owner of the lead's territory" }] }]} onChange={change} />;
}

interface Group { group: string; items: { value: string; label: string }[] }
interface BareProps extends Omit<PickerProps<GiveTo>, "onChange"> { first: Group[]; onChange(next: string | null): void }

function Picker({ label, description, value, error, clearable = false, disabled = false, first, onChange }: BareProps) {
  const names = useTargetNames();
  const of = (kind: string) => [...names].filter(([key]) => key.startsWith(`${kind}:`)).map(([key, name]) => ({ value: key, label: name }));
  const data = [...first, { group: "Pools", items: of("pool") }, { group: "Queues", items: of("queue") }, { group: "Reps", items: of("user") }];
  return (
    <Select
      label={label}
      description={description}
      placeholder="A pool, a queue or a rep"
      searchable
      clearable={clearable}
      disabled={disabled}
      error={error}
      nothingFoundMessage="No such pool, queue or rep. Pools are made on the page Pools and reps."
      data={data.filter((group) => group.items.length > 0)}
      value={value ? encodeTarget(value) : null}
      onChange={onChange}
      clearButtonProps={{ "aria-label": "No target" }}
    />
  );
}
