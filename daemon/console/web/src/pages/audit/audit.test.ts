import { expect, test } from "vitest";
import { actionWord, actorWord, differences } from "./words";

test("a difference names each field once, what changed first", () => {
  const found = differences({ before: { name: "EMEA", weight: 1, nested: { on: true } }, after: { name: "EMEA", weight: 2, nested: { on: true, more: ["a"] } } });
  expect(found).toEqual([
    { field: "weight", before: "1", after: "2", changed: true },
    { field: "nested.more", before: undefined, after: "[\"a\"]", changed: true },
    { field: "name", before: "EMEA", after: "EMEA", changed: false },
    { field: "nested.on", before: "true", after: "true", changed: false },
  ]);
});

test("an entry without content has no difference", () => {
  expect(differences({ before: null, after: null })).toEqual([]);
  expect(differences({ before: null, after: "x" })).toEqual([{ field: "value", before: undefined, after: "x", changed: true }]);
});

test("actors and actions have words", () => {
  expect(actionWord("rule_delete")).toBe("Rule delete");
  expect(actorWord({ kind: "human", id: "user_1", name: "Ada" })).toBe("Ada");
  expect(actorWord({ kind: "human", id: "user_1", name: null })).toBe("Former member or visitor");
  expect(actorWord({ kind: "system", id: "local:root", name: null })).toBe("Administrator root, on the machine");
  expect(actorWord({ kind: "system", id: "job_1", name: null })).toBe("Revkeep, by a job");
});
