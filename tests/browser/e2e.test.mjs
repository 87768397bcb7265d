// A person's first day with Revkeep, in a real browser against the real daemon and the simulated Salesforce.
// The tests follow each other: each begins where the one before ended.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { auditSteps } from "./audit.mjs";
import { Authenticator } from "./authenticator.mjs";
import { Console, CUT_OFF } from "./console.mjs";
import { identitySteps } from "./identity.mjs";
import { ldapSteps } from "./ldap.mjs";
import { programSteps } from "./programs.mjs";
import { provisioningSteps } from "./provisioning.mjs";
import { samlSteps } from "./saml.mjs";
import { ssoSteps } from "./sso.mjs";
import { acceptWrites, leadsArrive, owners, refuseWrites, revokeGrant } from "./simulator.mjs";
import { trustSteps } from "./trust.mjs";

const NEEDED = ["REVKEEP_URL", "CA_FILE", "SETUP_CODE", "SIM_URL", "SIM_HOST", "SIM_ADMIN_TOKEN", "SIM_USERNAME", "SIM_PASSWORD", "SIM_CLIENT_ID", "SIM_CLIENT_SECRET", "IDP_PORT", "IDP_CERTIFICATE", "IDP_KEY", "LDAP_PORT", "LDAP_CA_FILE"];
/** Who claims the appliance; `phone` and `recovery` come with the set-up of the second factor. */
const ADMIN = { name: "Mara Lindqvist", email: "mara@acme.example", password: "A long sentence for day 1", phone: undefined, recovery: [] };
const QUERY = "SELECT Id FROM Lead WHERE Status = 'Open - Not Contacted'";

let ui;
let page;

before(async () => {
  for (const name of NEEDED) assert.ok(process.env[name], `${name} is missing; run this by npm test, which starts the stack`);
  ui = await Console.open();
  page = ui.page;
});
after(() => ui?.close());

let stopped = false;

/** One step of the day, with the refusals (status codes) that it provokes. After one that failed, the rest could only fail for that reason, and slowly. */
function step(name, act, refusals = []) {
  test(name, async () => {
    assert.equal(stopped, false, "an earlier step failed");
    stopped = true;
    try {
      await act();
      ui.assertNoComplaint(refusals);
    } catch (error) {
      throw new Error(await ui.tell("failed"), { cause: error });
    }
    stopped = false;
  });
}

async function consentAtSalesforce() {
  await page.waitForURL((url) => url.origin === process.env.SIM_URL);
  if (await page.getByLabel("Username").isVisible()) {
    await page.getByLabel("Username").fill(process.env.SIM_USERNAME);
    await page.getByLabel("Password").fill(process.env.SIM_PASSWORD);
    await page.getByRole("button", { name: "Log In" }).click();
  }
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL((url) => url.pathname === "/settings/connections");
}

const salesforcePanel = () => page.getByRole("region", { name: "Salesforce, for routing" });

step("the first administrator claims the appliance with the printed code", async () => {
  await ui.goto("/");
  await ui.heading("Set up Revkeep");
  await ui.inspect("setup");
  await page.getByLabel("Set-up code").fill(process.env.SETUP_CODE);
  await page.getByLabel("Organisation").fill("Acme Europe");
  await page.getByLabel("Your name").fill("Mara Lindqvist");
  await page.getByLabel("Email").fill(ADMIN.email);
  await page.getByLabel("Password", { exact: true }).fill(ADMIN.password);
  await ui.button("Claim this appliance").click();
  await ui.heading("Add a second factor");
});

step("an administrator sets up a second factor before anything else opens", async () => {
  await ui.goto("/routing/rules");
  await ui.heading("Add a second factor");
  await ui.inspect("first-factor");
  await page.getByRole("button", { name: /^Authenticator app/ }).click();
  await page.getByRole("img", { name: /^QR code/ }).waitFor();
  await ui.inspect("first-factor-app");
  const secret = (await page.getByText(/^(?:[A-Z2-7]{1,4} )+[A-Z2-7]{1,4}$/).innerText()).replaceAll(" ", "");
  ADMIN.phone = new Authenticator(secret);
  await page.getByLabel("Code").fill(await ADMIN.phone.code());
  await ui.heading("Save your recovery codes");
  await ui.inspect("first-factor-codes");
  ADMIN.recovery = await page.getByRole("list", { name: "Recovery codes" }).getByRole("listitem").allInnerTexts();
  assert.equal(new Set(ADMIN.recovery).size, 8, "eight different recovery codes");
  assert.equal(await ui.button("Go on").isDisabled(), true, "nobody goes on before the codes are saved");
  await page.getByLabel("I have saved them").check();
  await ui.button("Go on").click();
  await ui.heading("Rules");
  await ui.walkTo("Overview");
  await page.getByText("First steps").waitFor();
});

