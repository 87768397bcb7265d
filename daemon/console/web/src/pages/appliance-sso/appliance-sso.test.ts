import { expect, test } from "vitest";
import type { OidcInput } from "../../api/sso";
import { applianceState } from "../single-sign-on/appliance-words";
import { onlyWarnings } from "../single-sign-on/only-words";
import { APPLIANCE, ownedBy, TENANT } from "../single-sign-on/owner";
import { keepLinking, takeLinking } from "../sso/leave";
import { refusalOfCode } from "../sso/refusal";
import { claimOf } from "./claim";

const input: OidcInput = { kind: "oidc", name: "P", enabled: false, groups_claim: "groups", role_map: [{ group: "g", roles: ["admin"] }], create_members: true, issuer: "https://i", client_id: "c", scopes: [] };

test("a provider of the appliance makes nobody and maps nothing; an organisation's is sent as it was typed", () => {
  expect(ownedBy(APPLIANCE, input)).toEqual({ ...input, role_map: [], create_members: false });
  expect(ownedBy(TENANT, input)).toEqual(input);
});

test("each owner's acts go to its own addresses", () => {
  expect([TENANT.provider("p"), APPLIANCE.provider("p")].map((address) => address.includes("/platform/"))).toEqual([false, true]);
  expect([APPLIANCE.providers(), APPLIANCE.providerTest("p"), APPLIANCE.domains(), APPLIANCE.domain("d")].every((address) => address.includes("/platform/sso/"))).toBe(true);
});

test("how it stands towards an organisation", () => {
  const providers = [{ id: "p", kind: "oidc" as const, name: "Group login" }];
  expect(applianceState({ providers, allowed: true, opens: true })).toBe("Members sign in through Group login.");
  expect(applianceState({ providers, allowed: false, opens: false })).toContain("not this one");
  expect(applianceState({ providers, allowed: true, opens: false })).toContain("a provider of your own");
  expect(applianceState({ providers: [], allowed: true, opens: false })).toContain("no provider enabled");
  const warned = onlyWarnings([], { owner: true, sso: { id: "p", name: "Group login" } }, true);
  expect(warned[0]).toContain("the appliance's sign-in");
  expect(warned.some((words) => words.includes("No mail domain"))).toBe(false);
});

test("what came back is shown only if it is whole", () => {
  const claim = { provider: "p", provider_name: "Group login", issuer: "https://i", subject: "mara", email: null };
  expect(claimOf({ claim })).toEqual(claim);
  expect(claimOf({ claim: { ...claim, email: "m@acme.example" } })?.email).toBe("m@acme.example");
  for (const odd of [null, undefined, "x", {}, { claim: null }, { claim: { ...claim, subject: "" } }, { claim: { ...claim, issuer: 7 } }]) expect(claimOf(odd)).toBeUndefined();
});

test("a tab that left to link comes back to link once", () => {
  const kept = new Map<string, string>();
  const store = { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => { kept.set(name, value); }, removeItem: (name: string) => { kept.delete(name); } };
  expect(takeLinking(store)).toBe(false);
  keepLinking(store);
  expect([takeLinking(store), takeLinking(store)]).toEqual([true, false]);
});

test("its refusals have words of their own", () => {
  for (const code of ["sso_not_open", "sso_not_linked"]) expect(refusalOfCode(code)?.next).toContain("password");
});
