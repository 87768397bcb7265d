import { expect, test } from "vitest";
import { Problem, Unreachable } from "../../api/problem";
import { oidcAnswer, samlReturn } from "./answer";
import { keepNext, safeDeparture, takeNext } from "./leave";
import { refusalOf, refusalOfCode, UNREADABLE } from "./refusal";

function store() {
  const kept = new Map<string, string>();
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => { kept.set(key, value); }, removeItem: (key: string) => { kept.delete(key); } };
}

test("where the person wanted to go is kept for one return, and never another origin", () => {
  const tab = store();
  keepNext(tab, "/routing/log?q=1");
  expect(takeNext(tab)).toBe("/routing/log?q=1");
  expect(takeNext(tab)).toBe("/");
  for (const hostile of ["https://evil.example", "//evil.example", "/\\evil.example", null]) {
    keepNext(tab, hostile);
    expect(takeNext(tab)).toBe("/");
  }
  tab.setItem("revkeep-sso-next", "//evil.example");
  expect(takeNext(tab)).toBe("/");
});

test("nobody is sent anywhere but to a page of the web", () => {
  expect(safeDeparture("https://idp.example/authorize?x=1")).toBe("https://idp.example/authorize?x=1");
  for (const hostile of ["javascript:alert(1)", "data:text/html,x", "http://idp.example/"]) expect(() => safeDeparture(hostile)).toThrow("HTTPS");
});

test("what a provider brings is handed over as it is, a refusal instead of a code, and none of its own words", () => {
  const answer = (query: string) => oidcAnswer(new URLSearchParams(query));
  expect(answer("code=c&state=s&iss=https%3A%2F%2Fidp.example")).toEqual({ state: "s", code: "c", iss: "https://idp.example" });
  expect(answer("error=access_denied&error_description=Call+0900&state=s")).toEqual({ state: "s", error: "access_denied" });
  expect(answer("error=access_denied&code=c&state=s")).toEqual({ state: "s", error: "access_denied" });
  expect(answer("state=s")).toEqual({ state: "s", error: "missing" });
  for (const nothing of ["", "code=c", "code=c&state="]) expect(answer(nothing)).toBeUndefined();
});

test("every refusal has its own words and a next step; only what never arrived may be repeated", () => {
  const codes = ["sso_flow_void", "sso_refused", "sso_token_refused", "sso_not_member", "sso_account_closed", "provider_not_found", "sso_provider_wrong", "egress_timeout"];
  const told = codes.map((code) => refusalOf(new Problem(403, { code, detail: "the server's words" })));
  expect(new Set(told.map(({ title }) => title)).size).toBe(codes.length);
  for (const { why, next, repeat } of told) {
    expect(`${why} ${next}`).not.toContain("the server's words");
    expect([next.length > 10, repeat]).toEqual([true, undefined]);
  }
  expect(refusalOf(new Problem(403, { code: "new_code", detail: "the server's words" }))).toMatchObject({ why: "the server's words", repeat: false });
  expect(refusalOf(new Problem(503, { code: "sealed", detail: "sealed" })).repeat).toBe(true);
  expect(refusalOf(new Unreachable()).repeat).toBe(true);
});

test("a SAML response left a ticket or the code of a refusal, and nothing else is handed over", () => {
  expect(samlReturn("#abc_-123")).toEqual({ ticket: "abc_-123", refused: undefined });
  expect(samlReturn("#error=saml_expired")).toEqual({ ticket: "", refused: "saml_expired" });
  expect(samlReturn("#error=<b>call 0900</b>")).toEqual({ ticket: "", refused: undefined });
  expect(samlReturn("")).toEqual({ ticket: "", refused: undefined });
  expect(refusalOfCode("saml_signature")).toBe(UNREADABLE);
  expect(refusalOfCode("saml_unsolicited")?.next).toContain("sign-in page");
  expect(refusalOfCode("made_up")).toBeUndefined();
});
