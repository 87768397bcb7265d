import { expect, test } from "vitest";
import { Problem, Unreachable } from "../../api/problem";
import type { FactorChallenge } from "../../api/types";
import { becameWhole, codeDigits } from "../../lib/code";
import { challenged, directoryProblem, discovered, FIRST_STEP, passwordProblem, refused } from "./steps";

const challenge: FactorChallenge = { step: "factor", factors: ["totp", "recovery"], expires_in: 600, passkey: null };

test("a wrong code keeps the step, counts, and tells what is left; the third leads back to the start", () => {
  const first = refused(challenged(challenge), new Problem(401, { code: "factor_invalid", remaining: 2 }));
  expect(first).toMatchObject({ kind: "factor", tries: 1 });
  expect(first.kind === "factor" && first.problem).toContain("2 tries are left.");
  const second = refused(first, new Problem(401, { code: "factor_invalid", remaining: 1 }));
  expect(second.kind === "factor" && second.problem).toContain("1 try is left.");
  const third = refused(second, new Problem(401, { code: "challenge_void" }));
  expect(third.kind).toBe("password");
  expect(third.kind === "password" && third.notice).toContain("Sign in again");
});

test("a domain that is nobody's leads where one without single sign-on leads; one with it to its provider", () => {
  const nobody = discovered({ sso: false, provider: null, kind: null, name: null, only: false });
  expect(nobody).toEqual({ kind: "password", notice: undefined });
  expect(discovered({ sso: true, provider: "prov_1", kind: "oidc", name: "Acme login", only: true })).toEqual({ kind: "provider", provider: "prov_1", name: "Acme login", only: true });
});

test("a directory asks for its own name and password here, and says no more than that they do not fit", () => {
  expect(discovered({ sso: true, provider: "prov_1", kind: "ldap", name: "Acme network", only: false })).toEqual({ kind: "directory", provider: "prov_1", name: "Acme network", only: false });
  expect(directoryProblem(new Problem(401, { code: "invalid_credentials", detail: "the server's words" }))).toContain("did not accept this name and password");
  expect(directoryProblem(new Problem(503, { code: "ldap_unreachable", detail: "the server's words" }))).toContain("Try again in a moment");
  expect(directoryProblem(new Problem(403, { code: "sso_not_member", detail: "the server's words" }))).toContain("Ask an administrator");
  expect(directoryProblem(new Problem(429, { code: "rate_limited" }, 30))).toContain("Wait 30 s");
});

test("a password that opens nothing any more is told from a wrong one", () => {
  expect(passwordProblem(new Problem(403, { code: "sso_required", detail: "the server's words" }))).toContain("link that your administrator gave you");
  expect(passwordProblem(new Problem(401, { code: "invalid_credentials" }))).toContain("do not belong together");
  expect(passwordProblem(new Problem(503, { code: "busy", detail: "the server's words" }))).toBe("the server's words");
});

test("a lost network is no lost try: the step stays, with its own words", () => {
  const after = refused(challenged(challenge), new Unreachable());
  expect(after.kind === "factor" && after.problem).toContain("did not answer");
  expect(refused(FIRST_STEP, new Unreachable())).toBe(FIRST_STEP);
});

test("a code is its digits, however it was pasted, and is sent once when it becomes whole", () => {
  expect(["123 456", "123-456", " 1234567", "code: 12 34 56.", "abc", ""].map(codeDigits)).toEqual(["123456", "123456", "123456", "123456", "", ""]);
  expect(becameWhole("12345", "123456")).toBe(true);
  expect(becameWhole("", "123456")).toBe(true);
  expect(becameWhole("123456", "123456")).toBe(false);
  expect(becameWhole("123456", "12345")).toBe(false);
});
