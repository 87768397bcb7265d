// The audit log as an administrator and the operator read it. Part of the day in e2e.test.mjs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../../docs/audit-verify.py", import.meta.url));

/** Declares the steps. `open` gives the administrator's browser, which exists when they run. */
export function auditSteps(step, open) {
  const ui = () => open();
  const page = () => open().page;
  const saved = async (act) => {
    const waiting = page().waitForEvent("download");
    await act();
    return (await waiting).path();
  };

  step("the audit log shows who did what, finds it by words, and says how far it is sealed", async () => {
    await ui().walkTo("Audit log");
    await page().getByText("Sealed and signed").waitFor();
    await page().getByRole("row", { name: /Audit read/ }).first().waitFor();
    await ui().inspect("audit-log");
    await page().getByLabel("Words of an action, or an id").fill("rule cre");
    await page().waitForURL(/q=rule/);
    await page().getByRole("row", { name: /Rule create/ }).first().waitFor();
    await page().getByRole("row", { name: /Audit read/ }).first().waitFor({ state: "detached" });
    await page().getByRole("link", { name: /Rule create/ }).first().click();
    await page().getByRole("table", { name: "Before and after" }).waitFor();
    await page().getByText("Position").last().waitFor();
    await ui().inspect("audit-entry");
  });

  step("a proof that is taken away holds without Revkeep", async () => {
    const key = (await page().getByRole("button", { name: /^Copy public key/ }).getAttribute("title")) ?? "";
    const proof = await saved(() => ui().button("Download the proof").click());
    const said = execFileSync("python3", [SCRIPT, proof, key], { encoding: "utf8" });
    assert.match(said, /rule_create/);
  });

  step("what the filters find is exported, and that it was is an entry", async () => {
    await page().getByRole("button", { name: "Close the entry" }).click();
    await page().getByRole("button", { name: "Export" }).click();
    const file = await saved(() => page().getByRole("menuitem", { name: /^CSV/ }).click());
    const lines = (await readFile(file, "utf8")).trimEnd().split("\r\n");
    assert.ok(lines.length > 1 && lines.slice(1).every((line) => line.includes("rule_create")), lines.join("\n"));
    await page().getByLabel("Words of an action, or an id").fill("audit export");
    await page().getByRole("row", { name: /Audit export/ }).first().waitFor();
  });

  step("filters that nothing matches say so, and the operator's page keeps content sealed", async () => {
    await page().getByLabel("Words of an action, or an id").fill("nothing like this");
    await page().getByText("No entry matches these filters").waitFor();
    await ui().inspect("audit-empty");
    await ui().button("Clear filters").click();
    await ui().walkTo("Whole audit log");
    await page().getByLabel("Words of an action, or an id").fill("rule cre");
    await page().getByRole("row", { name: /Rule create/ }).first().waitFor();
    await ui().inspect("audit-whole");
    await page().getByRole("link", { name: /Rule create/ }).first().click();
    await page().getByText("Some of it stays sealed").waitFor();
    await ui().inspect("audit-whole-entry");
    await page().getByRole("button", { name: "Close the entry" }).click();
    await ui().walkTo("Overview");
  });
}
