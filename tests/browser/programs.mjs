// Programs of others: an administrator names one, a person lets each of the official clients in by it, reads what they may, and ends
// them. Part of the day in e2e.test.mjs.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";
import { earlier, modern, python } from "../peers/mcp/programs.mjs";

const NAME = "Desk assistant";

/** Declares the steps. `open` gives the administrator's browser, which exists when they run. */
export function programSteps(step, open, admin) {
  const ui = () => open();
  const page = () => open().page;
  const admitted = {};
  let clientId;
  after(() => Promise.allSettled(Object.values(admitted).map((program) => program.close())));

  /** With a factor that stays fresh for the steps that follow. */
  async function signInAgain() {
    await ui().signOut(admin.name);
    await ui().knock(admin);
    await ui().heading("Confirm that it is you");
    await page().getByLabel("Code").fill(await admin.phone.code());
    await ui().heading("Overview");
  }

  /** Starts a client that asks, approves it in the browser, and hands it the address to which the browser was sent. */
  async function letIn(start, { look } = {}) {
    const listener = createServer((request, answer) => {
      answer.setHeader("content-type", "text/html").end("<!doctype html><html lang=en><title>Done</title><h1>You may close this page</h1>");
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const redirect = `http://127.0.0.1:${listener.address().port}/callback`;
    const approve = async (address) => {
      await page().goto(address.href, { waitUntil: "domcontentloaded" });
      await page().getByText(`Let “${NAME}” in?`).waitFor();
      await look?.();
      await ui().button("Approve").click();
      await page().getByText("You may close this page").waitFor();
      return new URL(page().url());
    };
    try {
      return await start({ url: ui().url("/mcp"), clientId, redirect, letIn: approve });
    } finally {
      listener.close();
    }
  }

  step("an administrator names a program that may ask, and says for what", async () => {
    await signInAgain();
    await ui().walkTo("Programs");
    await ui().button("New program").first().click();
    const making = ui().dialog("New program");
    await making.getByLabel("Name").fill(NAME);
    await making.getByLabel("Answers go to").fill("http://127.0.0.1/callback");
    for (const scope of ["failures:read", "reps:read", "routing:explain", "time_off:propose"]) await making.getByRole("checkbox", { name: new RegExp(scope) }).or(making.locator(`input[value="${scope}"]`)).first().check();
    await ui().inspect("program-new");
    await ui().button("Let it ask", making).click();
    await making.waitFor({ state: "detached" });
    const row = page().getByRole("table", { name: "Programs" }).getByRole("row").filter({ hasText: NAME });
    clientId = await row.getByRole("button", { name: /^Copy client id/ }).getAttribute("title");
    assert.match(clientId, /^client_/);
  });

  const programs = { modern: [modern, "2026-07-28"], earlier: [earlier, "2025-11-25"], python: [python, "2026-07-28"] };
  for (const [name, [start, protocol]] of Object.entries(programs)) {
    step(`the official client “${name}” finds the way in, is let in by a person, lists the tools of its scopes and calls one`, async () => {
      const program = await letIn(start, { look: name === "modern" ? () => ui().inspect("consent") : undefined });
      admitted[name] = program;
      assert.equal(program.protocol, protocol);
      assert.deepEqual(program.tools, ["failure_find", "record_explain", "rep_load", "time_off_propose"]);
      assert.ok(program.answer.reps.length > 0, JSON.stringify(program.answer));
    });
  }

  step("what a program proposes waits for a person, who approves one and declines another", async () => {
    const [first, second] = admitted.modern.answer.reps;
    const away = (rep, day) => ({ rep_id: rep.id, first_day: day, last_day: day, reason: "Told me in the chat that nobody will be there" });
    for (const [rep, day] of [[first, "2030-01-02"], [second ?? first, "2030-01-03"]]) {
      assert.equal((await admitted.modern.propose("time_off_propose", away(rep, day))).state, "waiting");
    }
    await ui().goto("/machines/proposals");
    const waiting = page().getByRole("table", { name: "Proposals to decide" });
    await waiting.getByText(/is away on 2030-01-02/).waitFor();
    await ui().inspect("proposals");
    await waiting.getByRole("button", { name: /^Approve: .* 2030-01-02/ }).click();
    await ui().inspect("proposal-approve");
    await ui().button("Approve", ui().dialog("Approve it?")).click();
    await waiting.getByText(/is away on 2030-01-02/).waitFor({ state: "detached" });
    await waiting.getByRole("button", { name: /^Decline: / }).click();
    await ui().button("Decline", ui().dialog("Decline it?")).click();
    await page().getByText("Nothing to decide").waitFor();
    const decided = page().getByRole("table", { name: "Decided proposals" });
    assert.equal(await decided.getByRole("row").filter({ hasText: "Approved" }).count(), 1);
    assert.equal(await decided.getByRole("row").filter({ hasText: "Declined" }).count(), 1);
    await ui().inspect("proposals-decided");
  });

  step("each renews its tokens, and every refresh token is good once", async () => {
    for (const [name, program] of Object.entries(admitted)) assert.equal(await program.renew(), true, name);
  });

  step("a person takes back what one program may, and the others go on", async () => {
    await ui().goto("/account/programs");
    const table = page().getByRole("table", { name: "Programs that you let in" });
    assert.equal(await table.getByRole("row").filter({ hasText: "Active" }).count(), 3);
    await ui().inspect("account-programs-many");
    // The newest stands first.
    await table.getByRole("button", { name: `End ${NAME}` }).first().click();
    await ui().button("End it", ui().dialog(`End “${NAME}”`)).click();
    await table.getByRole("row").filter({ hasText: "Revoked" }).waitFor();
    assert.equal(await admitted.python.shutOut(), "asks again");
    assert.equal(await admitted.modern.renew(), true);
  });

  step("an administrator revokes the program, and nobody it was let in by is served", async () => {
    await ui().goto("/machines/programs");
    await ui().inspect("programs-many");
    await page().getByRole("button", { name: `Revoke ${NAME}` }).click();
    const asking = ui().dialog(`Revoke “${NAME}”`);
    await asking.getByRole("textbox").fill(NAME);
    await ui().button("Revoke", asking).click();
    await asking.waitFor({ state: "detached" });
    assert.deepEqual([await admitted.modern.shutOut(), await admitted.earlier.shutOut()], ["invalid_grant", "invalid_grant"]);
  });
}
