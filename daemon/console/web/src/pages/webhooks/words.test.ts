import { expect, test } from "vitest";
import { eventWords, faultWords, hostOf, stoppedWords, testWords } from "./words";

test("a failure is told with what to do, and an unknown one by its code", () => {
  expect(faultWords({ code: null, status: 204 })).toBe("");
  expect(faultWords({ code: "webhook_not_accepted", status: 500 })).toBe("The receiver answered with status 500.");
  expect(faultWords({ code: "egress_refused", status: null })).toContain("no webhook may go");
  expect(faultWords({ code: "egress_new", status: null })).toBe("It failed: egress_new.");
});

test("the list shows the host and no token of the address", () => {
  expect(hostOf("https://hooks.example.com:8443/T0/secret")).toBe("hooks.example.com:8443");
  expect(hostOf("none")).toBe("none");
});

test("events, ends and tests in words", () => {
  expect(eventWords([])).toBe("All events");
  expect(eventWords(["trial_ended", "tenant_kept"])).toBe("trial_ended, tenant_kept");
  expect(stoppedWords("webhook_gone")).toContain("410");
  expect(testWords({ delivered: true, status: 204, code: null, milliseconds: 7 })).toBe("It answered 204 after 7 ms.");
});
