import { describe as suite, expect, test } from "vitest";
import type { Condition, LayerField } from "../../api/types";
import { arity, describe, keyAt, newGroup, newTerm, OPERATORS, problems, replace, toCondition, toDraft, typesOf } from "./condition";

const field = (name: string, type: LayerField["type"], label = name): LayerField => ({
  id: `field_${name}`, name, label, type, data_class: "crm_business", reason: "routing", added_by: null, added_at: "2026-01-01T00:00:00Z", required: false, used_by: [],
});
const FIELDS = [field("Country", "string"), field("NumberOfEmployees", "number", "Employees"), field("HasOptedOut", "boolean"), field("CreatedDate", "datetime", "Created")];
const typeOf = typesOf(FIELDS);
const CONDITION: Condition = {
  all: [
    { field: "Country", op: "in", value: ["DE", "AT"] },
    { any: [{ field: "NumberOfEmployees", op: "between", value: [50, 500] }, { field: "HasOptedOut", op: "is_false" }] },
  ],
};

suite("a condition being written", () => {
  test("comes back as it was", () => {
    expect(toCondition(toDraft(CONDITION), typeOf)).toEqual(CONDITION);
  });

  test("has no problem when it is whole", () => {
    expect(problems(toDraft(CONDITION), typeOf).size).toBe(0);
  });

  test("tells what is wrong at the node where it is wrong", () => {
    const cases: [Condition, string][] = [
      [{ field: "", op: "eq" }, "Choose a field."],
      [{ field: "Secret__c", op: "eq", value: "x" }, "The field Secret__c is not in the data layer. Add it there first."],
      [{ field: "HasOptedOut", op: "eq", value: "true" }, "Choose an operator."],
      [{ field: "Country", op: "eq", value: " " }, "Give a value."],
      [{ field: "Country", op: "in", value: [] }, "Give at least one value."],
      [{ field: "NumberOfEmployees", op: "gt", value: "many" }, "Give a number."],
      [{ field: "NumberOfEmployees", op: "between", value: [9, 10] }, ""],
      [{ field: "NumberOfEmployees", op: "between", value: [10, 9] }, "The first value is above the second."],
    ];
    for (const [term, message] of cases) {
      const draft = toDraft({ all: [term] });
      expect(problems(draft, typeOf).get(draft.items[0]?.key ?? "") ?? "").toBe(message);
    }
  });

  test("refuses an empty group, too much depth and too many terms", () => {
    const empty = newGroup("all", []);
    expect(problems(empty, typeOf).get(empty.key)).toContain("empty");
    const nest = (depth: number): Condition => (depth === 0 ? { field: "Country", op: "is_empty" } : { all: [nest(depth - 1)] });
    expect(problems(toDraft(nest(5)), typeOf).size).toBe(0);
    expect([...problems(toDraft(nest(6)), typeOf).values()]).toEqual(["Groups go at most 5 deep."]);
    const many = toDraft({ any: Array.from({ length: 101 }, () => ({ field: "Country", op: "is_empty" as const })) });
    expect(problems(many, typeOf).get(many.key)).toContain("100 terms");
  });

  test("changes and loses nodes by key, and nothing else", () => {
    const draft = toDraft(CONDITION);
    const inner = draft.items[1];
    if (inner?.kind !== "group") throw new Error("expected a group");
    const dropped = replace(draft, inner.items[0]?.key ?? "", () => undefined);
    expect(toCondition(dropped, typeOf)).toEqual({ all: [{ field: "Country", op: "in", value: ["DE", "AT"] }, { any: [{ field: "HasOptedOut", op: "is_false" }] }] });
    expect(replace(draft, "elsewhere", () => newTerm())).toEqual(draft);
  });

  test("finds the node that the server's path names", () => {
    const draft = toDraft(CONDITION);
    const inner = draft.items[1];
    expect(keyAt(draft, "condition.all[1].any[0].value")).toBe(inner?.kind === "group" ? inner.items[0]?.key : "");
    expect(keyAt(draft, "condition")).toBe(draft.key);
    expect(keyAt(draft, "condition.all[7]")).toBeUndefined();
    expect(keyAt(draft, "name")).toBeUndefined();
  });

  test("reads as a sentence", () => {
    const words = describe(CONDITION, new Map(FIELDS.map((one) => [one.name, one])));
    expect(words).toBe("Country is one of DE, AT and (Employees is between 50 and 500 or HasOptedOut is false)");
    expect(describe({ all: [{ field: "CreatedDate", op: "gt", value: "2026-01-01" }] }, new Map(FIELDS.map((one) => [one.name, one])))).toBe("Created is after 2026-01-01");
  });

  test("offers no operator twice, and knows how many values each takes", () => {
    for (const ops of Object.values(OPERATORS)) expect(new Set(ops).size).toBe(ops.length);
    expect([arity("is_true"), arity("eq"), arity("between"), arity("not_in")]).toEqual(["none", "one", "two", "many"]);
  });
});
