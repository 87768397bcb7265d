import { expect, test } from "vitest";
import { authorizationOf, consentOf, isOthers, safeAnswer, safeOnward } from "./authorization-request";

const WHOLE = "client_id=revkeep-cli&redirect_uri=http%3A%2F%2F127.0.0.1%3A4000%2Fcallback&response_type=code&code_challenge=c&code_challenge_method=S256&state=s%26x";

test("what a program asks for is handed over as it is, and what is missing is empty", () => {
  expect(authorizationOf(new URLSearchParams(WHOLE))).toEqual({
    client_id: "revkeep-cli", redirect_uri: "http://127.0.0.1:4000/callback", response_type: "code", code_challenge: "c", code_challenge_method: "S256", state: "s&x",
  });
  expect(authorizationOf(new URLSearchParams("client_id=x&scope=all"))).toMatchObject({ client_id: "x", state: "", redirect_uri: "" });
});

test("a parameter that stands twice makes the whole request none", () => {
  for (const again of ["redirect_uri=http%3A%2F%2Fevil.example", "state=t", "client_id=revkeep-cli"]) {
    expect(authorizationOf(new URLSearchParams(`${WHOLE}&${again}`))).toBeUndefined();
  }
});

test("a code is carried to this machine alone, and where it was asked for", () => {
  const asked = authorizationOf(new URLSearchParams(WHOLE));
  if (!asked) throw new Error("no request");
  const good = "http://127.0.0.1:4000/callback?code=c&state=s";
  expect(safeOnward(good, asked)).toBe(good);
  for (const hostile of [
    "https://evil.example/?code=c", "http://127.0.0.1:4001/callback?code=c", "http://127.0.0.1:4000/callback", "http://127.0.0.1:4000/callback/../x?code=c",
    "http://127.0.0.1:4000@evil.example/callback?code=c", "javascript:alert(1)",
  ]) expect(() => safeOnward(hostile, asked)).toThrow("Nothing was sent");
  expect(() => safeOnward("javascript:alert(1)?x", { ...asked, redirect_uri: "javascript:alert(1)" })).toThrow("Nothing was sent");
});

const OTHERS = WHOLE.replace("revkeep-cli", "client_1").replace("http%3A%2F%2F127.0.0.1%3A4000", "https%3A%2F%2Fa.example");

test("a program of others says what it wants to reach, once", () => {
  expect(isOthers(new URLSearchParams(OTHERS))).toBe(true);
  expect(isOthers(new URLSearchParams(WHOLE))).toBe(false);
  expect(consentOf(new URLSearchParams(`${OTHERS}&scope=reps%3Aread&resource=https%3A%2F%2Fr.example%2Fmcp`))).toMatchObject({ client_id: "client_1", scope: "reps:read", resource: "https://r.example/mcp" });
  expect(consentOf(new URLSearchParams(OTHERS))).toMatchObject({ scope: "", resource: "" });
  for (const twice of ["scope=a&scope=b", "resource=a&resource=b", "state=t"]) expect(consentOf(new URLSearchParams(`${OTHERS}&${twice}`))).toBeUndefined();
});

test("its answer goes to the address that it asked for, on the web or on this machine", () => {
  const asked = consentOf(new URLSearchParams(OTHERS));
  if (!asked) throw new Error("no request");
  expect(safeAnswer("https://a.example/callback?code=c", asked)).toContain("code=c");
  for (const hostile of ["https://evil.example/?code=c", "https://a.example/callback", "https://a.example/callback/x?code=c", "javascript:alert(1)"]) {
    expect(() => safeAnswer(hostile, asked)).toThrow("Nothing was sent");
  }
  expect(() => safeAnswer("http://evil.example/callback?c", { ...asked, redirect_uri: "http://evil.example/callback" })).toThrow("Nothing was sent");
});
