// Single sign-on through oidc-provider, as published: an administrator sets it up, an operator verifies a mail domain, a person
// of it signs in. Part of the day in e2e.test.mjs.
import assert from "node:assert/strict";
import { after } from "node:test";
import { CLIENT, startIdp } from "../peers/oidc/idp.mjs";

const PERSON = { login: "dora", email: "dora@partner.example", name: "Dora Keller" };
const PROVIDER = "Partner account";

/** Declares the steps. `open` gives the administrator's browser, which exists when they run. */
export function ssoSteps(step, open, admin) {
  let idp;
  let other;
  const ui = () => open();
  const page = () => open().page;
  after(() => idp?.stop());
  const region = (name) => page().getByRole("region", { name });

  async function aStranger() {
    const stranger = await ui().another();
    // The provider's own login page asks for a font of the internet, which no test needs.
    await stranger.context.route("https://fonts.googleapis.com/**", (route) => route.fulfill({ contentType: "text/css", body: "" }));
    return stranger;
  }

  /** With a factor that stays fresh for the steps that follow. */
  async function signInAgain() {
    await ui().signOut(admin.name);
    await ui().knock(admin);
    await ui().heading("Confirm that it is you");
    await page().getByLabel("Code").fill(await admin.phone.code());
    await ui().heading("Overview");
  }

  async function address(stranger, email) {
    await stranger.page.getByLabel("Email").fill(email);
    await stranger.button("Continue").click();
  }

  async function signInAtProvider({ page: there }) {
    await there.waitForURL((url) => url.origin === idp.issuer);
    await there.getByPlaceholder("Enter any login").fill(PERSON.login);
    await there.getByPlaceholder("and password").fill("anything");
    await there.getByRole("button", { name: "Sign-in" }).click();
    await there.getByRole("button", { name: "Continue" }).click();
  }

  step("a provider is added, tested step by step while it is away and while it is there, and enabled", async () => {
    await signInAgain();
    await ui().walkTo("Single sign-on");
    await page().getByText("Three steps to single sign-on").waitFor();
    await ui().inspect("sso-empty");
    await ui().button("Add a provider").click();
    await page().getByRole("menuitem", { name: /^OpenID Connect/ }).waitFor();
    await ui().inspect("sso-add");
    await page().getByRole("menuitem", { name: /^OpenID Connect/ }).click();
    const making = ui().dialog("New OpenID Connect provider");
    await making.getByText(ui().url("/sso/oidc"), { exact: true }).waitFor();
    await making.getByLabel("Name").fill(PROVIDER);
    await making.getByLabel("Issuer").fill(`https://localhost:${process.env.IDP_PORT}`);
    await making.getByLabel("Client id").fill(CLIENT.id);
    await making.getByLabel("Client secret", { exact: true }).fill(CLIENT.secret);
    await making.getByLabel("Scopes").fill("email profile groups");
    await ui().button("Add a group", making).click();
    await making.getByLabel("Group 1", { exact: true }).fill("sales-ops");
    await ui().inspect("sso-new");
    await ui().button("Save, and go on to the test", making).click();
    const drawer = ui().dialog(PROVIDER);
    await drawer.getByText("Nobody signs in through it yet").waitFor();
    assert.equal((await page().content()).includes(CLIENT.secret), false, "the secret is still in the page");
    await ui().button("Test", drawer).click();
    const result = drawer.getByRole("list", { name: "Result of the test" });
    await result.getByText("Revkeep reaches it: failed").waitFor();
    await ui().inspect("sso-test-failed");
    idp = await startIdp(new URL(process.env.REVKEEP_URL).origin);
    await ui().button("Test again", drawer).click();
    await result.getByText("Revkeep reaches it: passed").waitFor();
    assert.equal(await result.getByText(/: passed$/).count(), 5, await result.innerText());
    await ui().inspect("sso-test-passed");
    await ui().button("Enable", drawer).click();
    await ui().button("Enable", ui().dialog(`Enable ${PROVIDER}`)).click();
    await drawer.getByText("Nobody signs in through it yet").waitFor({ state: "detached" });
    await ui().button("Close the provider").click();
  }, [503]);

  step("a mail domain leads nowhere until the operator has verified it under Tenants", async () => {
    await page().getByRole("textbox", { name: "Mail domain" }).fill("partner.example");
    await ui().button("Add the domain").click();
    await region("Mail domains").getByText("Waits for the operator").waitFor();
    const stranger = await aStranger();
    await stranger.goto("/sign-in");
    await address(stranger, PERSON.email);
    await stranger.page.getByLabel("Password", { exact: true }).waitFor();
    await stranger.leave();
    await page().getByRole("link", { name: /verify the waiting domains/ }).click();
    await ui().heading("Tenants");
    await region("Mail domains to verify").getByText("partner.example").waitFor();
    await ui().inspect("tenants-domains");
    await ui().button("Verify partner.example").click();
    const asking = ui().dialog("Verify partner.example");
    await asking.getByLabel("Type partner.example to confirm").fill("partner.example");
    await ui().button("Verify", asking).click();
    await region("Mail domains to verify").waitFor({ state: "detached" });
    await ui().walkTo("Single sign-on");
    await region("Mail domains").getByText("Verified", { exact: true }).waitFor();
    await ui().inspect("sso-settings");
  });

  step("a person of the domain signs in at the provider, and comes to the page they wanted", async () => {
    other = await aStranger();
    await other.goto("/routing/log?state=failed");
    await other.heading("Sign in");
    await address(other, "somebody@nowhere.example");
    await other.page.getByLabel("Password", { exact: true }).waitFor();
    await other.button("Another address").click();
    await address(other, PERSON.email);
    await other.button(`Continue with ${PROVIDER}`).waitFor();
    assert.equal(await other.page.getByLabel("Password", { exact: true }).count(), 0);
    await other.inspect("sign-in-provider");
    await other.button(`Continue with ${PROVIDER}`).click();
    await signInAtProvider(other);
    await other.heading("Log");
    assert.equal(other.page.url(), other.url("/routing/log?state=failed"));
    await other.goto("/account");
    await other.page.getByText(`through ${PROVIDER}, your organisation's own sign-in`).waitFor();
    await ui().goto("/people");
    await page().getByRole("row").filter({ hasText: PERSON.email }).getByText("Single sign-on").waitFor();
  });

  step("who signs out is offered to sign out at the provider as well, and comes back to sign in", async () => {
    await other.signOut(PERSON.name);
    await other.inspect("sign-in-signed-out");
    await other.page.getByRole("link", { name: "Sign out there too" }).click();
    await other.page.waitForURL((url) => url.origin === idp.issuer);
    await other.page.getByRole("button", { name: "Yes, sign me out" }).click();
    await other.page.waitForURL((url) => url.href === other.url("/sign-in"));
    await other.heading("Sign in");
  });

  step("single sign-on alone: no password is offered, and the owner's way in stays", async () => {
    await ui().walkTo("Single sign-on");
    await page().getByRole("switch", { name: "Single sign-on alone" }).click({ force: true });
    const asking = ui().dialog("Let single sign-on alone in");
    await asking.getByText("private window", { exact: false }).waitFor();
    await asking.getByLabel(/^Type .* to confirm$/).fill("Acme Europe");
    await ui().inspect("sso-only-asking");
    await ui().button("Let it alone in", asking).click();
    await page().getByText("to break the glass when the provider is away", { exact: false }).waitFor();
    await ui().inspect("sso-only-on");
    await other.goto("/sign-in");
    await address(other, PERSON.email);
    await other.button(`Continue with ${PROVIDER}`).waitFor();
    assert.equal(await other.page.getByLabel("Password", { exact: true }).count(), 0, "a password is asked for");
    assert.equal(await other.button("Use a password").count(), 0, "a password is offered");
    await other.inspect("sign-in-only");
    await other.button("The owner's way in").click();
    await other.page.getByLabel("Password", { exact: true }).waitFor();
    await signInAgain();
    await ui().walkTo("Single sign-on");
    await page().getByRole("switch", { name: "Single sign-on alone" }).click({ force: true });
    await ui().button("Let passwords in", ui().dialog("Let passwords in again")).click();
    await page().getByText("Passwords and single sign-on both work.").waitFor();
  });

  step("an answer that nobody began here is refused, and a person turned away at the provider is told what to do", async () => {
    await other.goto("/sso/oidc");
    await other.page.getByText("There is nothing to finish here").waitFor();
    await other.goto("/sso/oidc?code=made-up&state=made-up");
    await other.page.getByText("This sign-in cannot be finished here").waitFor();
    assert.equal(other.page.url(), other.url("/sso/oidc"), "the answer stays in the address");
    await other.inspect("sso-refused");
    await other.page.getByRole("link", { name: "To the sign-in page" }).click();
    await address(other, PERSON.email);
    await other.button(`Continue with ${PROVIDER}`).click();
    await other.page.waitForURL((url) => url.origin === idp.issuer);
    await other.page.getByRole("link", { name: /Cancel/ }).click();
    await other.page.getByText("Your organisation's sign-in said no").waitFor();
    await other.leave([401]);
    // Its port is the next provider's.
    idp.stop();
    idp = undefined;
  });
}
