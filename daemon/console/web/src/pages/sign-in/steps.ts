// The steps of a sign-in: the password, then the second factor, and back to the start when its tries are used up. Pure.
import { factorProblem, hasCode, messageOf } from "../../api/problem";
import type { FactorChallenge } from "../../api/types";

export type SignInStep =
  | { kind: "password"; notice: string | undefined }
  | { kind: "factor"; challenge: FactorChallenge; problem: string | undefined; /** Grows with each refusal. */ tries: number };

export const FIRST_STEP: SignInStep = { kind: "password", notice: undefined };

const VOID = "The second factor was not confirmed: three tries failed, or ten minutes went by. Sign in again to get new tries.";

export const challenged = (challenge: FactorChallenge): SignInStep => ({ kind: "factor", challenge, problem: undefined, tries: 0 });

/** Where a refused factor leads: another try, or the start when the challenge is void. */
export function refused(step: SignInStep, error: unknown): SignInStep {
  if (step.kind === "password") return step;
  if (hasCode(error, "challenge_void")) return { kind: "password", notice: VOID };
  return { ...step, problem: factorProblem(error), tries: step.tries + 1 };
}

export function passwordProblem(error: unknown): string {
  return hasCode(error, "invalid_credentials")
    ? "The address and the password do not belong together. Check both; after several wrong tries there is a pause."
    : messageOf(error);
}
