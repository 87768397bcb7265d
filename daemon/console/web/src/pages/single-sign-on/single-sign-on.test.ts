import { expect, test } from "vitest";
import { Problem, Unreachable } from "../../api/problem";
import { inputOf, type Probe, type Provider } from "../../api/sso";
import { changed, formOf, missing, NEW_FORM, oidcInput } from "./oidc-input";
import { ldapChanged, ldapFormOf, ldapInput, ldapMissing, NEW_LDAP, presetOf, withPreset } from "./ldap-input";
import { onlyEffect, onlyWarnings } from "./only-words";
import { directorySteps, failedSteps, probeSteps, samlProbeSteps } from "./probe";
import { certificatesIn, certificateStanding, filledFrom, samlChanged, samlFormOf, samlInput, samlMissing } from "./saml-input";

const provider: Provider = {
  id: "prov_1", kind: "oidc", name: "Acme account", enabled: true, issuer: "https://idp.example", client_id: "revkeep", has_secret: true, scopes: ["email", "profile"],
  groups_claim: "groups", role_map: [{ group: "ops", roles: ["admin"] }], create_members: true, domains: [{ domain: "acme.example", verified: true, verified_at: "2026-01-01T00:00:00Z" }],
  redirect_uri: "https://revkeep.example/sso/oidc", version: 4, created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z",
};
const probe: Probe = { issuer: "https://idp.example", authorization_endpoint: "https://idp.example/auth", token_endpoint: "https://idp.example/token", keys: 2, logout: true };

test("a new provider is sent switched off; a change keeps what it is, its version, and the secret that is not typed", () => {
  const typed = { ...NEW_FORM, name: " Acme account ", issuer: "https://idp.example ", client_id: "revkeep", secret: "s3cret", scopes: "openid email,  groups" };
  expect(oidcInput(typed, undefined)).toMatchObject({ enabled: false, name: "Acme account", issuer: "https://idp.example", client_secret: "s3cret", scopes: ["email", "groups"] });
  const kept = oidcInput({ ...formOf(provider), name: "Other" }, provider);
  expect(kept).toMatchObject({ name: "Other", enabled: true, version: 4, role_map: provider.role_map });
  for (const unsent of ["client_secret", "id", "domains", "has_secret", "redirect_uri", "created_at"]) expect(kept).not.toHaveProperty(unsent);
});

test("a form is whole with its names and with every rule, and unchanged as it was read", () => {
  const whole = { ...NEW_FORM, name: "A", issuer: "https://i", client_id: "c" };
  expect([missing(NEW_FORM), missing(whole), missing({ ...whole, name: "  " })]).toEqual([true, false, true]);
  expect(missing({ ...whole, role_map: [{ group: "", roles: ["admin"] }] })).toBe(true);
  expect(missing({ ...whole, role_map: [{ group: "ops", roles: [] }] })).toBe(true);
  expect([changed(formOf(provider), provider), changed({ ...formOf(provider), secret: "x" }, provider)]).toEqual([false, true]);
});

test("a test that passes, one without keys, and the step at which another failed", () => {
  const tones = (steps: { tone: string }[] | undefined) => steps?.map(({ tone }) => tone).join(" ");
  expect(tones(probeSteps(probe))).toBe("ok ok ok ok ok");
  expect(tones(probeSteps({ ...probe, keys: 0, token_endpoint: null, logout: false }))).toBe("ok ok bad bad warn");
  const away = failedSteps(new Problem(503, { code: "egress_no_address", detail: "idp.example has no address." }));
  expect([tones(away), away?.[0]?.detail]).toEqual(["bad idle idle idle idle", "idp.example has no address."]);
  const wrong = failedSteps(new Problem(503, { code: "sso_provider_wrong", detail: "unexpected issuer" }));
  expect([tones(wrong), wrong?.[1]?.detail]).toEqual(["ok bad idle idle idle", "unexpected issuer"]);
  for (const other of [new Problem(403, { code: "forbidden" }), new Unreachable(), null]) expect(failedSteps(other)).toBeUndefined();
});

