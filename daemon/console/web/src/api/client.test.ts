import { expect, test } from "vitest";
import { Client } from "./client";
import { Cancelled, Problem, Unreachable } from "./problem";

type Handler = (request: { method: string; path: string; headers: Headers; body: string | undefined }) => Response | Promise<Response>;

const json = (status: number, body: unknown, headers: Record<string, string> = {}) => new Response(JSON.stringify(body), { status, headers });
const session = (token: string) => ({ access_token: token, expires_in: 60 });

function clientWith(handler: Handler) {
  const calls: string[] = [];
  const fetchWith: typeof fetch = async (input, init) => {
    const path = String(input);
    calls.push(`${init?.method ?? "GET"} ${path}`);
    return handler({ method: init?.method ?? "GET", path, headers: new Headers(init?.headers), body: init?.body?.toString() });
  };
  const client = new Client(fetchWith, (work) => work());
  const told: string[] = [];
  client.events = {
    signedOut: (reason) => told.push(`signed out: ${reason}`), sealed: () => told.push("sealed"), standingChanged: () => told.push("standing"),
    stepUp: () => { told.push("step-up"); return Promise.resolve(false); },
  };
  return { client, calls, told };
}

test("many requests that find the token expired share one refresh, and all are repeated with the new one", async () => {
  let refreshes = 0;
  const { client } = clientWith(({ path, headers }) => {
    if (path.endsWith("/session/refresh")) {
      refreshes += 1;
      return json(200, session("fresh"));
    }
    return headers.get("authorization") === "Bearer fresh" ? json(200, { ok: path }) : json(401, { code: "session_expired" });
  });
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => client.get<{ ok: string }>(`/x/${index}`)));
  expect(answers.map(({ ok }) => ok)).toEqual(Array.from({ length: 50 }, (_, index) => `/x/${index}`));
  expect(refreshes).toBe(1);
});

test("a refused refresh ends the session once, without a loop", async () => {
  const { client, calls, told } = clientWith(() => json(401, { code: "session_revoked", detail: "Ended elsewhere." }));
  await expect(client.get("/x")).rejects.toMatchObject({ code: "session_revoked" });
  expect(calls).toEqual(["GET /x", "POST /api/console/v1/session/refresh"]);
  expect(told).toEqual(["signed out: session_revoked"]);
});

test("a request refused again after a good refresh is an error, not a second refresh", async () => {
  const { client, calls } = clientWith(({ path }) => (path.endsWith("refresh") ? json(200, session("a")) : json(401, { code: "unauthenticated" })));
  await expect(client.get("/x")).rejects.toBeInstanceOf(Problem);
  expect(calls).toHaveLength(3);
});

test("a wrong password is told to the form and never sets a refresh off", async () => {
  const { client, calls, told } = clientWith(() => json(401, { code: "invalid_credentials" }));
  await expect(client.openSession("/api/console/v1/session", {})).rejects.toMatchObject({ code: "invalid_credentials" });
  expect(calls).toHaveLength(1);
  expect(told).toEqual([]);
});

test("signing out with an expired token renews it first, so that the session really ends", async () => {
  const { client, calls } = clientWith(({ method, path, headers }) => {
    if (path.endsWith("/session/refresh")) return json(200, session("fresh"));
    return method === "DELETE" && headers.get("authorization") === "Bearer fresh" ? new Response(null, { status: 204 }) : json(401, { code: "session_expired" });
  });
  await client.closeSession();
  expect(calls.map((call) => call.replace("/api/console/v1", ""))).toEqual(["DELETE /session", "POST /session/refresh", "DELETE /session"]);
});

test("a session that a provider opened is ended with a fresh token too, and tells where the provider's own ends", async () => {
  const { client, calls } = clientWith(({ path, headers }) => {
    if (path.endsWith("/session/refresh")) return json(200, session("fresh"));
    return headers.get("authorization") === "Bearer fresh" ? json(200, { logout_url: "https://idp.example/out" }) : json(401, { code: "session_expired" });
  });
  expect(await client.closeSession(true)).toBe("https://idp.example/out");
  expect(calls.map((call) => call.replace("/api/console/v1", ""))).toEqual(["POST /sso/sign-out", "POST /session/refresh", "POST /sso/sign-out"]);
  const silent = clientWith(() => json(200, { logout_url: null })).client;
  expect(await silent.closeSession(true)).toBeUndefined();
  const over = clientWith(() => json(401, { code: "session_expired" })).client;
  expect(await over.closeSession(true)).toBeUndefined();
});

