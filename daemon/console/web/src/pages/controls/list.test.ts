import { expect, test } from "vitest";
import type { Control, ControlStatus } from "../../api/controls";
import { byArea } from "./list";

const control = (id: string, area: string, status: ControlStatus): Control =>
  ({ id, area, status, title: `title of ${id}`, evidence: "e", at: "2026-01-01T00:00:00Z", live: [], tests: [] });

const all = [control("LR-01", "network", "enforced"), control("LR-02", "audit", "enforced"), control("LR-03", "network", "failing"), control("LR-04", "audit", "absent")];

test("an area with something failing comes first, and the failing first in it", () => {
  expect(byArea(all, "", undefined).map(([area, inside]) => [area, ...inside.map((one) => one.id)])).toEqual([["network", "LR-03", "LR-01"], ["audit", "LR-02", "LR-04"]]);
});

test("words and status narrow the list, and an empty area is gone", () => {
  expect(byArea(all, "lr-02", undefined).map(([area]) => area)).toEqual(["audit"]);
  expect(byArea(all, "", "failing").flatMap(([, inside]) => inside.map((one) => one.id))).toEqual(["LR-03"]);
  expect(byArea(all, "nothing of the kind", undefined)).toEqual([]);
});