test("switching passwords off names who keeps one, and warns whoever would be locked out", () => {
  expect(onlyEffect([provider], "Mara", "12 active members")).toMatch(/the 12 active members can sign in through Acme account only.*Mara owns this organisation and keeps a password/);
  expect(onlyWarnings([provider], { owner: false, sso: { id: "prov_1", name: "Acme account" } })).toEqual([]);
  expect(onlyWarnings([provider], { owner: false, sso: null })[0]).toContain("this session ends too");
  expect(onlyWarnings([provider], { owner: true, sso: null })[0]).toContain("private window");
  const bare = onlyWarnings([{ ...provider, domains: [], create_members: false }], { owner: false, sso: { id: "prov_1", name: "Acme account" } });
  expect(bare).toHaveLength(2);
});

const saml: Provider = {
  ...provider, kind: "saml", issuer: "https://idp.example/entity", client_id: "", has_secret: false, scopes: [],
  saml: {
    sign_in_url: "https://idp.example/sso", sign_out_url: null, email_attribute: null, name_attribute: "displayName", entity_id: "e", acs_url: "a", metadata_url: "m",
    certificates: [{ certificate: "MIIB", subject: "CN=idp", not_after: "2026-06-01T00:00:00Z", fingerprint: "ab12" }],
  },
};

test("a SAML provider is sent as its metadata or as its fields, and switched on or off as it is", () => {
  const fresh = { ...samlFormOf(undefined), name: "Acme", metadata: "<EntityDescriptor/>" };
  expect([samlMissing(samlFormOf(undefined)), samlMissing(fresh)]).toEqual([true, false]);
  expect(samlInput(fresh, undefined)).toMatchObject({ kind: "saml", enabled: false, saml: { metadata: "<EntityDescriptor/>", email_attribute: null } });
  expect(samlInput(fresh, undefined).saml).not.toHaveProperty("certificates");
  expect(samlChanged(samlFormOf(saml), saml)).toBe(false);
  expect(samlInput(samlFormOf(saml), saml)).toEqual(inputOf(saml));
  expect(inputOf(saml)).not.toHaveProperty("client_id");
});