test("signing out from a server that does not answer forgets the token, and says that the session is still there", async () => {
  const sent: (string | null)[] = [];
  let cut = false;
  const { client } = clientWith(({ headers, path }) => {
    if (cut) throw new TypeError("network");
    sent.push(headers.get("authorization"));
    return path.endsWith("/session/refresh") ? json(200, session("mine")) : json(200, {});
  });
  await client.refresh();
  await client.get("/x");
  cut = true;
  await expect(client.closeSession()).rejects.toBeInstanceOf(Unreachable);
  cut = false;
  await client.get("/x");
  expect(sent).toEqual([null, "Bearer mine", null]);
});

test("an expired token that cannot be renewed for want of an answer ends no session", async () => {
  const { client } = clientWith(({ path }) => {
    if (path.endsWith("/session/refresh")) throw new TypeError("network");
    return json(401, { code: "session_expired" });
  });
  await expect(client.closeSession()).rejects.toBeInstanceOf(Unreachable);
});

test("calls on the session carry the header against forged requests; others do not need it", async () => {
  const seen: (string | null)[] = [];
  const { client } = clientWith(({ headers }) => {
    seen.push(headers.get("x-revkeep"));
    return json(200, session("t"));
  });
  await client.refresh();
  await client.get("/x");
  expect(seen).toEqual(["1", null]);
});

test("a create that was cut is sent again with the same key; a plain post is not", async () => {
  const keys: (string | null)[] = [];
  let cut = true;
  const { client, calls } = clientWith(({ headers }) => {
    keys.push(headers.get("idempotency-key"));
    if (cut) {
      cut = false;
      throw new TypeError("network");
    }
    return json(201, { id: "rule_1" });
  });
  await expect(client.post("/rules", {}, { create: true })).resolves.toEqual({ id: "rule_1" });
  expect(keys).toHaveLength(2);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  cut = true;
  await expect(client.post("/retry", {})).rejects.toBeInstanceOf(Unreachable);
  expect(calls.filter((call) => call === "POST /retry")).toHaveLength(1);
});

test("a sealed vault is told apart from other unavailability", async () => {
  const { client, told } = clientWith(({ path }) => json(503, { code: path === "/a" ? "sealed" : "connection_unavailable" }));
  await expect(client.get("/b")).rejects.toBeInstanceOf(Problem);
  expect(told).toEqual([]);
  await expect(client.get("/a")).rejects.toBeInstanceOf(Problem);
  expect(told).toEqual(["sealed"]);
});

test("a problem keeps its code, request, fields and the time to wait; a page that is no problem is still an error", async () => {
  const { client } = clientWith(({ path }) => (path === "/p"
    ? json(429, { code: "rate_limited", detail: "Slow down.", request_id: "req_1", errors: [{ field: "name", code: "taken", detail: "Taken." }] }, { "retry-after": "30" })
    : new Response("<html>bad gateway</html>", { status: 502 })));
  const error = await client.get("/p").catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Problem);
  if (error instanceof Problem) {
    expect([error.code, error.requestId, error.retryAfterSeconds, error.forField("name"), error.forField("other")]).toEqual(["rate_limited", "req_1", 30, "Taken.", undefined]);
  }
  await expect(client.get("/q")).rejects.toMatchObject({ status: 502, code: "http_502" });
});

test("an empty answer is no fault, and readiness reads its reasons out of a 503", async () => {
  const { client } = clientWith(({ path }) => (path === "/ready" ? json(503, { status: "sealed", reasons: [] }) : new Response(null, { status: 204 })));
  await expect(client.delete("/x")).resolves.toBeUndefined();
  await expect(client.readiness("/ready")).resolves.toEqual({ status: "sealed", reasons: [] });
});

