// Which controls are shown, and in which order: what needs a person first. Pure.
import type { Control, ControlStatus } from "../../api/controls";

export const STATUSES: ControlStatus[] = ["failing", "unknown", "enforced", "build_evidence", "attested", "customer_owned", "absent"];

export const WORDS: Record<ControlStatus, string> = {
  failing: "Failing", unknown: "Unknown", enforced: "Enforced", build_evidence: "Build evidence", attested: "Attested", customer_owned: "Customer-owned", absent: "Not built",
};

export function count(controls: Control[], status: ControlStatus): number {
  return controls.filter((control) => control.status === status).length;
}

/** Controls that hold the words and have the status, by area; within one, the failing first and then by their own order. */
export function byArea(controls: Control[], text: string, status: ControlStatus | undefined): [string, Control[]][] {
  const words = text.trim().toLowerCase();
  const shown = controls.filter((control) =>
    (status === undefined || control.status === status)
    && (words === "" || `${control.id} ${control.area} ${control.title} ${control.evidence}`.toLowerCase().includes(words)));
  const areas = new Map<string, Control[]>();
  for (const control of shown) areas.set(control.area, [...(areas.get(control.area) ?? []), control]);
  const worst = (control: Control) => Math.min(STATUSES.indexOf(control.status), 2);
  return [...areas.entries()]
    .map(([area, inside]): [string, Control[]] => [area, inside.toSorted((a, b) => worst(a) - worst(b))])
    .toSorted(([a, inA], [b, inB]) => Math.min(...inA.map(worst)) - Math.min(...inB.map(worst)) || a.localeCompare(b));
}
