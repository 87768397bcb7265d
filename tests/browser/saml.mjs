// A SAML provider through samlp, as published: set up by its metadata, a sign-in by its link, and an answer that is refused.
// Part of the day in e2e.test.mjs.
import { after } from "node:test";
import { GROUPS, startIdp } from "../peers/saml/idp.mjs";

const PROVIDER = "Partner SAML";
const PERSON = { login: "bob", name: "Bob Example" };

/** Declares the steps. `open` gives the administrator's browser, which exists when they run. */
export function samlSteps(step, open) {
  let idp;
  let link;
  let other;
  after(() => idp?.stop());
  const ui = () => open();
  const page = () => open().page;

  step("a SAML provider is set up by its metadata, looked at and enabled", async () => {
    idp = await startIdp();
    idp.login = PERSON.login;
    await ui().walkTo("Single sign-on");
    await ui().button("Add a provider").click();
    await page().getByRole("menuitem", { name: /^SAML 2\.0/ }).click();
    const making = ui().dialog("New SAML 2.0 provider");
    await making.getByLabel("Name", { exact: true }).fill(PROVIDER);
    await making.getByLabel("Metadata of the provider").fill("<not-metadata/>");
    await making.getByLabel("Attribute of the groups").fill(GROUPS);
    await ui().button("Save, and go on to the test", making).click();
    await making.getByLabel("Metadata of the provider").and(page().locator("[aria-invalid=true]")).waitFor();
    await ui().inspect("saml-metadata-refused");
    await making.getByLabel("Metadata of the provider").fill(await idp.metadata());
    await ui().button("Save, and go on to the test", making).click();
    const drawer = ui().dialog(PROVIDER);
    await ui().button("Test", drawer).click();
    await drawer.getByText("Its signature can be checked: passed").waitFor();
    await drawer.getByRole("list", { name: "Certificates of the provider" }).getByText("idp.example").waitFor();
    await ui().inspect("saml-provider");
    idp.acs = await drawer.getByText(/\/acs$/).innerText();
    link = await drawer.getByText(/\/sign-in\?provider=/).innerText();
    await ui().button("Enable", drawer).click();
    await ui().button("Enable", ui().dialog(`Enable ${PROVIDER}`)).click();
    await drawer.getByText("Nobody signs in through it yet").waitFor({ state: "detached" });
    await ui().button("Close the provider").click();
  }, [400, 422]);

  step("a person signs in by the provider's link, and the ticket leaves the address", async () => {
    other = await ui().another();
    await other.page.goto(link);
    await other.button("Continue with your organisation").click();
    await other.heading("Overview");
    await other.page.getByRole("button", { name: `Profile of ${PERSON.name}` }).waitFor();
    await other.goto("/account");
    await other.page.getByText(`through ${PROVIDER}, your organisation's own sign-in`).waitFor();
    await other.signOut(PERSON.name);
  });

  step("a response of another issuer signs nobody in, and its code is told", async () => {
    idp.bend = { issuer: "https://evil.example/entity" };
    await other.page.goto(link);
    await other.button("Continue with your organisation").click();
    await other.page.getByText("What came back could not be trusted").waitFor();
    await other.page.getByText("saml_issuer", { exact: true }).waitFor();
    await other.inspect("saml-refused");
    await other.goto("/sign-in");
    await other.goto("/sso/saml#made-up-ticket");
    await other.page.getByText("This sign-in cannot be finished here").waitFor();
    await other.leave([401]);
  });
}
