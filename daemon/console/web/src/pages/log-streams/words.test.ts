import { expect, test } from "vitest";
import { daysLeft, errorWords, testWords, waitingWords } from "./words";

test("a count that stops is told as one that stops", () => {
  expect(waitingWords(0)).toBe("0");
  expect(waitingWords(9_999)).toBe("9,999");
  expect(waitingWords(10_000)).toBe("10,000 or more");
});

test("a code without words is shown as it is", () => {
  expect(errorWords("egress_not_trusted")).toContain("certificate");
  expect(errorWords("something_new")).toBe("something new");
});

test("a failed test says what to do, then its own words", () => {
  expect(testWords({ code: "egress_timeout", message: "no answer within 10 s" })).toMatch(/^It does not answer in time\..* In detail: no answer within 10 s\.$/);
  expect(testWords({ code: null, message: null })).toBe("The target gave no reason.");
});

test("days are whole, and below zero once the end is past", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  expect(daysLeft("2026-11-23T11:59:59Z", now)).toBe(0);
  expect(daysLeft("2026-11-25T12:00:00Z", now)).toBe(3);
  expect(daysLeft("2026-11-22T11:00:00Z", now)).toBe(-1);
});
