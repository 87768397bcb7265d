// Provisioning: a token for the organisation's provider, the people and groups that it makes, and the token's end.
// Part of the day in e2e.test.mjs.
import assert from "node:assert/strict";

const SCHEMAS = { user: ["urn:ietf:params:scim:schemas:core:2.0:User"], group: ["urn:ietf:params:scim:schemas:core:2.0:Group"] };

/** Declares the steps. `open` gives the administrator's browser, which exists when they run. */
export function provisioningSteps(step, open) {
  let base;
  let secret;
  const ui = () => open();
  const page = () => open().page;

  const ask = (path, body) => fetch(`${base}${path}`, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${secret}`, ...(body ? { "content-type": "application/scim+json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

  async function make(path, body) {
    const answer = await ask(path, body);
    const made = await answer.json();
    assert.equal(answer.status, 201, JSON.stringify(made));
    return made;
  }

  step("a provisioning token is shown once, and its provider makes people and groups", async () => {
    await ui().walkTo("Single sign-on");
    await page().getByRole("navigation", { name: "Single sign-on" }).getByRole("link", { name: "Provisioning" }).click();
    await page().getByText("No tokens").waitFor();
    await ui().inspect("provisioning-empty");
    base = await page().getByText(/\/scim\/v2$/).innerText();
    await ui().button("New token").click();
    const making = ui().dialog("New token");
    await making.getByLabel("Name").fill("Entra ID");
    await ui().button("Make the token", making).click();
    const shown = ui().dialog("Copy the token now");
    secret = await shown.getByLabel("Token", { exact: true }).innerText();
    await ui().inspect("provisioning-token");
    await shown.getByLabel("I have entered it there").check();
    await ui().button("Done", shown).click();
    await page().getByRole("list", { name: "Tokens" }).getByText("Entra ID").waitFor();
    assert.equal((await page().content()).includes(secret), false, "the token is still in the page");
    const user = await make("/Users", { schemas: SCHEMAS.user, userName: "nora@partner.example", name: { givenName: "Nora", familyName: "Vik" }, emails: [{ value: "nora@partner.example", primary: true }], active: true });
    await make("/Groups", { schemas: SCHEMAS.group, displayName: "Revenue operations", members: [{ value: user.id }] });
  });

  step("a group gives roles, and a revoked token makes nobody any more", async () => {
    await ui().goto("/settings/single-sign-on/provisioning");
    const groups = page().getByRole("list", { name: "Groups" });
    await groups.getByText("Gives no role").waitFor();
    await ui().button("Roles of Revenue operations").click();
    const editing = ui().dialog("Roles of Revenue operations");
    await editing.getByLabel("Roles", { exact: true }).focus();
    await page().keyboard.press("ArrowDown");
    await page().getByRole("option", { name: "Reviewer" }).click();
    await editing.getByText("The first group that gives a role").waitFor();
    await page().keyboard.press("Escape");
    await ui().button("Save", editing).click();
    await groups.getByText("Reviewer").waitFor();
    await ui().inspect("provisioning");
    await ui().button("Revoke Entra ID").click();
    const asking = ui().dialog("Revoke “Entra ID”");
    await asking.getByLabel("Type Entra ID to confirm").fill("Entra ID");
    await ui().button("Revoke", asking).click();
    await page().getByRole("list", { name: "Tokens" }).getByText("Revoked").waitFor();
    assert.equal((await ask("/Users")).status, 401);
  });
}
