// People, factors and keys, as the first administrator and one invited member meet them. Part of the day in e2e.test.mjs.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { countMails, linkTo } from "./mailbox.mjs";

const MEMBER = { name: "Ines Prado", email: "ines@acme.example", password: "Seven green kites 7 up" };
const NEW_PASSWORD = "Another 3 quiet Harbours";
const CLIENT = "revkeep-cli";

/** Declares the steps. `open` gives the administrator's browser, which exists when they run. */
export function identitySteps(step, open, admin) {
  let other;
  const ui = () => open();
  const page = () => open().page;

  async function signIn(console_, person) {
    await console_.knock(person);
    await console_.heading("Confirm that it is you");
    await console_.page.getByLabel("Code").fill(await person.phone.code());
    await console_.heading("Overview");
  }

  step("wrong codes are counted, the third leads back to the start, and a recovery code opens once", async () => {
    await ui().signOut(admin.name);
    await ui().knock(admin);
    await page().getByLabel("Code").fill("000 000");
    await page().getByText("2 tries are left.").waitFor();
    await ui().inspect("sign-in-wrong-code");
    await page().getByLabel("Code").fill("000001");
    await page().getByText("1 try is left.").waitFor();
    await page().getByLabel("Code").fill("000002");
    await page().getByText("Sign in again to get new tries.").waitFor();
    assert.equal(await page().getByLabel("Email").inputValue(), admin.email, "the address is kept");
    const [code] = admin.recovery;
    await ui().knock(admin);
    await ui().button("Use a recovery code").click();
    await page().getByLabel("Recovery code").fill(code);
    await ui().inspect("sign-in-recovery");
    await ui().button("Confirm").click();
    await ui().heading("Overview");
    await ui().goto("/account/factors");
    await page().getByText("7 of 8 left").waitFor();
    await ui().signOut(admin.name);
    await ui().knock(admin);
    await ui().button("Use a recovery code").click();
    await page().getByLabel("Recovery code").fill(code);
    await ui().button("Confirm").click();
    await page().getByText("Not confirmed").waitFor();
    await ui().button("Another account").click();
    await signIn(ui(), admin);
  }, [401]);

  step("passkeys are made, named and sign in by themselves; where the server has none, none are offered", async () => {
    const { passkey } = await page().evaluate(async () => (await fetch("/api/console/v1/sign-in/options")).json());
    await ui().goto("/account/factors");
    if (!passkey) {
      assert.equal(await page().getByText(/passkey/i).count(), 0, "passkeys are offered that the server does not take");
      return;
    }
    await ui().plugInPasskeys();
    await ui().button("Add a passkey").click();
    const dialog = ui().dialog("Add a second factor");
    await dialog.getByRole("button", { name: /^Passkey/ }).click();
    await dialog.getByLabel("Name").fill("Key of the tests");
    await ui().inspect("passkey-add");
    await ui().button("Make a passkey", dialog).click();
    await page().getByRole("list", { name: "Passkeys" }).getByText("Key of the tests").waitFor();
    await ui().signOut(admin.name);
    await ui().button("Sign in with a passkey").click();
    await ui().heading("Overview");
  });

  step("the name is changed, and a wrong present password is told beside its field", async () => {
    await ui().goto("/account");
    await page().getByLabel("Name").fill("Mara Lindqvist-Berg");
    await ui().button("Save").click();
    await page().getByRole("button", { name: "Profile of Mara Lindqvist-Berg" }).waitFor();
    await page().getByLabel("Name").fill(admin.name);
    await ui().button("Save").click();
    await page().getByRole("button", { name: `Profile of ${admin.name}`, exact: true }).waitFor();
    await ui().goto("/account/password");
    await page().getByLabel("Present password", { exact: true }).fill("not this one");
    await page().getByLabel("New password", { exact: true }).fill("short");
    await page().getByText("Not accepted").waitFor();
    await page().getByLabel("New password", { exact: true }).fill(NEW_PASSWORD);
    await page().getByText(/^(Fair|Good|Strong)$/).waitFor();
    await ui().inspect("account-password-strength");
    await ui().button("Change password").click();
    await page().getByText("This is not your present password.").waitFor();
  }, [401]);

  step("a dangerous act asks for the factor again: called off it changes nothing, proven it is done once", async () => {
    await ui().goto("/people/invitations");
    let refusals = 2;
    // The five minutes of a fresh factor are not waited for: the first requests are answered as if they were over.
    await page().route("**/api/console/v1/invitations", (route) => {
      if (route.request().method() !== "POST" || refusals === 0) return route.fallback();
      refusals -= 1;
      return route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify({ code: "fresh_factor_required", detail: "Prove your second factor." }) });
    });
    await ui().button("Invite people").first().click();
    const dialog = ui().dialog(/^Invite people to/);
    await dialog.getByLabel("Email addresses").fill(`${MEMBER.email}, not-an-address`);
    await dialog.getByText("not-an-address: not a mail address.").waitFor();
    await dialog.getByLabel("Email addresses").fill(MEMBER.email);
    await ui().button("Invite", dialog).click();
    const stepUp = ui().dialog("Confirm that it is you");
    await stepUp.getByLabel("Code").waitFor();
    await ui().inspect("step-up");
    await ui().button("Cancel", stepUp).click();
    await stepUp.waitFor({ state: "hidden" });
    assert.equal(await dialog.getByLabel("Email addresses").inputValue(), MEMBER.email, "what was typed is kept");
    assert.equal(countMails(MEMBER.email), 0, "an act that was called off was done");
    await ui().button("Invite", dialog).click();
    await stepUp.getByLabel("Code").fill(await admin.phone.code());
    await page().getByRole("row").filter({ hasText: MEMBER.email }).filter({ hasText: "Pending" }).waitFor();
    await page().unroute("**/api/console/v1/invitations");
    await ui().inspect("invitations");
  }, [403]);

  step("the invited person joins by the link in the mail, and is reminded of a second factor on every page", async () => {
    const link = await linkTo("/invitation", MEMBER.email);
    other = await ui().another();
    await other.goto(link);
    await other.heading(/^Join /);
    await other.inspect("invitation");
    await other.page.getByLabel("Your name").fill(MEMBER.name);
    await other.page.getByLabel("Password", { exact: true }).fill(MEMBER.password);
    await other.button("Join").click();
    await other.heading("Overview");
    for (const section of ["Rules", "Log"]) {
      await other.walkTo(section);
      await other.page.getByText("Your account has no second factor.").waitFor();
    }
    await other.inspect("factor-reminder");
    assert.equal(await other.page.getByRole("link", { name: "People" }).count(), 0, "a member sees pages that are not for them");
    const stranger = await ui().another();
    await stranger.goto(link);
    await stranger.heading("This invitation does not work");
    await stranger.inspect("invitation-used");
    await stranger.leave([422]);
  });

  step("a forgotten password is set anew by the link in the mail, once", async () => {
    const known = countMails(MEMBER.email);
    await other.signOut(MEMBER.name);
    await other.page.getByRole("link", { name: "Forgot your password?" }).click();
    await other.inspect("reset");
    await other.page.getByLabel("Email").fill(MEMBER.email);
    await other.button("Send the link").click();
    await other.heading("Look into your mail");
    const link = await linkTo("/reset", MEMBER.email, known);
    await other.goto(link);
    await other.page.getByLabel("New password", { exact: true }).fill(NEW_PASSWORD);
    await other.inspect("reset-set");
    await other.button("Set the password").click();
    await other.heading("Your password is changed");
    await other.page.getByRole("link", { name: "Sign in" }).click();
    await other.knock({ email: MEMBER.email, password: NEW_PASSWORD });
    await other.heading("Overview");
    const stranger = await ui().another();
    await stranger.goto(link);
    await stranger.page.getByLabel("New password", { exact: true }).fill(`${NEW_PASSWORD} again`);
    await stranger.button("Set the password").click();
    await stranger.heading("This link does not work any more");
    await stranger.leave([422]);
  });

  step("a new role asks for a factor at the next click, and a deactivated person is out at once", async () => {
    await ui().goto("/people");
    await page().getByRole("row").filter({ hasText: MEMBER.email }).getByRole("link").click();
    const drawer = ui().dialog(MEMBER.name);
    await drawer.getByLabel("Reviewer").check();
    await ui().inspect("member");
    await ui().button("Save roles", drawer).click();
    await page().getByText("roles are changed.", { exact: false }).waitFor();
    await other.goto("/routing/log");
    await other.heading("Add a second factor");
    await ui().button("Deactivate", drawer).click();
    await ui().button("Deactivate", ui().dialog(`Deactivate ${MEMBER.name}`)).click();
    await drawer.getByText("Deactivated").waitFor();
    await other.goto("/routing/log");
    await other.heading("Sign in");
    await other.leave([401, 403]);
    await ui().button("Close the member").click();
    await ui().inspect("people-deactivated");
  });

  step("an API key is shown once, and revoked by its name", async () => {
    await ui().goto("/api-keys");
    await ui().button("New API key").first().click();
    const making = ui().dialog("New API key");
    await making.getByLabel("Name").fill("Nightly");
    await making.getByRole("group", { name: "Scopes" }).getByRole("checkbox").first().check();
    await ui().inspect("api-key-new");
    await ui().button("Make the key", making).click();
    const shown = ui().dialog("Copy the key now");
    const secret = await shown.getByLabel("API key", { exact: true }).innerText();
    assert.ok(secret.length >= 32, "the key is too short to be one");
    await shown.getByLabel("I have stored it").check();
    await ui().button("Done", shown).click();
    const row = page().getByRole("row").filter({ hasText: "Nightly" });
    await row.waitFor();
    assert.equal((await page().content()).includes(secret), false, "the key is still in the page");
    await row.getByRole("link").click();
    await ui().heading("Requests of “Nightly”");
    await page().getByText("No requests").waitFor();
    await ui().inspect("api-key-requests-none");
    await ui().goto("/api-keys");
    await ui().button("Revoke Nightly").click();
    const asking = ui().dialog("Revoke “Nightly”");
    await asking.getByLabel("Type Nightly to confirm").fill("Nightly");
    await ui().button("Revoke", asking).click();
    await row.filter({ hasText: "Revoked" }).waitFor();
  });

  step("a support visit is announced on every page until it is left", async () => {
    await ui().goto("/appliance/tenants");
    await ui().button("New organisation").first().click();
    const making = ui().dialog("New organisation");
    await making.getByLabel("Name").fill("Globex");
    await making.getByLabel("Owner's email").fill("hank@globex.example");
    await ui().button("Make it", making).click();
    await ui().button("Enter Globex").click();
    const entering = ui().dialog("Enter Globex");
    await entering.getByLabel("Reason").fill("Ticket 4711: leads go to nobody");
    await ui().inspect("tenant-enter");
    await ui().button("Enter", entering).click();
    const bar = page().getByRole("region", { name: "Support visit" });
    await bar.getByText("You are visiting Globex").waitFor();
    await ui().inspect("support-visit");
    await ui().goto("/routing/rules");
    await bar.waitFor();
    assert.equal(await page().getByRole("link", { name: "New rule" }).count(), 0, "a visit that reads offers to write");
    await ui().button("Leave", bar).click();
    await bar.waitFor({ state: "detached" });
  });

  step("the signing keys are rotated, and nobody is signed out", async () => {
    await ui().goto("/appliance/signing-keys");
    const before = await page().getByRole("row").filter({ hasText: "Current" }).innerText();
    await ui().button("Rotate").click();
    await ui().button("Rotate", ui().dialog("Rotate the signing keys")).click();
    await page().getByText("The next key signs from now on", { exact: false }).waitFor();
    assert.notEqual(await page().getByRole("row").filter({ hasText: "Current" }).innerText(), before);
    await ui().goto("/");
    await ui().heading("Overview");
  });

  step("a command line is connected by its code, stands among the sessions, and is ended there", async () => {
    const asked = await post("/oauth/device_authorization", { client_id: CLIENT });
    await ui().goto(`/device?user_code=${encodeURIComponent(asked.user_code)}`);
    await page().getByText(asked.user_code).waitFor();
    await ui().inspect("device-request");
    await ui().button("Approve").click();
    await page().getByText("Connected", { exact: true }).waitFor();
    const grant = { grant_type: "urn:ietf:params:oauth:grant-type:device_code", client_id: CLIENT, device_code: asked.device_code };
    const token = await post("/oauth/token", grant);
    assert.equal(token.expires_in, 1800);
    await ui().goto("/account/sessions");
    const entry = page().getByRole("list", { name: "Sessions" }).getByRole("listitem").filter({ hasText: "Command line" });
    await ui().inspect("account-sessions-many");
    await entry.getByRole("button").click();
    await entry.waitFor({ state: "detached" });
    const answer = await fetch(new URL("/api/console/v1/session", process.env.REVKEEP_URL), { headers: { authorization: `Bearer ${token.access_token}` } });
    assert.equal(answer.status, 401, "the ended session still answers");
  });

  step("a program on the same machine is let in by the browser, and fetches its session with its verifier", async () => {
    const verifier = randomBytes(32).toString("base64url");
    const returned = [];
    const program = createServer((request, answer) => {
      returned.push(new URL(request.url, "http://127.0.0.1"));
      answer.setHeader("content-type", "text/html").end("<!doctype html><html lang=en><title>Done</title><h1>You may close this page</h1>");
    });
    program.listen(0, "127.0.0.1");
    await once(program, "listening");
    const redirect = `http://127.0.0.1:${program.address().port}/callback`;
    const asked = {
      client_id: CLIENT, redirect_uri: redirect, response_type: "code", state: "st-1",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256",
    };
    await ui().goto(`/authorize?${new URLSearchParams({ ...asked, redirect_uri: "https://evil.example/callback" })}`);
    await page().getByText("This is no request that can be approved").waitFor();
    await ui().inspect("authorize-unfit");
    await ui().goto(`/authorize?${new URLSearchParams(asked)}`);
    await page().getByText("Revkeep command line").waitFor();
    await ui().inspect("authorize");
    await ui().button("Approve").click();
    await page().getByText("You may close this page").waitFor();
    const [back] = returned.filter(({ pathname }) => pathname === "/callback");
    assert.deepEqual([back.searchParams.get("state"), back.searchParams.get("iss")], ["st-1", new URL(process.env.REVKEEP_URL).origin]);
    const exchange = { grant_type: "authorization_code", client_id: CLIENT, redirect_uri: redirect, code: back.searchParams.get("code"), code_verifier: verifier };
    const token = await post("/oauth/token", exchange);
    assert.equal(token.expires_in, 1800);
    program.close();
    await ui().goto("/account/sessions");
    const entry = page().getByRole("list", { name: "Sessions" }).getByRole("listitem").filter({ hasText: "Command line" });
    await entry.getByRole("button").click();
    await entry.waitFor({ state: "detached" });
  }, [400]);
}

async function post(path, form) {
  const answer = await fetch(new URL(path, process.env.REVKEEP_URL), { method: "POST", body: new URLSearchParams(form) });
  const text = await answer.text();
  assert.equal(answer.ok, true, `${path}: ${answer.status}: ${text}`);
  return JSON.parse(text);
}
