// What an operator and an owner do for trust: controls verified, the log streamed away, data taken home, an end refused.
// Part of the day in e2e.test.mjs.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

/** Declares the steps. `open` gives the administrator's browser, which exists when they run. */
export function trustSteps(step, open, admin) {
  const ui = () => open();
  const page = () => open().page;
  const saved = async (act) => {
    const waiting = page().waitForEvent("download");
    await act();
    return (await waiting).path();
  };

  /** With a factor that stays fresh for the steps that follow. */
  async function signInAgain() {
    await ui().signOut(admin.name);
    await ui().knock(admin);
    await ui().heading("Confirm that it is you");
    await page().getByLabel("Code").fill(await admin.phone.code());
    await ui().heading("Overview");
  }

  step("controls are verified by hand, narrowed to a status, and their matrix is taken away", async () => {
    await signInAgain();
    await ui().walkTo("Controls");
    await ui().button("Run now").click();
    await page().getByText(/^Verified .* by Revkeep/).waitFor();
    await ui().inspect("controls");
    await page().getByRole("link", { name: /^Enforced/ }).click();
    await page().waitForURL((url) => url.searchParams.get("status") === "enforced");
    await page().getByRole("table", { name: /^Controls: / }).first().getByText("Enforced").first().waitFor();
    assert.equal(await page().getByRole("table").getByText("Build evidence", { exact: true }).count(), 0, "another status is still shown");
    await page().getByLabel("Search id, promise or evidence").fill("nothing like this");
    await page().getByText("No control matches").waitFor();
    await ui().inspect("controls-no-match");
    await ui().button("Clear filters").click();
    await ui().button("Download").click();
    const file = await saved(() => page().getByRole("menuitem", { name: "Control matrix (CSV)" }).click());
    assert.match(await readFile(file, "utf8"), /LR-02/);
  });

  step("the appliance tells its operator how it does, what needs a hand, and what a command is for", async () => {
    await ui().walkTo("System");
    await page().getByText(/^(All is well|\d+ of \d+ things need a hand)\./).waitFor();
    await page().getByRole("table", { name: "Daemons" }).getByText("Alive").waitFor();
    await page().getByRole("table", { name: "Database servers" }).getByText("Primary").waitFor();
    for (const figure of ["Requests a minute", "Time to answer", "Jobs that are due", "Database", "Free disk", "Memory of the daemon"]) {
      await page().getByRole("region", { name: figure, exact: true }).locator("path.recharts-line-curve").first().waitFor();
    }
    await ui().inspect("system");
    await ui().wholePage("system-whole");
    await page().getByRole("radiogroup", { name: "How far back" }).getByText("Week", { exact: true }).click();
    await page().waitForURL((url) => url.searchParams.get("span") === "week");
    await page().getByRole("radiogroup", { name: "Over time as" }).getByText("Table", { exact: true }).click();
    await page().getByRole("table", { name: "Figures over time" }).getByRole("row").nth(1).waitFor();
    await page().getByText("Everything that was looked at").click();
    await page().getByRole("table", { name: "Everything that was looked at" }).getByText("disk", { exact: true }).first().waitFor();
    await ui().inspect("system-table");
  });

  step("the documentation opens beside the console, without a session, and finds a word", async () => {
    await ui().button("Help").click();
    const link = page().getByRole("menuitem", { name: "Documentation" });
    assert.equal(await link.getAttribute("href"), "/help/");
    await page().keyboard.press("Escape");
    const stranger = await ui().another();
    await stranger.goto("/help/");
    await stranger.heading("Documentation");
    await stranger.inspect("help");
    await stranger.page.getByRole("searchbox").fill("vault sealed");
    await stranger.page.getByRole("searchbox").press("Enter");
    await stranger.page.getByRole("link", { name: "Vault is sealed, or does not answer" }).first().click();
    await stranger.page.waitForURL((url) => url.pathname === "/help/admin-guide.html" && url.hash === "#vault-is-sealed-or-does-not-answer");
    await stranger.inspect("help-chapter");
    await stranger.goto("/help/search?q=%3Cscript%3E");
    await stranger.page.getByText("Nothing has all of these words").waitFor();
    await stranger.inspect("help-none");
    await stranger.leave();
  });

  step("a stream of the log is tested, paused and removed; an address that is not declared is refused beside its field", async () => {
    await ui().walkTo("Log streams");
    await page().getByText("The log goes nowhere else").waitFor();
    await ui().inspect("log-streams-none");
    await page().getByRole("link", { name: "Add a target" }).click();
    const making = ui().dialog("New target");
    await making.getByLabel("Name").fill("Archive");
    await making.getByLabel("Host and port").fill("siem.corp.example:6514");
    await ui().button("Save and begin", making).click();
    await making.locator("[aria-invalid=true]").waitFor();
    await ui().inspect("log-stream-refused");
    await ui().button("Close the target").click();
    await ui().walkTo("Appliance log streams");
    await page().getByRole("link", { name: "Add a target" }).click();
    await ui().choose(making, "Transport", "File on this machine");
    await making.getByLabel("Name", { exact: true }).fill("Archive");
    await making.getByLabel("Name of the file").fill("audit.jsonl");
    await ui().choose(making, "Format", "JSON");
    await ui().button("Save and begin", making).click();
    const drawer = ui().dialog("Archive");
    await ui().button("Test", drawer).click();
    // Whether this machine lets a file be written there is its own affair; either answer is told.
    await drawer.getByText(/^(The target has it|It did not arrive)$/).waitFor();
    await ui().inspect("log-stream");
    await ui().button("Pause", drawer).click();
    await drawer.getByText("Paused", { exact: true }).waitFor();
    await ui().button("Remove", drawer).click();
    const asking = ui().dialog("Remove Archive");
    await asking.getByLabel("Type Archive to confirm").fill("Archive");
    await ui().button("Remove", asking).click();
    await page().getByText("The log goes nowhere else").waitFor();
  }, [400]);

  step("the owner takes everything home once; the end of the organisation is refused where an operator would lose their way in", async () => {
    await ui().goto("/settings/data");
    await page().getByText("Nothing was exported yet").waitFor();
    await ui().button("Export everything").click();
    await ui().button("Export", ui().dialog("Export everything")).click();
    const entry = page().getByRole("list", { name: "Exports" }).getByRole("listitem");
    await entry.getByText("Ready", { exact: true }).waitFor();
    await ui().inspect("data-export-ready");
    const archive = await saved(() => ui().button("Download", entry).click());
    assert.deepEqual([...(await readFile(archive)).subarray(0, 2)], [0x1f, 0x8b], "it is no gzip");
    await entry.getByText("Downloaded", { exact: true }).waitFor();
    await page().getByRole("button", { name: /^Delete / }).click();
    const asking = page().getByRole("dialog", { name: /^Delete / });
    await ui().inspect("data-delete");
    const typed = /Type (.+) to confirm/.exec(await asking.innerText());
    await asking.getByLabel(/to confirm$/).fill(typed?.[1] ?? "");
    await ui().button("Delete it", asking).click();
    await asking.getByText("An operator of the appliance belongs to this organisation alone", { exact: false }).waitFor();
    await ui().inspect("data-delete-refused");
    await ui().button("Cancel", asking).click();
  }, [409]);

  step("a provider of the appliance is set up; an operator's own account is linked to nothing yet", async () => {
    for (const kind of ["saml", "ldap", "oidc"]) {
      await ui().goto(`/appliance/single-sign-on/new-${kind}`);
      await page().getByRole("dialog").waitFor();
      await ui().inspect(`appliance-sign-in-new-${kind}`);
    }
    const making = ui().dialog("New OpenID Connect provider");
    await making.getByLabel("Name").fill("Group login");
    await making.getByLabel("Issuer").fill(`https://localhost:${process.env.IDP_PORT}`);
    await making.getByLabel("Client id").fill("revkeep");
    await ui().button("Save, and go on to the test", making).click();
    const drawer = ui().dialog("Group login");
    await drawer.getByText("Nobody signs in through it yet").waitFor();
    await ui().button("Close the provider").click();
    await page().getByRole("list", { name: "Your account at the providers" }).getByText("Not linked").waitFor();
    assert.equal(await ui().button("Link your account at Group login").isDisabled(), true, "a provider that is not enabled proves nobody");
    await ui().inspect("appliance-sign-in");
    await page().getByRole("link", { name: "Open Group login" }).click();
    await ui().button("Remove", drawer).click();
    const asking = ui().dialog("Remove Group login");
    await asking.getByLabel("Type Group login to confirm").fill("Group login");
    await ui().button("Remove", asking).click();
    await page().getByText("Three steps to single sign-on").waitFor();
  });

  step("a certificate of erasure is looked at without a session, and a link that is not whole says so", async () => {
    const stranger = await ui().another();
    await stranger.goto("/erasure");
    await stranger.page.getByText("The link is not whole").waitFor();
    await stranger.goto("/no-page-of-strangers");
    await stranger.heading("Sign in");
    await stranger.goto("/erasure#ten_0000000000000000000000");
    await stranger.page.getByText("There is no certificate under this link").waitFor();
    await stranger.inspect("certificate-none");
    await stranger.leave([400, 404, 422]);
  });

  step("a calendar of holidays refuses a day twice, is deleted, and comes back", async () => {
    await ui().goto("/routing/holidays/new");
    const drawer = ui().dialog("New calendar");
    await drawer.getByLabel("Name", { exact: true }).fill("Berlin");
    for (const at of [1, 2]) {
      await ui().button("Add a day", drawer).click();
      await drawer.getByLabel(`Day ${at}`, { exact: true }).fill("2027-01-01");
      await drawer.getByLabel(`Name of day ${at}`).fill("New Year's Day");
    }
    await drawer.getByText("There is this day already.").waitFor();
    assert.equal(await ui().button("Add calendar", drawer).isDisabled(), true);
    await ui().inspect("holiday-twice");
    await drawer.getByLabel("Day 2", { exact: true }).fill("2027-10-03");
    await drawer.getByLabel("Name of day 2").fill("Day of German Unity");
    await ui().button("Add calendar", drawer).click();
    await page().getByRole("link", { name: "Berlin" }).click();
    await ui().button("Delete", ui().dialog("Berlin")).click();
    await page().getByText("No calendars yet").waitFor();
    await ui().button("Undo").click();
    await page().getByRole("row").filter({ hasText: "Berlin" }).filter({ hasText: "2 days" }).waitFor();
    await ui().inspect("holidays");
  });
}
