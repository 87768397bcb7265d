// A rule's condition while it is being written: nodes with keys of their own, so that an input keeps its focus.
// The form sent to the API is `Condition`; operators by type are those of the routing engine.
import type { Condition, FieldType, LayerField, Operator, Term, TermValue } from "../../api/types";

export interface DraftTerm { kind: "term"; key: string; field: string; op: Operator; values: string[] }
export interface DraftGroup { kind: "group"; key: string; join: "all" | "any"; items: DraftNode[] }
export type DraftNode = DraftTerm | DraftGroup;

export const MAX_DEPTH = 5;
export const MAX_TERMS = 100;

const EMPTINESS: Operator[] = ["is_empty", "is_not_empty"];
const TEXT: Operator[] = ["eq", "ne", "in", "not_in", "contains", "starts_with", "ends_with", ...EMPTINESS];
const ORDER: Operator[] = ["gt", "gte", "lt", "lte", "between"];

export const OPERATORS: Record<FieldType, Operator[]> = {
  string: TEXT,
  picklist: TEXT,
  id: ["eq", "ne", "in", "not_in", ...EMPTINESS],
  number: ["eq", "ne", "in", "not_in", ...ORDER, ...EMPTINESS],
  date: ["eq", "ne", ...ORDER, ...EMPTINESS],
  datetime: ["eq", "ne", ...ORDER, ...EMPTINESS],
  boolean: ["is_true", "is_false"],
};

const WORDS: Record<Operator, string> = {
  eq: "is", ne: "is not", in: "is one of", not_in: "is none of", contains: "contains", starts_with: "starts with",
  ends_with: "ends with", gt: "is above", gte: "is at least", lt: "is below", lte: "is at most", between: "is between",
  is_empty: "is empty", is_not_empty: "is not empty", is_true: "is true", is_false: "is false",
};
const TIME_WORDS: Partial<Record<Operator, string>> = { gt: "is after", gte: "is on or after", lt: "is before", lte: "is on or before" };

export function operatorWord(op: Operator, type: FieldType | undefined): string {
  return (type === "date" || type === "datetime" ? TIME_WORDS[op] : undefined) ?? WORDS[op];
}

/** How many values an operator takes. */
export function arity(op: Operator): "none" | "one" | "two" | "many" {
  if (op === "is_empty" || op === "is_not_empty" || op === "is_true" || op === "is_false") return "none";
  if (op === "between") return "two";
  return op === "in" || op === "not_in" ? "many" : "one";
}

let made = 0;
const newKey = (): string => `n${(made += 1)}`;

export const newTerm = (field = ""): DraftTerm => ({ kind: "term", key: newKey(), field, op: "eq", values: [] });
export const newGroup = (join: "all" | "any", items: DraftNode[] = [newTerm()]): DraftGroup => ({ kind: "group", key: newKey(), join, items });

export function toDraft(condition: Condition): DraftGroup {
  const node = toNode(condition);
  return node.kind === "group" ? node : newGroup("all", [node]);
}

function toNode(condition: Condition): DraftNode {
  if ("all" in condition) return newGroup("all", condition.all.map(toNode));
  if ("any" in condition) return newGroup("any", condition.any.map(toNode));
  const { field, op, value } = condition;
  const values = value === undefined ? [] : Array.isArray(value) ? value.map(String) : [String(value)];
  return { kind: "term", key: newKey(), field, op, values };
}

export type TypeOf = (field: string) => FieldType | undefined;

export function typesOf(fields: LayerField[]): TypeOf {
  const types = new Map(fields.map((field) => [field.name, field.type]));
  return (name) => types.get(name);
}

export function toCondition(group: DraftGroup, typeOf: TypeOf): Condition {
  const items = group.items.map((node) => (node.kind === "group" ? toCondition(node, typeOf) : toTerm(node, typeOf)));
  return group.join === "all" ? { all: items } : { any: items };
}

function toTerm({ field, op, values }: DraftTerm, typeOf: TypeOf): Term {
  const typed = values.map((value) => (typeOf(field) === "number" ? Number(value) : value));
  const takes = arity(op);
  if (takes === "none") return { field, op };
  const value: TermValue = takes === "one" ? (typed[0] ?? "") : typed;
  return { field, op, value };
}

