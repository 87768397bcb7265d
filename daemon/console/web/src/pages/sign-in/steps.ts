// The steps of a sign-in: whose it is, then the password or the organisation's own sign-in, then the second factor. Pure.
import { factorProblem, hasCode, messageOf, Problem } from "../../api/problem";
import type { Discovery } from "../../api/sso";
import type { FactorChallenge } from "../../api/types";
import { refusalOfCode } from "../sso/refusal";

export type SignInStep =
  | { kind: "address"; notice: string | undefined }
  | { kind: "password"; notice: string | undefined }
  | { kind: "provider"; provider: string; /** Unknown to whoever came by a link. */ name: string | undefined; /** No password opens the organisation, but for its owner's. */ only: boolean }
  | { kind: "directory"; provider: string; name: string; only: boolean }
  | { kind: "factor"; challenge: FactorChallenge; problem: string | undefined; /** Grows with each refusal. */ tries: number };

export const FIRST_STEP: SignInStep = { kind: "address", notice: undefined };
export const PASSWORD_STEP: SignInStep = { kind: "password", notice: undefined };

const VOID = "The second factor was not confirmed: three tries failed, or ten minutes went by. Sign in again to get new tries.";

/** Where an address leads. A domain that nobody has and one without single sign-on are the same step. */
export function discovered({ provider, kind, name, only }: Discovery): SignInStep {
  if (provider === null) return PASSWORD_STEP;
  if (kind === "ldap") return { kind: "directory", provider, name: name ?? "", only };
  return { kind: "provider", provider, name: name ?? undefined, only };
}

export const challenged = (challenge: FactorChallenge): SignInStep => ({ kind: "factor", challenge, problem: undefined, tries: 0 });

/** Where a refused factor leads: another try, or the password when the challenge is void. */
export function refused(step: SignInStep, error: unknown): SignInStep {
  if (step.kind !== "factor") return step;
  if (hasCode(error, "challenge_void")) return { kind: "password", notice: VOID };
  return { ...step, problem: factorProblem(error), tries: step.tries + 1 };
}

export function directoryProblem(error: unknown): string {
  if (hasCode(error, "invalid_credentials")) return "Your organisation's directory did not accept this name and password. Check both; after several wrong tries there is a pause. A password that has run out has to be changed in the directory first.";
  const refusal = error instanceof Problem ? refusalOfCode(error.code) : undefined;
  return refusal ? `${refusal.why} ${refusal.next}` : messageOf(error);
}

export function passwordProblem(error: unknown): string {
  if (hasCode(error, "invalid_credentials")) return "The address and the password do not belong together. Check both; after several wrong tries there is a pause.";
  if (hasCode(error, "sso_required")) return "The password is right, but your organisation lets people in through its own sign-in only. Use the address or the link that your administrator gave you for it.";
  return messageOf(error);
}
