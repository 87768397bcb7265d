// The only place that talks to the API. The access token lives in this closure and nowhere else (never in storage);
// the refresh token is an HttpOnly cookie that script cannot read.
import { clock } from "../lib/clock";
import { api } from "../paths";
import { Cancelled, Problem, Unreachable } from "./problem";
import type { FactorChallenge, ProblemBody, Readiness, SessionTokens } from "./types";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export interface RequestOptions {
  signal?: AbortSignal | undefined;
  /** Sends an Idempotency-Key, the same for a repeat. */
  create?: boolean;
  /** The answer may carry a new access token (another organisation, a support visit). */
  session?: boolean;
}

export interface ClientEvents {
  /** The session ended (refresh refused): show the sign-in page. */
  signedOut(reason: string): void;
  /** A secret store is sealed (503 `sealed`): show the sealed page. */
  sealed(): void;
  /** The server wants a factor proven anew: ask for it. True when it was proven, false when the person called it off. */
  stepUp(): Promise<boolean>;
  /** What this session may do has changed since it was read (403 of a standing): read it anew. */
  standingChanged(): void;
}

type Lock = <T>(work: () => Promise<T>) => Promise<T>;

/** Tabs share one refresh cookie that rotates, so only one of them may present it at a time. */
const acrossTabs: Lock = (work) =>
  typeof navigator !== "undefined" && "locks" in navigator
    ? navigator.locks.request("revkeep-refresh", work)
    : work();

const SIGNED_OUT = new Set(["session_expired", "session_revoked", "unauthenticated"]);
/** A 401 that speaks of what was typed, not of the session. */
const TYPED_WRONG = new Set(["invalid_credentials", "factor_invalid", "challenge_void", "passkey_invalid"]);
const STANDING = new Set(["factor_enrolment_required", "trial_over", "support_read_only"]);

export class Client {
  #token: string | undefined;
  #refreshing: Promise<SessionTokens> | undefined;
  #steppingUp: Promise<boolean> | undefined;
  readonly #fetch: typeof fetch;
  readonly #lock: Lock;
  events: ClientEvents = { signedOut: () => undefined, sealed: () => undefined, stepUp: () => Promise.resolve(false), standingChanged: () => undefined };

  constructor(fetchWith: typeof fetch = (input, init) => globalThis.fetch(input, init), lock: Lock = acrossTabs) {
    this.#fetch = fetchWith;
    this.#lock = lock;
  }