/** What is missing or wrong, by the key of its node. Empty when the condition can be sent. */
export function problems(group: DraftGroup, typeOf: TypeOf): Map<string, string> {
  const found = new Map<string, string>();
  const terms = walk(group, 1, found, typeOf);
  if (terms > MAX_TERMS) found.set(group.key, `A condition has at most ${MAX_TERMS} terms; this one has ${terms}.`);
  return found;
}

function walk(node: DraftNode, depth: number, found: Map<string, string>, typeOf: TypeOf): number {
  if (node.kind === "term") {
    const problem = termProblem(node, typeOf);
    if (problem) found.set(node.key, problem);
    return 1;
  }
  if (node.items.length === 0) found.set(node.key, "This group is empty. Add a term, or remove the group.");
  if (depth > MAX_DEPTH) found.set(node.key, `Groups go at most ${MAX_DEPTH} deep.`);
  return node.items.reduce((sum, item) => sum + walk(item, depth + 1, found, typeOf), 0);
}

function termProblem({ field, op, values }: DraftTerm, typeOf: TypeOf): string | undefined {
  if (field === "") return "Choose a field.";
  const type = typeOf(field);
  if (type === undefined) return `The field ${field} is not in the data layer. Add it there first.`;
  if (!OPERATORS[type].includes(op)) return "Choose an operator.";
  const takes = arity(op);
  if (takes === "none") return undefined;
  const given = values.filter((value) => value.trim() !== "");
  if (takes === "two" && given.length !== 2) return "Give both ends.";
  if (given.length === 0) return takes === "many" ? "Give at least one value." : "Give a value.";
  if (type === "number" && given.some((value) => !Number.isFinite(Number(value)))) return "Give a number.";
  if (takes === "two" && isReversed(given, type)) return "The first value is above the second.";
  return undefined;
}

function isReversed([from = "", to = ""]: string[], type: FieldType): boolean {
  return type === "number" ? Number(from) > Number(to) : from > to;
}

/** A change anywhere in the tree, by key; `undefined` removes the node. */
export function replace(group: DraftGroup, key: string, change: (node: DraftNode) => DraftNode | undefined): DraftGroup {
  if (group.key === key) {
    const changed = change(group);
    return changed?.kind === "group" ? changed : group;
  }
  const items = group.items.flatMap((node): DraftNode[] => {
    if (node.key === key) return [change(node)].filter((changed) => changed !== undefined);
    return [node.kind === "group" ? replace(node, key, change) : node];
  });
  return { ...group, items };
}

/** The node that a path of the API names, such as `condition.all[0].any[1].value`. */
export function keyAt(group: DraftGroup, path: string): string | undefined {
  let node: DraftNode = group;
  for (const [, index] of path.matchAll(/\.(?:all|any)\[(\d+)\]/g)) {
    if (node.kind !== "group") return undefined;
    const next: DraftNode | undefined = node.items[Number(index)];
    if (!next) return undefined;
    node = next;
  }
  return path.startsWith("condition") ? node.key : undefined;
}

/** The condition in words: "Country is one of DE, AT and (Employees is at least 50 or Rating is Hot)". */
export function describe(condition: Condition, fields: Map<string, LayerField>, outermost = true): string {
  if ("field" in condition) {
    const field = fields.get(condition.field);
    const value = condition.value === undefined ? "" : ` ${valueWords(condition.value, condition.op)}`;
    return `${field?.label ?? condition.field} ${operatorWord(condition.op, field?.type)}${value}`;
  }
  const [items, join] = "all" in condition ? [condition.all, " and "] : [condition.any, " or "];
  const text = items.map((item) => describe(item, fields, false)).join(join);
  return outermost || items.length < 2 ? text : `(${text})`;
}

function valueWords(value: TermValue, op: Operator): string {
  if (!Array.isArray(value)) return String(value);
  if (op === "between") return value.join(" and ");
  return value.length > 5 ? `${value.slice(0, 4).join(", ")} and ${value.length - 4} more` : value.join(", ");
}