test("certificates are told apart, and one whose date is over is minded, for it is trusted still", () => {
  const pem = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`;
  expect(certificatesIn(`${pem("AA")}\n${pem("BB")}\n`)).toEqual([pem("AA"), pem("BB")]);
  expect(certificatesIn("MIIB\nXY\n\n MIIC \n")).toEqual(["MIIB\nXY", "MIIC"]);
  const at = (iso: string) => certificateStanding({ not_after: "2026-06-01T00:00:00Z" }, new Date(iso).getTime());
  expect([at("2026-01-01T00:00:00Z"), at("2026-05-20T00:00:00Z"), at("2026-06-01T00:00:00Z")]).toEqual(["good", "soon", "over"]);
  const told = { issuer: saml.issuer, authorization_endpoint: "https://idp.example/sso", token_endpoint: null, keys: 1, logout: false };
  const tones = (iso: string) => samlProbeSteps(told, saml.saml?.certificates ?? [], new Date(iso).getTime()).map(({ tone }) => tone);
  expect([tones("2026-01-01T00:00:00Z"), tones("2027-01-01T00:00:00Z")]).toEqual([["ok", "ok", "warn"], ["ok", "warn", "warn"]]);
  expect(samlProbeSteps(told, [], 0).map(({ tone }) => tone)).toEqual(["ok", "bad", "warn"]);
});

const directory: Provider = {
  ...provider, kind: "ldap", issuer: "ldap:prov_1", client_id: "", has_secret: true, scopes: [], groups_claim: "memberOf",
  ldap: {
    servers: ["ldaps://dc1.corp.example", "ldaps://dc2.corp.example"], ca: null, bind_dn: "cn=revkeep,dc=corp", bind_template: null, base_dn: "dc=corp", person_filter: "(uid={user})",
    subject_attribute: "entryUUID", email_attribute: null, name_attribute: null, group_base_dn: null, group_filter: null,
  },
};

test("a directory is sent as it was read, its password only when it is typed, and one way of binding", () => {
  expect(ldapChanged(ldapFormOf(directory), directory)).toBe(false);
  expect(ldapInput(ldapFormOf(directory), directory)).toEqual(inputOf(directory));
  const typed = { ...ldapFormOf(directory), bind_password: "s3cret" };
  expect(ldapInput(typed, directory).ldap).toMatchObject({ bind_dn: "cn=revkeep,dc=corp", bind_password: "s3cret", bind_template: null });
  const people = ldapInput({ ...typed, way: "person", bind_template: "{user}@corp.example" }, directory);
  expect(people.ldap).toMatchObject({ bind_dn: null, bind_template: "{user}@corp.example" });
  expect(people.ldap).not.toHaveProperty("bind_password");
  expect(ldapInput({ ...typed, group_base_dn: " ou=groups " }, directory).ldap).toMatchObject({ group_base_dn: "ou=groups", group_filter: "(&(objectClass=groupOfNames)(member={dn}))" });
});

test("a preset changes what depends on the product and keeps what was typed; a new directory needs its account's password", () => {
  const form = { ...NEW_LDAP, name: "Acme", servers: "ldaps://dc1\nldaps://dc2", bind_dn: "cn=x", base_dn: "dc=x" };
  expect(presetOf(form)).toBe("active_directory");
  const other = withPreset(form, "openldap");
  expect(other).toMatchObject({ name: "Acme", base_dn: "dc=x", subject_attribute: "entryUUID", person_filter: "(&(objectClass=inetOrgPerson)(uid={user}))" });
  expect(presetOf(other)).toBe("openldap");
  expect([ldapMissing(form, undefined), ldapMissing({ ...form, bind_password: "s" }, undefined), ldapMissing({ ...form, way: "person" }, undefined), ldapMissing(ldapFormOf(directory), directory)]).toEqual([true, false, false, false]);
  expect(ldapInput(form, undefined)).toMatchObject({ enabled: false, ldap: { servers: ["ldaps://dc1", "ldaps://dc2"] } });
});

test("a directory's test tells the step that failed, and what was not tried", () => {
  const passed = (...steps: string[]) => steps.map((step) => ({ step, code: null, message: null }));
  const tones = (...args: Parameters<typeof directorySteps>) => directorySteps(...args).map(({ tone }) => tone).join(" ");
  const person = { subject: "1", email: null, name: null, groups: ["cn=ops"] };
  expect(tones({ steps: passed("connect", "tls", "bind", "search", "groups"), person }, true)).toBe("ok ok ok ok ok");
  expect(directorySteps({ steps: passed("connect", "tls", "bind", "search", "groups"), person }, true).at(-1)?.detail).toContain("cn=ops");
  const failed = { steps: [...passed("connect"), { step: "tls", code: "ldap_not_trusted", message: "the server's words" }], person: null };
  expect([tones(failed, true), directorySteps(failed, true)[1]?.detail]).toEqual(["ok bad idle idle idle", "the server's words"]);
  expect(directorySteps({ steps: passed("connect", "tls", "bind"), person: null }, true)[3]?.detail).toContain("Type a name");
  expect(directorySteps({ steps: passed("connect", "tls"), person: null }, false)[2]?.detail).toContain("only a sign-in tries it");
});

test("what was fetched stands in the fields, and is sent as fields", () => {
  const found = { issuer: "https://idp.example/entity", sign_in_url: "https://idp.example/sso", sign_out_url: null, certificates: [{ certificate: "MIIB", subject: "CN=idp", not_after: "2026-06-01T00:00:00Z", fingerprint: "ab12" }, { certificate: "MIIC", subject: "CN=idp", not_after: "2026-06-01T00:00:00Z", fingerprint: "cd34" }] };
  const form = { ...samlFormOf(undefined), name: "P", ...filledFrom(found) };
  expect(samlMissing(form)).toBe(false);
  expect(samlInput(form, undefined).saml).toEqual({ issuer: found.issuer, sign_in_url: found.sign_in_url, sign_out_url: null, certificates: ["MIIB", "MIIC"], email_attribute: null, name_attribute: null });
});