  get<T>(path: string, options?: RequestOptions): Promise<T> { return this.#call<T>("GET", path, undefined, options); }
  post<T>(path: string, body: unknown = {}, options?: RequestOptions): Promise<T> { return this.#call<T>("POST", path, body, options); }
  put<T>(path: string, body: unknown, options?: RequestOptions): Promise<T> { return this.#call<T>("PUT", path, body, options); }
  patch<T>(path: string, body: unknown, options?: RequestOptions): Promise<T> { return this.#call<T>("PATCH", path, body, options); }
  delete<T>(path: string, options?: RequestOptions): Promise<T> { return this.#call<T>("DELETE", path, undefined, options); }

  /** POST that opens or changes the session; keeps the token it gets. Never retried through a refresh. */
  async openSession(path: string, body: unknown): Promise<SessionTokens> {
    const answer = await this.beginSession(path, body);
    if (!("access_token" in answer)) throw new Problem(200, { code: "factor_expected", detail: "The server asks for a second factor where none was expected. Sign in again." });
    return answer;
  }

  /** POST of a sign-in, which opens the session or asks for a second factor first. */
  async beginSession(path: string, body: unknown): Promise<SessionTokens | FactorChallenge> {
    const response = await this.#send("POST", path, body, { sessionCall: true });
    const answer = await readBody<SessionTokens | FactorChallenge>(response);
    this.#keepToken(answer);
    return answer;
  }

  /** POST before there is a session, such as a reset or an invitation: no refresh can help a refusal. */
  async knock<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return readBody<T>(await this.#send("POST", path, body, { sessionCall: true, signal }));
  }

  /** Ends the session. Of one that an identity provider opened, answers where the provider's own may be ended as well.
   * The token is forgotten whatever comes of it; a failure says that the server still has the session. */
  async closeSession(byProvider = false): Promise<string | undefined> {
    const end = () => (byProvider
      ? this.#send("POST", api.ssoSignOut(), {}, { sessionCall: true })
      : this.#send("DELETE", api.session(), undefined, { sessionCall: true }));
    try {
      let response = await end();
      if (response.status === 401) {
        // Only a fresh token can end the session on the server; if there is none, it has ended already.
        const fresh = await this.refresh().catch(nothingOnceRefused);
        response = fresh ? await end() : new Response();
      }
      return (await readBody<{ logout_url: string | null } | undefined>(response))?.logout_url ?? undefined;
    } finally {
      this.#token = undefined;
    }
  }

  /** One refresh at a time in this tab; every caller awaits the same answer. */
  refresh(): Promise<SessionTokens> {
    this.#refreshing ??= this.#lock(() => this.openSession(api.sessionRefresh(), {})).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Readiness answers 503 with a body of its own, which is an answer and not a fault. */
  async readiness(path: string): Promise<Readiness> {
    const response = await this.#send("GET", path, undefined, {});
    const body = (await response.json().catch(() => undefined)) as Readiness | undefined;
    return body?.status ? body : { status: response.ok ? "ready" : "unavailable" };
  }

  /** A file that is written while it is read. Cut short, it is refused: half a file is none. */
  async file(path: string): Promise<Blob> {
    let response = await this.#send("GET", path, undefined, { accept: "*/*" });
    if (response.status === 401) {
      await this.#refreshOrLeave();
      response = await this.#send("GET", path, undefined, { accept: "*/*" });
    }
    if (!response.ok) await this.#fail(response);
    try {
      return await response.blob();
    } catch {
      throw new Unreachable();
    }
  }

  /** A streamed GET (server-sent events), with the bearer that EventSource cannot send. */
  async stream(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    let response = await this.#send("GET", path, undefined, { signal, accept: "text/event-stream" });
    if (response.status === 401) {
      await this.#refreshOrLeave();
      response = await this.#send("GET", path, undefined, { signal, accept: "text/event-stream" });
    }
    if (!response.ok || !response.body) await this.#fail(response);
    return response.body ?? new ReadableStream();
  }

  /** POST whose answer is a file, kept by the browser and not as text in memory. */
  async download(path: string): Promise<Blob> {
    return (await this.#answer("POST", path, {})).blob();
  }

  async #call<T>(method: Method, path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    const answer = await readBody<T>(await this.#answer(method, path, body, options));
    if (options.session) this.#keepToken(answer);
    return answer;
  }

  /** The answer of a request that went well, after whatever the session needed for it. */
  async #answer(method: Method, path: string, body: unknown, options: RequestOptions = {}): Promise<Response> {
    const key = options.create ? crypto.randomUUID() : undefined;
    const sent = { signal: options.signal, key, sessionCall: options.session };
    let response = await this.#sendOnceMore(method, path, body, sent);
    if (response.status === 401 && !TYPED_WRONG.has(await codeOf(response))) {
      await this.#refreshOrLeave();
      response = await this.#send(method, path, body, sent);
    }
    if (response.status === 403 && (await codeOf(response)) === "fresh_factor_required") {
      if (!(await this.#stepUp())) throw new Cancelled();
      response = await this.#send(method, path, body, sent);
    }
    if (!response.ok) await this.#fail(response);
    return response;
  }

  /** However many requests want it, the person is asked once. */
  #stepUp(): Promise<boolean> {
    this.#steppingUp ??= this.events.stepUp().finally(() => {
      this.#steppingUp = undefined;
    });
    return this.#steppingUp;
  }

  #keepToken(answer: unknown): void {
    if (typeof answer === "object" && answer !== null && "access_token" in answer) this.#token = String(answer.access_token);
  }

  /** A request that is safe to repeat (a read, or one with an idempotency key) gets a second try when it is cut. */
  async #sendOnceMore(method: Method, path: string, body: unknown, sent: Sent): Promise<Response> {
    try {
      return await this.#send(method, path, body, sent);
    } catch (error) {
      const repeatable = method === "GET" || sent.key !== undefined;
      if (!(error instanceof Unreachable) || !repeatable || sent.signal?.aborted) throw error;
      return this.#send(method, path, body, sent);
    }
  }

  async #refreshOrLeave(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        this.#token = undefined;
        this.events.signedOut(SIGNED_OUT.has(error.code) ? error.code : "session_expired");
      }
      throw error;
    }
  }

  async #fail(response: Response): Promise<never> {
    const problem = await problemOf(response);
    if (problem.status === 503 && problem.code === "sealed") this.events.sealed();
    if (problem.status === 403 && STANDING.has(problem.code)) this.events.standingChanged();
    throw problem;
  }

  async #send(method: Method, path: string, body: unknown, sent: Sent): Promise<Response> {
    const headers = new Headers({ accept: sent.accept ?? "application/json" });
    if (body !== undefined) headers.set("content-type", "application/json");
    if (this.#token) headers.set("authorization", `Bearer ${this.#token}`);
    if (sent.key) headers.set("idempotency-key", sent.key);
    if (sent.sessionCall) headers.set("x-revkeep", "1");
    const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
    if (body !== undefined) init.body = JSON.stringify(body);
    if (sent.signal) init.signal = sent.signal;
    const asked = clock.asked();
    try {
      const response = await this.#fetch(path, init);
      clock.heard(response.headers.get("date"), asked);
      return response;
    } catch (error) {
      if (sent.signal?.aborted) throw error;
      throw new Unreachable();
    }
  }
}

/** A refused refresh: there is no session. Whatever else went wrong is still to be told. */
function nothingOnceRefused(error: unknown): undefined {
  if (error instanceof Problem && error.status === 401) return;
  throw error;
}

interface Sent { signal?: AbortSignal | undefined; key?: string | undefined; sessionCall?: boolean | undefined; accept?: string }

async function readBody<T>(response: Response): Promise<T> {
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** The code of a refusal, read from a copy, so that the body can still be read by whoever tells it. */
async function codeOf(response: Response): Promise<string> {
  return (await problemOf(response.clone())).code;
}

async function problemOf(response: Response): Promise<Problem> {
  const retryAfter = Number(response.headers.get("retry-after") ?? "");
  const seconds = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined;
  try {
    return new Problem(response.status, (await response.json()) as ProblemBody, seconds);
  } catch {
    return new Problem(response.status, {}, seconds);
  }
}

export const client = new Client();
