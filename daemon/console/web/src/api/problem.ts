// Problems of the API (RFC 9457) as one error class, told in words a person can act on.
import { plural } from "../lib/format";
import { helpForCode } from "../lib/help";
import type { FieldProblem, ProblemBody } from "./types";

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;
  readonly field: string | undefined;
  readonly errors: FieldProblem[];
  readonly current: unknown;
  readonly retryAfterSeconds: number | undefined;
  /** Tries left before a sign-in or step-up has to begin anew. */
  readonly remaining: number | undefined;

  constructor(status: number, body: ProblemBody, retryAfterSeconds?: number) {
    super(body.detail ?? body.title ?? `The server answered with status ${status}.`);
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? `http_${status}`;
    this.requestId = body.request_id;
    this.field = body.field;
    this.errors = body.errors ?? [];
    this.current = body.current;
    this.retryAfterSeconds = retryAfterSeconds;
    this.remaining = body.remaining;
  }

  /** The message that belongs beside one field of a form, if the server named it. */
  forField(field: string): string | undefined {
    const listed = this.errors.find((error) => error.field === field);
    if (listed) return listed.detail;
    return this.field === field ? this.message : undefined;
  }
}

/** The request never got an answer: no network, the daemon restarting, or a cut connection. */
export class Unreachable extends Error {
  constructor() {
    super("Revkeep did not answer. The daemon may be restarting, or this device has lost the network. Nothing that you typed is lost; try again in a moment.");
    this.name = "Unreachable";
  }
}

/** The person closed the step-up dialog: the request was not done, and there is nothing to tell them about it. */
export class Cancelled extends Error {
  constructor() {
    super("Not done: it was not confirmed with a second factor.");
    this.name = "Cancelled";
  }
}

/** What to show about a failed act; nothing when the person themself called it off. */
export function toTell(error: unknown): string | undefined {
  return error === null || error === undefined || error instanceof Cancelled ? undefined : messageOf(error);
}

export function messageOf(error: unknown): string {
  if (error instanceof Problem && error.code === "rate_limited" && error.retryAfterSeconds !== undefined) {
    return `Too many tries. Wait ${error.retryAfterSeconds} s, then try again.`;
  }
  return error instanceof Error ? error.message : "The console met a fault of its own. Reload the page.";
}

/** Why a second factor was refused, with the tries that are left. */
export function factorProblem(error: unknown): string {
  if (!(error instanceof Problem) || error.code !== "factor_invalid") return messageOf(error);
  const left = error.remaining === undefined ? "" : ` ${plural(error.remaining, "try is", "tries are")} left.`;
  return `It did not match, or it was used already.${left}`;
}

/** Where the documentation says more about it. */
export function helpOf(error: unknown): string | undefined {
  return error instanceof Problem ? helpForCode(error.code) : undefined;
}

export function requestIdOf(error: unknown): string | undefined {
  return error instanceof Problem ? error.requestId : undefined;
}

/** Type guard for the codes that a page treats on their own. */
export function hasCode(error: unknown, code: string): error is Problem {
  return error instanceof Problem && error.code === code;
}