step("signing out and in again, with the second factor", async () => {
  await ui.signOut(ADMIN.name);
  await ui.inspect("sign-in");
  await ui.knock(ADMIN);
  await ui.heading("Confirm that it is you");
  await ui.inspect("sign-in-factor");
  await page.getByLabel("Code").fill(await ADMIN.phone.code());
  await ui.heading("Overview");
});

step("every page teaches its next step while there is nothing yet", async () => {
  for (const [section, name] of [["Overview", "overview"], ["Rules", "rules"], ["Pools and reps", "pools"], ["Log", "log"], ["Failures", "failures"], ["Data layer", "layer"], ["Connections", "connections"], ["Jobs", "jobs"]]) {
    await ui.walkTo(section);
    await ui.inspect(`empty-${name}`);
  }
});

step("Salesforce is connected through its own login and consent", async () => {
  await ui.walkTo("Connections");
  await page.getByRole("radiogroup").getByText("My Domain", { exact: true }).click();
  await page.getByRole("textbox", { name: "My Domain" }).fill(process.env.SIM_HOST);
  await page.getByRole("textbox", { name: "Consumer key" }).fill(process.env.SIM_CLIENT_ID);
  await page.getByLabel("Consumer secret", { exact: true }).fill(process.env.SIM_CLIENT_SECRET);
  await ui.button("Save set-up").click();
  await ui.button("Connect to Salesforce").click();
  await consentAtSalesforce();
  await salesforcePanel().getByText("Connected", { exact: true }).first().waitFor();
  assert.equal(new URL(page.url()).search, "", "the code must not stay in the address");
});

step("a field joins the layer with a reason", async () => {
  await ui.walkTo("Data layer");
  for (const [name, reason] of [["NumberOfEmployees", "Splits large companies from small ones"], ["Company", "Reps know a lead by its company"]]) {
    if (await page.getByRole("table", { name: "Fields in the layer" }).getByText(`${name},`).isVisible()) continue;
    await page.getByRole("button", { name: /^Add (a|the first) field$/ }).first().click();
    const dialog = ui.dialog("Add a field to the layer");
    await ui.choose(dialog, "Field", `(${name})`);
    await dialog.getByLabel("Why does routing need it?").fill(reason);
    await ui.inspect("layer-add");
    await ui.button("Add field", dialog).click();
    await page.getByRole("table", { name: "Fields in the layer" }).getByText(`${name},`).waitFor();
  }
});

step("a pool is made of reps that came from Salesforce", async () => {
  await ui.walkTo("Pools and reps");
  await page.getByRole("table", { name: "Reps" }).waitFor();
  const names = (await page.getByRole("switch", { name: /takes leads$/, disabled: false }).all()).slice(0, 3);
  assert.ok(names.length >= 2, "too few active reps");
  const reps = await Promise.all(names.map(async (one) => (await one.getAttribute("aria-label")).replace(/ takes leads$/, "")));
  await page.getByRole("link", { name: "New pool" }).click();
  const drawer = ui.dialog("New pool");
  await drawer.getByLabel("Name").fill("Everyone");
  for (const rep of reps) await ui.choose(drawer, "Add a rep", rep);
  await drawer.getByLabel(`Weight of ${reps[0]}`).fill("2");
  await ui.inspect("pool-new");
  await ui.button("Add pool", drawer).click();
  await page.getByRole("table", { name: "Members of Everyone" }).getByText(reps[0]).waitFor();
});

