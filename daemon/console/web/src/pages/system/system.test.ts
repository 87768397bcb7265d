import { expect, test } from "vitest";
import type { DaemonNode, Finding, Point, Series } from "../../api/system";
import { figures, rows } from "./series";
import { amiss, auditNote, backupNote, bloated, held, milliseconds, pieces, rehearsalNote } from "./words";

const finding = (subject: string, verdict: Finding["verdict"]): Finding => ({ subject, verdict, detail: "", next_step: null });
const point = (at: string, more: Partial<Point> = {}): Point => ({
  at, daemons: 1, minutes: 15, answers: 300, errors: 15, p50_ms: 2, p95_ms: 40, memory: 1, disk_free: 2, waiting: 3, waited_seconds: 0, dead: 0, database_bytes: 4, connections: 5, unsealed: 0, ...more,
});

test("a step without a sample is a gap and not a zero", () => {
  const series: Series = { from: "2026-11-23T08:05:00Z", to: "2026-11-23T09:00:00Z", step_seconds: 900, points: [point("2026-11-23T08:15:00Z"), point("2026-11-23T08:45:00Z", { answers: 0, p50_ms: null })] };
  const drawn = rows(series, (iso) => iso.slice(11, 16));
  expect(drawn.map((row) => [row.when, row.requests])).toEqual([["08:15", 20], ["08:30", null], ["08:45", 0], ["09:00", null]]);
});

test("load is told by the minute, of a step that is not over too", () => {
  expect(figures(point("x"))).toMatchObject({ requests: 20, errors: 1 });
  expect(figures(point("x", { minutes: 3, answers: 60 })).requests).toBe(20);
  expect(figures(point("x", { minutes: 0, answers: 0 })).requests).toBe(0);
});

test("what failed stands before what is warned of, and what is well is not there", () => {
  expect(amiss([finding("a", "warn"), finding("b", "pass"), finding("c", "fail"), finding("d", "warn")]).map(({ subject }) => subject)).toEqual(["c", "a", "d"]);
});

test("commands are told apart from the text around them", () => {
  expect(pieces("`revkeep migrate`, then look")).toEqual([{ text: "revkeep migrate", code: true }, { text: ", then look", code: false }]);
  expect(pieces("nothing here")).toEqual([{ text: "nothing here", code: false }]);
});

test("a daemon's leases are its own, and not those of one whose name begins alike", () => {
  const daemon = { name: "node:1" } as DaemonNode;
  const leases = [{ owner: "node:1", purpose: "audit.seal", leases: 1 }, { owner: "node:1:7", purpose: "siem", leases: 2 }, { owner: "node:12", purpose: "refresh", leases: 9 }];
  expect(held(leases, daemon)).toBe("audit.seal, siem × 2");
});

test("figures have their unit", () => {
  expect(milliseconds(null)).toBe("–");
  expect(milliseconds(0.84)).toBe("0.8 ms");
  expect(milliseconds(312.4)).toBe("312 ms");
  expect(milliseconds(4_120)).toBe("4.1 s");
  expect(backupNote({ at: "x", detail: { size: 2_400_000, checked: "opened" } })).toBe("2.4 MB, read back and opened");
  expect(backupNote({ at: "x", detail: { size: 10, checked: null } })).toBe("10 B, not read back");
  const tried = { at: "x", detail: { taken_at: null, seconds: 26, rows: 1_000_000, code: null } };
  expect(rehearsalNote(tried)).toBe("1,000,000 rows restored in 26 s");
  expect(rehearsalNote({ ...tried, detail: { ...tried.detail, code: "backup_damaged" } })).toBe("does not restore: backup_damaged");
  expect(auditNote({ error: "the database does not answer" })).toBe("the database does not answer");
  expect(auditNote({ head: null, waiting: 1 })).toBe("No head yet; 1 entry to be sealed");
  expect(bloated({ rows: 10, dead: 10_000 })).toBe(false);
  expect(bloated({ rows: 40_000, dead: 10_001 })).toBe(true);
});
