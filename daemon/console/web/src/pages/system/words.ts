// What the figures of the appliance mean, in words. Pure.
import type { DaemonNode, Finding, LeaseCount, System } from "../../api/system";
import { count, duration, percent, plural, size } from "../../lib/format";
import type { Tone } from "../../ui/status";

export const TONES = { pass: "ok", warn: "warn", fail: "bad" } as const satisfies Record<Finding["verdict"], Tone>;
export const VERDICTS = { pass: "Well", warn: "Look at it", fail: "Failed" } as const satisfies Record<Finding["verdict"], string>;

const RANK = { fail: 0, warn: 1, pass: 2 } as const;

/** What needs a hand, gravest first, in the order in which it was looked at. */
export const amiss = (findings: Finding[]): Finding[] =>
  findings.filter(({ verdict }) => verdict !== "pass").sort((a, b) => RANK[a.verdict] - RANK[b.verdict]);

/** Text in which commands stand between backquotes, in its pieces. */
export function pieces(text: string): { text: string; code: boolean }[] {
  return text.split("`").map((part, index) => ({ text: part, code: index % 2 === 1 })).filter((part) => part.text !== "");
}

/** The leases of a daemon by what they are for. A holder may have a number after the daemon's name. */
export function held(leases: LeaseCount[], daemon: DaemonNode): string {
  const sums = new Map<string, number>();
  for (const lease of leases) {
    if (lease.owner !== daemon.name && !lease.owner.startsWith(`${daemon.name}:`)) continue;
    sums.set(lease.purpose, (sums.get(lease.purpose) ?? 0) + lease.leases);
  }
  return [...sums].map(([purpose, sum]) => (sum === 1 ? purpose : `${purpose} × ${count(sum)}`)).join(", ");
}

/** A short time with its unit: "0.8 ms", "312 ms", "4.1 s". */
export function milliseconds(value: number | null): string {
  if (value === null) return "–";
  return value < 1000 ? `${count(value < 10 ? Math.round(value * 10) / 10 : Math.round(value))} ms` : duration(value / 1000);
}

const CHECKED: Record<string, string> = { opened: "read back and opened", checksum: "its checksum was compared", form: "its form was looked at" };

export function backupNote(backup: NonNullable<System["backup"]>): string {
  const how = backup.detail.checked === null ? "not read back" : CHECKED[backup.detail.checked] ?? backup.detail.checked;
  return `${size(backup.detail.size)}, ${how}`;
}

export function rehearsalNote({ detail }: NonNullable<System["rehearsal"]>): string {
  return detail.code === null ? `${plural(detail.rows, "row")} restored in ${duration(detail.seconds)}` : `does not restore: ${detail.code}`;
}

export function auditNote(audit: System["audit"]): string {
  if (audit.error !== undefined) return audit.error;
  const waiting = plural(audit.waiting ?? 0, "entry", "entries");
  if (typeof audit.head !== "number") return `No head yet; ${waiting} to be sealed`;
  const age = typeof audit.age_seconds === "number" ? `, ${duration(Math.max(0, audit.age_seconds))} old` : "";
  return `Head ${count(audit.head)} over ${plural(audit.size ?? 0, "entry", "entries")}${age}; ${waiting} to be sealed`;
}

export const freeShare = (disk: { free: number; bytes: number }): string => (disk.bytes === 0 ? "unknown" : `${percent(disk.free / disk.bytes)} free`);

/** Dead rows matter by their share, and only where there are many. */
export const bloated = (table: { rows: number; dead: number }): boolean => table.dead > 10_000 && table.dead > table.rows * 0.2;