step("the enrollment query is judged while it is typed", async () => {
  await ui.walkTo("Rules");
  const query = page.getByRole("textbox", { name: "Query (SOQL)" });
  await query.fill("SELECT Id FROM Lead");
  await page.getByText("Where it stops").waitFor();
  await query.fill(QUERY);
  await page.getByText("Valid. This is what is sent to Salesforce:").waitFor();
  assert.match(await page.locator("pre").innerText(), /IsConverted = (FALSE|false)/);
  await ui.choose(page, "Fallback", "Everyone");
  await page.getByLabel("Look every").fill("5");
  await ui.button("Save enrollment").click();
  await page.getByRole("link", { name: "Write the first rule" }).waitFor();
});

step("a rule is written, previewed and saved; problems stand beside their field", async () => {
  await ui.walkTo("Rules");
  await page.getByRole("link", { name: "New rule" }).click();
  const drawer = ui.dialog("New rule");
  await ui.button("Add rule", drawer).click();
  await drawer.getByText("Give the rule a name", { exact: false }).waitFor();
  await drawer.getByText("Choose a field.").waitFor();
  await drawer.getByLabel("Name").fill("Large companies");
  await ui.choose(drawer, "Term 1: field", "Employees");
  await drawer.getByLabel("Term 1: operator").selectOption("gte");
  await drawer.getByLabel("Term 1: value").fill("1000");
  await ui.choose(drawer, "Then give it to", "Everyone");
  await ui.inspect("rule-new");
  await ui.button("Preview", drawer).click();
  await drawer.getByText(/match\.|holds no records yet/).first().waitFor();
  await ui.button("Add rule", drawer).click();
  await page.getByRole("listitem").filter({ hasText: "Large companies" }).waitFor();
});

step("rules are put in another order by keyboard, and a deleted one comes back", async () => {
  await page.getByRole("link", { name: "New rule" }).click();
  const drawer = ui.dialog("New rule");
  await drawer.getByLabel("Name").fill("Everybody else");
  await ui.choose(drawer, "Term 1: field", "Employees");
  await drawer.getByLabel("Term 1: operator").selectOption("is_not_empty");
  await ui.choose(drawer, "Then give it to", "The owner of the lead's territory");
  await ui.button("Add rule", drawer).click();
  // A drawer that closes gives the focus back, and would take it from the handle.
  await drawer.waitFor({ state: "hidden" });
  const second = page.getByRole("button", { name: "Move Everybody else, position 2 of 2" });
  await second.press("Space");
  await second.press("ArrowUp");
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Move Everybody else, position 1 of 2" }).waitFor();
  await page.getByRole("link", { name: "Everybody else" }).click();
  await ui.button("Delete", ui.dialog("Everybody else")).click();
  await page.getByRole("button", { name: "Move Large companies, position 1 of 1" }).waitFor();
  await ui.button("Undo").click();
  await page.getByRole("button", { name: "Move Everybody else, position 1 of 2" }).waitFor();
});

step("territories come out of a file whose wrong rows are named first, and one more by hand", async () => {
  await ui.walkTo("Rules");
  await page.getByRole("navigation", { name: "Rules" }).getByRole("link", { name: "Territories" }).click();
  await page.getByText("No territories yet").waitFor();
  await ui.inspect("territories-empty");
  await page.getByRole("button", { name: "Import" }).first().click();
  const dialog = ui.dialog("Import territories");
  const rows = ["Small companies,Everyone,1,99", "Mid-market,Nobody,100,499", "Large companies,Everyone,500,", "Giants,queue:Enterprise desk,many,", "The largest,Everyone,5000,"];
  await dialog.locator("input[type=file]").setInputFiles({ name: "map.csv", mimeType: "text/csv", buffer: Buffer.from(["territory,owner,employees_from,employees_until", ...rows].join("\n")) });
  await dialog.getByText("map.csv: 5 rows, 2 wrong").waitFor();
  await dialog.getByText("No rep, pool or queue is called “Nobody” here.").waitFor();
  await ui.inspect("territories-import");
  await ui.button("Take over 3 areas, leave out 2 rows", dialog).click();
  const table = page.getByRole("table", { name: "Territories", exact: true });
  await table.getByText("The largest").waitFor();
  await page.getByRole("table", { name: "Overlaps and gaps" }).getByText("100 to 499 employees").waitFor();
  await page.getByRole("button", { name: "New territory" }).click();
  const drawer = ui.dialog("New territory");
  await drawer.getByLabel("Name").fill("Mid-market");
  await ui.button("Add territory", drawer).click();
  await drawer.getByText("Give a condition", { exact: false }).waitFor();
  await ui.choose(drawer, "Owner", "Everyone");
  await drawer.getByLabel("Employees from").fill("100");
  await drawer.getByLabel("until", { exact: true }).last().fill("499");
  await ui.inspect("territory-new");
  await ui.button("Add territory", drawer).click();
  await drawer.waitFor({ state: "hidden" });
  await table.getByText("100 to 499 employees").waitFor();
  await ui.wholePage("territories");
});

