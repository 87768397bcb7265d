import { expect, test } from "vitest";
import type { Proposal } from "../../api/proposals";
import { effect, title } from "./words";

const asked = { id: "intent_1", reason: "because", program: "Desk", for_user: null, asked_at: "", state: "waiting", decided_by: null, decided_at: null } as const;

test("a record without a title has its id, and one day is one day", () => {
  const retry: Proposal = { ...asked, kind: "record_retry", object: "Lead", record_id: "00Q1", record_title: null };
  expect(title(retry)).toBe("Try Lead 00Q1 again");
  expect(title({ ...retry, record_title: "Ada Byron" })).toBe("Try Ada Byron again");
  const away: Proposal = { ...asked, kind: "time_off", rep: { id: "rep_1", name: "Rita" }, first_day: "2026-12-24", last_day: "2026-12-24" };
  expect(title(away)).toBe("Rita is away on 2026-12-24");
  expect(effect({ ...away, last_day: "2026-12-31" })).toContain("from 2026-12-24 to 2026-12-31");
});
