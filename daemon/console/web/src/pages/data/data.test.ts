import { expect, test } from "vitest";
import type { DataExport } from "../../api/types";
import { expiryWords, failureWords, isOpen, progressOf } from "./words";

const item = (part: Partial<DataExport>): DataExport => ({
  id: "e", asked_by: null, own: true, asked_at: "2026-01-01T00:00:00Z", state: "running", rows: 0, expected: null, files: 0, bytes: 0, ready_at: null, expires_at: null, ended_at: null, error: null, scope: "tenant" as const, ...part,
});

test("an export says how far it is, and never more than whole", () => {
  expect(progressOf(item({ state: "waiting" }))).toMatchObject({ share: 0, words: expect.stringContaining("Waits for its turn") });
  expect(progressOf(item({ rows: 50, expected: 200 }))).toMatchObject({ share: 25, words: expect.stringContaining("50 of about 200 rows, 25 %") });
  expect(progressOf(item({ rows: 300, expected: 200 })).share).toBe(100);
});

test("only what waits or runs can be called off", () => {
  expect(["waiting", "running", "ready", "downloading", "downloaded", "failed"].map((state) => isOpen(item({ state })))).toEqual([true, true, false, false, false, false]);
});

test("a failed export says why and what to do, and a code without words is shown as it is", () => {
  expect(failureWords("export_files")).toContain("disk");
  expect(failureWords("something_new")).toContain("something_new");
  expect(failureWords(null)).toContain("unknown");
});

test("an archive that went before its time says why", () => {
  expect(expiryWords("person_erased")).toContain("erased after it was made");
  expect(expiryWords(null)).toContain("in time");
});