step("activation shows its effect and asks first", async () => {
  await ui.walkTo("Rules");
  await ui.button("Activate").click();
  const dialog = ui.dialog("Activate routing");
  await dialog.getByText("The enrollment query matches").waitFor();
  await ui.inspect("activate");
  const typed = dialog.getByLabel(/^Type .* to confirm$/);
  if (await typed.isVisible()) {
    assert.equal(await ui.button("Activate", dialog).isDisabled(), true, "activation must wait for the typed count");
    const count = /Type (\d+) to confirm/.exec(await dialog.innerText());
    assert.ok(count, "the count to type is not shown");
    await typed.fill(count[1]);
  }
  await ui.button("Activate", dialog).click();
  await page.getByRole("main").getByText("Active", { exact: true }).waitFor();
});

step("new leads get owners before the eyes of the person who watches", async () => {
  await ui.walkTo("Log");
  const leads = await leadsArrive(77, 5);
  for (const lead of leads) await page.getByRole("row").filter({ hasText: lead }).filter({ hasText: "Assigned" }).waitFor();
  const row = page.getByRole("row").filter({ hasText: leads[0] });
  await row.getByRole("link").click();
  const drawer = ui.dialog("Why this owner");
  await drawer.getByText("What happened").waitFor();
  await drawer.getByText("owns it, because", { exact: false }).waitFor();
  await ui.inspect("log-drawer");
  const shown = await drawer.innerText();
  assert.ok(shown.includes((await owners()).get(leads[0])), "the log and Salesforce name different owners");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
  await page.getByRole("textbox", { name: "Record, name or id" }).fill(leads[1]);
  await page.waitForURL((url) => url.searchParams.get("q") === leads[1]);
  await page.getByRole("row").filter({ hasText: leads[0] }).waitFor({ state: "detached" });
});

step("a record that Salesforce refuses stands with its reason, and a retry routes it", async () => {
  await refuseWrites();
  const [lead] = await leadsArrive(78, 1);
  await ui.walkTo("Failures");
  const row = page.getByRole("row").filter({ hasText: lead });
  await row.waitFor();
  await ui.inspect("failures");
  await acceptWrites();
  await row.getByRole("button", { name: /^Retry / }).click();
  await row.waitFor({ state: "detached" });
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search or jump to" }).fill(lead);
  await page.getByRole("option", { name: `The story of record ${lead}` }).click();
  await page.getByRole("main").getByText("Assigned", { exact: true }).first().waitFor();
  await ui.inspect("record");
});

step("where a record would go is told without writing, in words", async () => {
  await ui.button("By the rules that decide").click();
  await page.getByText(/^It would (go to|stay with) .*, by version 1$/).waitFor();
  await page.getByText("Rule “Everybody else” matched.", { exact: true }).waitFor();
  await ui.inspect("what-if");
});

step("a changed rule is a draft until it is published, and the version before comes back", async () => {
  await ui.walkTo("Rules");
  await page.getByText("Version 1 decides: what you see below.").waitFor();
  await page.getByRole("switch", { name: "Everybody else is on" }).click({ force: true });
  await page.getByText("1 change", { exact: true }).waitFor();
  await ui.inspect("rules-draft");
  await ui.button("Review and publish").click();
  const dialog = ui.dialog("What publishing changes");
  await dialog.getByText("Everybody else").waitFor();
  await dialog.getByLabel("Note").fill("Only large companies for now.");
  await ui.inspect("rules-publish");
  await ui.button("Publish", dialog).click();
  await page.getByText("Version 2 decides: what you see below.").waitFor();
  await ui.button("Versions").click();
  const drawer = ui.dialog("Versions of the rules");
  await drawer.getByText("Only large companies for now.", { exact: false }).waitFor();
  await drawer.getByRole("button", { name: "Changes" }).first().click();
  await drawer.getByText("Switch").waitFor();
  await ui.inspect("rules-versions");
  await ui.button("Roll back to it", drawer).click();
  const back = ui.dialog("Roll back to version 1");
  await ui.button("Roll back", back).click();
  await drawer.getByText("Brought back 1").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Version 3 decides: what you see below.").waitFor();
});