test("a refusal for want of a fresh factor asks once for all, and repeats each request once", async () => {
  let fresh = false;
  const { client, calls, told } = clientWith(({ path }) => (fresh ? json(200, { ok: path }) : json(403, { code: "fresh_factor_required" })));
  client.events.stepUp = async () => {
    told.push("step-up");
    await Promise.resolve();
    fresh = true;
    return true;
  };
  await expect(Promise.all([client.post("/a", { x: 1 }), client.delete("/b")])).resolves.toEqual([{ ok: "/a" }, { ok: "/b" }]);
  expect(told).toEqual(["step-up"]);
  expect(calls.toSorted()).toEqual(["DELETE /b", "DELETE /b", "POST /a", "POST /a"]);
});

test("a step-up that is called off sends nothing more; one that did not help is told, not asked again", async () => {
  const { client, calls, told } = clientWith(() => json(403, { code: "fresh_factor_required" }));
  await expect(client.post("/a")).rejects.toBeInstanceOf(Cancelled);
  expect(calls).toHaveLength(1);
  client.events.stepUp = () => { told.push("proven"); return Promise.resolve(true); };
  await expect(client.post("/a")).rejects.toMatchObject({ code: "fresh_factor_required" });
  expect(calls).toHaveLength(3);
  expect(told).toEqual(["step-up", "proven"]);
});

test("after a step-up the next request is asked for anew, and the repeat keeps its idempotency key", async () => {
  const keys: (string | null)[] = [];
  const { client } = clientWith(({ headers }) => {
    keys.push(headers.get("idempotency-key"));
    return keys.length % 2 === 1 ? json(403, { code: "fresh_factor_required" }) : json(201, {});
  });
  let asked = 0;
  client.events.stepUp = () => { asked += 1; return Promise.resolve(true); };
  await client.post("/a", {}, { create: true });
  await client.post("/a", {}, { create: true });
  expect(asked).toBe(2);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[2]).not.toBe(keys[0]);
});

test("a wrong password or code inside a session is told to its form: no refresh, no second try", async () => {
  for (const code of ["invalid_credentials", "factor_invalid", "challenge_void"]) {
    const { client, calls } = clientWith(() => json(401, { code, remaining: 1 }));
    await expect(client.put("/me/password", {})).rejects.toMatchObject({ code, remaining: 1 });
    expect(calls).toEqual(["PUT /me/password"]);
  }
});

test("a standing that ended is read anew; other refusals of a right are not", async () => {
  const { client, told } = clientWith(({ path }) => json(403, { code: path.slice(1) }));
  for (const code of ["trial_over", "factor_enrolment_required", "support_read_only", "forbidden"]) await expect(client.get(`/${code}`)).rejects.toMatchObject({ code });
  expect(told).toEqual(["standing", "standing", "standing"]);
});

test("a move to another session keeps its token; any other answer's token is not taken", async () => {
  const bearers: (string | null)[] = [];
  const { client } = clientWith(({ path, headers }) => {
    bearers.push(headers.get("authorization"));
    return json(200, session(path));
  });
  await client.post("/plain");
  await client.post("/enter", {}, { session: true });
  await client.get("/x");
  expect(bearers).toEqual([null, null, "Bearer /enter"]);
});

test("a sign-in answers the challenge of a second factor without a token, and the token after it", async () => {
  const bearers: (string | null)[] = [];
  const { client } = clientWith(({ path, headers }) => {
    bearers.push(headers.get("authorization"));
    return path === "/session" ? json(200, { step: "factor", factors: ["totp"], expires_in: 600, passkey: null }) : json(200, session("t"));
  });
  await expect(client.beginSession("/session", {})).resolves.toMatchObject({ step: "factor" });
  await expect(client.openSession("/session", {})).rejects.toMatchObject({ code: "factor_expected" });
  await client.openSession("/factor", { totp: "123456" });
  await client.get("/x");
  expect(bearers).toEqual([null, null, null, "Bearer t"]);
});
