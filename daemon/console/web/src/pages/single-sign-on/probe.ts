// What a test of an identity provider showed, as the steps that a sign-in takes. Pure.
import { Problem } from "../../api/problem";
import type { Certificate, DirectoryProbe, Probe } from "../../api/sso";
import { plural } from "../../lib/format";
import type { Tone } from "../../ui/status";
import { certificateStanding } from "./saml-input";

export interface ProbeStep { title: string; tone: Tone; detail: string }

const REACH = "Revkeep reaches it";
const SPEAKS = "It speaks OpenID Connect";
const KEYS = "It publishes its signing keys";
const CODES = "It redeems sign-ins";
const SIGNATURE = "Its signature can be checked";
const LEAVES = "It can end its own session";

const skipped = (title: string): ProbeStep => ({ title, tone: "idle", detail: "Not tried." });

const hostOf = (address: string): string => (URL.canParse(address) ? new URL(address).host : address);

export function probeSteps(probe: Probe): ProbeStep[] {
  return [
    { title: REACH, tone: "ok", detail: `${hostOf(probe.issuer)} answered, with a certificate that is trusted.` },
    { title: SPEAKS, tone: "ok", detail: `Its issuer is ${probe.issuer}; people are sent to ${hostOf(probe.authorization_endpoint)}.` },
    probe.keys > 0
      ? { title: KEYS, tone: "ok", detail: `${plural(probe.keys, "key")} to check its word with.` }
      : { title: KEYS, tone: "bad", detail: "There is none, so nothing that it says can be checked. Nobody can sign in." },
    probe.token_endpoint === null
      ? { title: CODES, tone: "bad", detail: "It names no token endpoint, so no sign-in can be finished." }
      : { title: CODES, tone: "ok", detail: `At ${hostOf(probe.token_endpoint)}. The client secret is first used when somebody signs in.` },
    probe.logout
      ? { title: LEAVES, tone: "ok", detail: "Who signs out here is offered to sign out there." }
      : { title: LEAVES, tone: "warn", detail: "It names no way to. Signing out of Revkeep leaves its own session open." },
  ];
}

/** A SAML provider is never contacted from here: what is set is looked at. */
export function samlProbeSteps(probe: Probe, certificates: Certificate[], now: number): ProbeStep[] {
  const over = certificates.filter((certificate) => certificateStanding(certificate, now) === "over").length;
  return [
    { title: "People are sent to it", tone: probe.authorization_endpoint === "" ? "bad" : "ok", detail: probe.authorization_endpoint === "" ? "No sign-in address is set." : `At ${hostOf(probe.authorization_endpoint)}. Whether it is reached is seen by the browser of whoever signs in.` },
    certificates.length === 0
      ? { title: SIGNATURE, tone: "bad", detail: "No certificate is set. Nobody can sign in." }
      : over === 0
        ? { title: SIGNATURE, tone: "ok", detail: `By ${plural(certificates.length, "certificate")}.` }
        : { title: SIGNATURE, tone: "warn", detail: `Of ${plural(certificates.length, "certificate")} ${over} ended by date, and is trusted until you take it out. Look whether the provider has a new one.` },
    probe.logout
      ? { title: LEAVES, tone: "ok", detail: "Who signs out here is offered to sign out there." }
      : { title: LEAVES, tone: "warn", detail: "No sign-out address is set. Signing out of Revkeep leaves its own session open." },
  ];
}

const DIRECTORY_STEPS: [string, string, string][] = [
  ["connect", "Revkeep reaches it", "A server answered."],
  ["tls", "The connection is encrypted", "With a certificate that is trusted, for this name."],
  ["bind", "The service account gets in", "Its password is right."],
  ["search", "Somebody is found by their name", "One entry, with an id that does not change."],
  ["groups", "Their groups are read", ""],
];

/** What a directory said, and what it was not asked: people's own passwords never are, and nobody is looked up without a name. */
export function directorySteps({ steps, person }: DirectoryProbe, account: boolean): ProbeStep[] {
  const failed = steps.some(({ code }) => code !== null);
  const untried = (step: string) => {
    if (failed) return "Not tried.";
    if (!account) return "People bind under their own name, so only a sign-in tries it.";
    return step === "bind" ? "Not tried." : "Type a name above to try it.";
  };
  return DIRECTORY_STEPS.map(([step, title, detail]) => {
    const tried = steps.find((one) => one.step === step);
    if (!tried) return { title, tone: "idle", detail: untried(step) };
    if (tried.code !== null) return { title, tone: "bad", detail: tried.message ?? tried.code };
    return { title, tone: "ok", detail: step === "groups" && person ? groupWords(person.groups) : detail };
  });
}

const groupWords = (groups: string[]): string => (groups.length === 0 ? "None that gives a role here." : `In ${plural(groups.length, "group")} that ${groups.length === 1 ? "gives" : "give"} roles: ${groups.join("; ")}.`);

/** The steps up to the one that failed; nothing where the refusal is not about the provider. */
export function failedSteps(error: unknown): ProbeStep[] | undefined {
  if (!(error instanceof Problem)) return undefined;
  const later = [KEYS, CODES, LEAVES].map(skipped);
  if (error.code.startsWith("egress_")) return [{ title: REACH, tone: "bad", detail: error.message }, skipped(SPEAKS), ...later];
  if (error.code !== "sso_provider_wrong") return undefined;
  return [{ title: REACH, tone: "ok", detail: "It answered." }, { title: SPEAKS, tone: "bad", detail: error.message }, ...later];
}
