// What the log's verbs and actors read like. Pure.
import type { AuditDetail, AuditEntry, Told } from "../../api/audit";

/** `rule_delete` as "Rule delete". */
export const actionWord = (action: string): string => {
  const words = action.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export function actorWord(actor: AuditEntry["actor"]): string {
  if (actor.name) return actor.name;
  if (actor.id === "daemon") return "Revkeep itself";
  if (actor.id.startsWith("job_")) return "Revkeep, by a job";
  if (actor.id.startsWith("local:")) return `Administrator ${actor.id.slice(6)}, on the machine`;
  if (actor.id.startsWith("scimtoken_")) return "Identity provider";
  return actor.kind === "human" ? "Former member or visitor" : actor.id;
}

export interface Difference { field: string; before: string | undefined; after: string | undefined; changed: boolean }

const flat = (told: Told, at: string, into: Map<string, string>): void => {
  if (told === null) return;
  if (typeof told === "object" && !Array.isArray(told)) {
    for (const [name, value] of Object.entries(told)) flat(value, at === "" ? name : `${at}.${name}`, into);
    return;
  }
  into.set(at === "" ? "value" : at, typeof told === "string" ? told : JSON.stringify(told));
};

/** Field by field, in the order in which they stand; what is the same on both sides last. */
export function differences(entry: Pick<AuditDetail, "before" | "after">): Difference[] {
  const [before, after] = [new Map<string, string>(), new Map<string, string>()];
  flat(entry.before, "", before);
  flat(entry.after, "", after);
  const fields = [...new Set([...before.keys(), ...after.keys()])];
  const all = fields.map((field) => ({ field, before: before.get(field), after: after.get(field), changed: before.get(field) !== after.get(field) }));
  return [...all.filter((line) => line.changed), ...all.filter((line) => !line.changed)];
}
