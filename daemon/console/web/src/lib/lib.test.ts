import { expect, test } from "vitest";
import { toCsv } from "./csv";
import { duration, localTime, plural, relative, since, size, utcTime } from "./format";
import { landing, move } from "../ui/reorder";
import { steady } from "../ui/steady";

test("durations say their units", () => {
  expect([0.42, 4.25, 12.4, 59.4, 60, 200, 7500, 273_600].map(duration)).toEqual(["0.4 s", "4.3 s", "12 s", "59 s", "1 min", "3 min 20 s", "2 h 5 min", "3 d 4 h"]);
});

test("sizes say their units", () => {
  expect([0, 999, 1_000, 18_432_000, 2_050_000_000, 7e15].map(size)).toEqual(["0 B", "999 B", "1 kB", "18.4 MB", "2.1 GB", "7,000 TB"]);
});

test("times are told from now, and exactly in UTC", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  expect(["11:59:55", "11:59:30", "11:00:00", "14:00:00"].map((time) => relative(`2026-03-01T${time}Z`, now))).toEqual(["just now", "30 s ago", "1 h ago", "in 2 h"]);
  expect(["11:59:55", "11:59:30", "12:00:11", "14:00:00"].map((time) => since(`2026-03-01T${time}Z`, now)), "what has happened is never ahead").toEqual(["just now", "30 s ago", "just now", "just now"]);
  expect([localTime("2026-01-04T12:00:00Z", now), localTime("2027-01-04T12:00:00Z", now)].map((text) => /20\d\d/.test(text)), "another year is named").toEqual([false, true]);
  expect(utcTime("2026-03-01T12:00:00.123Z")).toBe("2026-03-01 12:00:00 UTC");
  expect([plural(1, "lead"), plural(0, "lead"), plural(2, "thing needs", "things need")]).toEqual(["1 lead", "0 leads", "2 things need"]);
});

test("CSV quotes what needs it and disarms what a spreadsheet would run", () => {
  const rows = [{ a: 'say "hi", now', b: -3 }, { a: "=HYPERLINK(1)", b: undefined }, { a: "+49 30", b: 4 }, { a: "@cmd\r\nx", b: null }];
  const text = toCsv(rows, [{ header: "a", value: (row) => row.a }, { header: "b", value: (row) => row.b }]);
  expect(text).toBe("a,b\r\n\"say \"\"hi\"\", now\",-3\r\n'=HYPERLINK(1),\r\n'+49 30,4\r\n\"'@cmd\r\nx\",\r\n");
});

test("a rule moves to where it was dropped", () => {
  expect(move(["a", "b", "c"], 0, 2)).toEqual(["b", "c", "a"]);
  expect(move(["a", "b", "c"], 2, 0)).toEqual(["c", "a", "b"]);
  expect(move(["a", "b"], 0, 5)).toEqual(["a", "b"]);
  expect([0, 19, 21, 61, 500, -500].map((dy) => landing([40, 40, 40], 1, dy))).toEqual([1, 1, 2, 2, 2, 0]);
  expect(landing([40, 100, 40], 0, 60)).toBe(1);
});

test("newcomers wait in front of the row under the pointer; a longer or another list does not", () => {
  const keyOf = (row: string) => row.charAt(0);
  expect(steady(["a1", "b1"], ["n", "a2", "b1", "c"], keyOf)).toEqual({ rows: ["a2", "b1", "c"], waiting: 1 });
  expect(steady(["a1", "b1"], ["a1", "b1", "c"], keyOf)).toEqual({ rows: ["a1", "b1", "c"], waiting: 0 });
  expect(steady(["a1"], ["x", "y"], keyOf)).toEqual({ rows: ["x", "y"], waiting: 0 });
  expect(steady([], ["x"], keyOf)).toEqual({ rows: ["x"], waiting: 0 });
});
