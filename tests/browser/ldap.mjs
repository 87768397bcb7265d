// A directory (OpenLDAP's slapd): set up from a preset, tested until it passes, and a person who signs in with its name and
// password. Part of the day in e2e.test.mjs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const PROVIDER = "Acme network";
const ACCOUNT = { dn: "cn=revkeep,dc=corp,dc=example", password: "Canary-service-account-1" };
const PERSON = { user: "ada", password: "Canary-directory-7-battery", name: "Ada of the directory" };

/** Declares the steps. `open` gives the administrator's browser, which exists when they run. */
export function ldapSteps(step, open) {
  let link;
  const ui = () => open();
  const page = () => open().page;

  step("a directory is set up from a preset; its test names the step that fails, and passes when that is mended", async () => {
    await ui().walkTo("Single sign-on");
    await ui().button("Add a provider").click();
    await page().getByRole("menuitem", { name: /^Directory/ }).click();
    const making = ui().dialog("New directory");
    await ui().inspect("ldap-new");
    await making.getByText("OpenLDAP and others", { exact: true }).click();
    assert.equal(await making.getByLabel("Filter of people").inputValue(), "(&(objectClass=inetOrgPerson)(uid={user}))");
    await making.getByLabel("Name", { exact: true }).fill(PROVIDER);
    await making.getByLabel("Servers").fill(`http://localhost:${process.env.LDAP_PORT}`);
    await making.getByLabel("Authorities").fill(readFileSync(process.env.LDAP_CA_FILE, "utf8"));
    await making.getByLabel("Service account", { exact: true }).fill(ACCOUNT.dn);
    await making.getByLabel("Password of the service account", { exact: true }).fill("not it");
    await making.getByLabel("Base", { exact: true }).fill("ou=people,dc=corp,dc=example");
    await ui().button("Save, and go on to the test", making).click();
    await making.getByLabel("Servers").and(page().locator("[aria-invalid=true]")).waitFor();
    await making.getByLabel("Servers").fill(`ldaps://localhost:${process.env.LDAP_PORT}`);
    await ui().button("Save, and go on to the test", making).click();
    const drawer = ui().dialog(PROVIDER);
    await ui().button("Test", drawer).click();
    await drawer.getByText("The service account gets in: failed").waitFor();
    await ui().inspect("ldap-test-failed");
    await drawer.getByLabel("Password of the service account", { exact: true }).fill(ACCOUNT.password);
    await ui().button("Save", drawer).click();
    await drawer.getByLabel("Look somebody up").fill(PERSON.user);
    await ui().button("Test again", drawer).click();
    await drawer.getByText("Somebody is found by their name: passed").waitFor();
    await drawer.getByText(/Known by [0-9a-f-]{36}/).waitFor();
    await ui().inspect("ldap-test-passed");
    link = await drawer.getByText(/\/sign-in\?provider=/).innerText();
    await ui().button("Enable", drawer).click();
    await ui().button("Enable", ui().dialog(`Enable ${PROVIDER}`)).click();
    await drawer.getByText("Nobody signs in through it yet").waitFor({ state: "detached" });
    await ui().button("Close the provider").click();
  }, [400, 422]);

  step("a person signs in with the directory's name and password, and a wrong one is refused in words", async () => {
    const other = await ui().another();
    await other.page.goto(link);
    await other.button("Continue with your organisation").click();
    await other.page.getByText(`Your account in ${PROVIDER}.`).waitFor();
    await other.page.getByLabel("User name").fill(PERSON.user);
    await other.page.getByLabel("Password", { exact: true }).fill("not it");
    await other.button("Sign in").click();
    await other.page.getByText("did not accept this name and password").waitFor();
    await other.inspect("ldap-sign-in-refused");
    await other.page.getByLabel("Password", { exact: true }).fill(PERSON.password);
    await other.button("Sign in").click();
    await other.heading("Overview");
    await other.page.getByRole("button", { name: `Profile of ${PERSON.name}` }).waitFor();
    await other.goto("/account");
    await other.page.getByText(`through ${PROVIDER}, your organisation's own sign-in`).waitFor();
    await other.signOut(PERSON.name);
    await other.leave([401]);
  });
}
