import { expect, test } from "vitest";
import { daysLeft, errorWords, testWords, waitingWords } from "./words";

test("a count that stops is told as one that stops", () => {
  expect(waitingWords(0)).toBe("0");
  expect(waitingWords(9_999)).toBe("9,999");
  expect(waitingWords(10_000)).toBe("10,000 or more");
});

test("a code without words is shown as it is", () => {
  expect(errorWords("egress_not_trusted", "https")).toContain("certificate");
  expect(errorWords("something_new", "file")).toBe("something new");
});

test("a failed test tells the server's words, and of this machine its own", () => {
  expect(testWords({ code: "egress_timeout", message: "No answer within 10 s." }, "https")).toBe("No answer within 10 s.");
  expect(testWords({ code: "egress_timeout", message: null }, "https")).toMatch(/^It does not answer in time\./);
  expect(testWords({ code: "siem_cut", message: "The target ended the connection." }, "file")).toContain("siem.directory");
  expect(testWords({ code: null, message: null }, "file")).toBe("The target gave no reason.");
});

test("days are whole, and below zero once the end is past", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  expect(daysLeft("2026-11-23T11:59:59Z", now)).toBe(0);
  expect(daysLeft("2026-11-25T12:00:00Z", now)).toBe(3);
  expect(daysLeft("2026-11-22T11:00:00Z", now)).toBe(-1);
});
