// A browser at the console: it watches for console errors and policy violations, asks axe, and takes pictures.
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SHOTS = process.env.SCREENSHOT_DIR ?? join(tmpdir(), "revkeep-screenshots");
const WIDE = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };
const PATIENCE_MS = 30_000;
/** What Chromium writes when a request is refused or finds no network; the step says which of them it provokes. */
const REFUSED = /^Failed to load resource: (?:the server responded with a status of (\d{3})|net::(ERR_INTERNET_DISCONNECTED))/;
/** The provoked refusal of a browser that is cut off. */
export const CUT_OFF = "ERR_INTERNET_DISCONNECTED";

const refusalOf = (text) => {
  const [, status, cut] = REFUSED.exec(text) ?? [];
  return cut ?? Number(status);
};

export class Console {
  #complaints = [];

  static async open() {
    const self = new Console();
    mkdirSync(SHOTS, { recursive: true });
    self.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", `--ignore-certificate-errors-spki-list=${await ownCertificates()}`],
    });
    await self.#enter();
    return self;
  }

  /** Another person, at a browser of their own: nothing is shared but the machine. */
  async another() {
    const other = new Console();
    other.browser = this.browser;
    await other.#enter();
    return other;
  }

  async #enter() {
    // The stack signs its certificates itself; everything else of TLS is as it will be.
    this.context = await this.browser.newContext({ ignoreHTTPSErrors: true, viewport: WIDE, reducedMotion: "reduce", colorScheme: "light", locale: "en-GB", timezoneId: "Europe/Berlin" });
    this.context.setDefaultTimeout(PATIENCE_MS);
    await this.context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
    });
    this.page = await this.context.newPage();
    this.page.on("console", (message) => { if (message.type() === "error") this.#complaints.push(`${message.text()} (${message.location().url})`); });
    this.page.on("pageerror", (error) => this.#complaints.push(error.stack ?? error.message));
  }

  close() {
    return this.browser.close();
  }

  /** Ends the visit of another person, and their browser's complaints are told. */
  async leave(refusals) {
    this.assertNoComplaint(refusals);
    await this.context.close();
  }

  /** What the browser complained about since the last look, but for the refusals (status codes, or `CUT_OFF`) that the step provoked. */
  assertNoComplaint(refusals = []) {
    const found = this.#complaints.splice(0).filter((text) => !refusals.includes(refusalOf(text)));
    assert.deepEqual(found, [], "the browser's console has errors");
  }

  /** A security key that is plugged in and touched at once, by the browser's own protocol. */
  async plugInPasskeys() {
    const protocol = await this.context.newCDPSession(this.page);
    await protocol.send("WebAuthn.enable");
    await protocol.send("WebAuthn.addVirtualAuthenticator", {
      options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    });
  }

  /** Where the browser stands, in words and as a picture, for whoever reads a failure. */
  async tell(name) {
    const picture = join(SHOTS, `${name}.png`);
    await this.page.screenshot({ path: picture }).catch(() => undefined);
    const said = await this.page.getByRole("alert").allInnerTexts().catch(() => []);
    const toasts = await this.page.getByRole("log").allInnerTexts().catch(() => []);
    return `at ${this.page.url()}\nthe page says: ${[...said, ...toasts].join(" / ")}\nthe browser says: ${this.#complaints.splice(0).join(" / ")}\npicture: ${picture}`;
  }

  url(path) {
    return new URL(path, process.env.REVKEEP_URL).href;
  }

  async goto(path) {
    await this.page.goto(this.url(path), { waitUntil: "domcontentloaded" });
    await this.settled();
  }

  /** By the navigation, as a person would. */
  async walkTo(section) {
    await this.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: section, exact: true }).click();
    await this.settled();
  }

  /** The page is drawn: it has a heading, and nothing says that it is busy. */
  async settled() {
    await this.page.getByRole("heading", { level: 1 }).first().waitFor();
    await this.page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
    await this.page.evaluate(() => document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))));
  }

  /** From the overview, so that the next sign-in leads there again. */
  async signOut(name) {
    await this.walkTo("Overview");
    await this.page.getByRole("button", { name: `Profile of ${name}` }).click();
    await this.page.getByRole("menuitem", { name: "Sign out" }).click();
    await this.heading("Sign in");
  }

  /** Address and password; what follows is the caller's. A sign-in that begins again keeps the address. */
  async knock({ email, password }) {
    const address = this.page.getByLabel("Email");
    if (await address.isEditable()) {
      await address.fill(email);
      await this.button("Continue").click();
    }
    await this.page.getByLabel("Password", { exact: true }).fill(password);
    await this.button("Sign in").click();
  }

  heading(name) {
    return this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  button(name, within = this.page) {
    return within.getByRole("button", { name, exact: true });
  }

  dialog(name) {
    return this.page.getByRole("dialog", { name });
  }

  /** Picks from a list by its label, and searches it where it can be searched. */
  async choose(within, label, option) {
    const input = within.locator("input").and(within.getByLabel(label, { exact: true }));
    await input.click();
    if (await input.isEditable()) await input.fill(option);
    await this.page.getByRole("option", { name: option }).first().click();
  }

  /** Light and dark, wide and phone: pictures of each, and axe finds nothing serious in any. */
  async inspect(name) {
    const found = [];
    for (const colorScheme of ["light", "dark"]) {
      await this.page.emulateMedia({ colorScheme });
      for (const viewport of [WIDE, PHONE]) {
        await this.page.setViewportSize(viewport);
        await this.settled();
        await this.page.screenshot({ path: join(SHOTS, `${name}-${colorScheme}-${viewport.width}.png`) });
        found.push(...(await this.#seriousProblems()).map((problem) => `${name}, ${colorScheme}, ${viewport.width} px: ${problem}`));
        const wider = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wider > 0) found.push(`${name}, ${viewport.width} px: ${wider} px wider than the screen`);
      }
    }
    await this.page.emulateMedia({ colorScheme: "light" });
    await this.page.setViewportSize(WIDE);
    assert.deepEqual(found, []);
  }

  /** A page that is longer than the screen, as a whole. */
  async wholePage(name) {
    for (const colorScheme of ["light", "dark"]) {
      await this.page.emulateMedia({ colorScheme });
      for (const viewport of [WIDE, PHONE]) {
        await this.page.setViewportSize(viewport);
        await this.settled();
        await this.page.screenshot({ path: join(SHOTS, `${name}-${colorScheme}-${viewport.width}.png`), fullPage: true });
      }
    }
    await this.page.emulateMedia({ colorScheme: "light" });
    await this.page.setViewportSize(WIDE);
  }

  async #seriousProblems() {
    if (!(await this.page.evaluate(() => "axe" in window))) await this.page.evaluate(AXE);
    return this.page.evaluate(async () => {
      const { violations, passes } = await window.axe.run(document);
      if (passes.length === 0) return ["axe examined nothing"];
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")}`);
    });
  }
}

/**
 * The keys of the stack's certificates, as Chromium's switch wants them. A page whose certificate is merely excused
 * has no passkeys; one whose key is named beforehand counts as verified.
 */
async function ownCertificates() {
  const hosts = [process.env.REVKEEP_URL, process.env.SIM_URL].filter((url) => url?.startsWith("https:")).map((url) => new URL(url));
  const keys = await Promise.all(hosts.map(keyOf));
  return [...new Set(keys)].join(",");
}

function keyOf({ hostname, port }) {
  return new Promise((done, failed) => {
    const socket = connect({ host: hostname, port: Number(port), servername: "localhost", rejectUnauthorized: false }, () => {
      const key = new X509Certificate(socket.getPeerCertificate().raw).publicKey.export({ type: "spki", format: "der" });
      socket.end();
      done(createHash("sha256").update(key).digest("base64"));
    });
    socket.on("error", failed);
  });
}