step("a revoked grant is told on every page, and one click and a consent mend it", async () => {
  await revokeGrant();
  await leadsArrive(79, 1);
  await ui.walkTo("Connections");
  await salesforcePanel().getByText("Reconnect required", { exact: true }).waitFor();
  await page.getByRole("banner").getByRole("link", { name: /reconnect/i }).waitFor();
  await ui.inspect("reconnect");
  await ui.button("Reconnect").click();
  await consentAtSalesforce();
  await salesforcePanel().getByText("Connected", { exact: true }).first().waitFor();
  const [lead] = await leadsArrive(80, 1);
  await ui.walkTo("Log");
  await page.getByRole("row").filter({ hasText: lead }).filter({ hasText: "Assigned" }).waitFor();
});

step("every page is right in light and dark, wide and narrow", async () => {
  const pages = {
    overview: "/", rules: "/routing/rules", pools: "/routing/pools", log: "/routing/log", "failures-none": "/routing/failures", layer: "/machines/data-layer",
    connections: "/settings/connections", jobs: "/appliance/jobs", account: "/account", "account-password": "/account/password",
    "account-factors": "/account/factors", "account-sessions": "/account/sessions", device: "/device", people: "/people", invitations: "/people/invitations",
    organisation: "/settings/organisation", data: "/settings/data", "api-keys": "/api-keys", "programs-none": "/machines/programs", "webhooks-none": "/settings/webhooks", "account-programs-none": "/account/programs", tenants: "/appliance/tenants", "signing-keys": "/appliance/signing-keys", "holidays-none": "/routing/holidays", "holiday-calendar-new": "/routing/holidays/new",
    "appliance-sign-in-none": "/appliance/single-sign-on", "log-stream-new": "/settings/log-streams/new", "appliance-log-streams-none": "/appliance/log-streams", "not-found": "/no/such/page",
  };
  for (const [name, path] of Object.entries(pages)) {
    await ui.goto(path);
    await ui.inspect(name);
  }
});

step("a rep's hours and days off stand beside the pools", async () => {
  await ui.goto("/routing/pools");
  await page.locator('a[href^="/routing/reps/"]').first().click();
  await page.getByRole("dialog").waitFor();
  await ui.inspect("rep");
});

step("the page can be skipped to, and the palette opens and closes by keyboard", async () => {
  await ui.goto("/");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search or jump to" }).fill("data");
  await page.keyboard.press("Enter");
  await ui.heading("Data layer");
});

auditSteps(step, () => ui);
identitySteps(step, () => ui, ADMIN);
ssoSteps(step, () => ui, ADMIN);
samlSteps(step, () => ui);
ldapSteps(step, () => ui);
provisioningSteps(step, () => ui);
trustSteps(step, () => ui, ADMIN);
programSteps(step, () => ui, ADMIN);

step("signing out where Revkeep cannot be reached leaves nothing in the page, and ends the session once it can be: no page opens", async () => {
  const refresh = () => page.evaluate(async () => (await fetch("/api/console/v1/session/refresh", { method: "POST", headers: { "x-revkeep": "1", "content-type": "application/json" }, body: "{}" })).status);
  assert.equal(await refresh(), 200);
  await ui.walkTo("Overview");
  await ui.context.setOffline(true);
  await page.getByRole("button", { name: `Profile of ${ADMIN.name}` }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await ui.heading("Sign in");
  await page.getByText("Revkeep did not answer, so it could not be ended there yet").waitFor();
  await ui.context.setOffline(false);
  await ui.goto("/routing/log");
  await ui.heading("Sign in");
  assert.equal(new URL(page.url()).searchParams.get("next"), "/routing/log");
  assert.equal(await refresh(), 401);
}, [401, CUT_OFF]);
