// Who is signed in. Starts by trading the refresh cookie for a token; every page beneath may ask `useSession`.
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import { api } from "../paths";
import { client } from "./client";
import { hasCode, Problem } from "./problem";
import { standing } from "./standing";
import type { FactorChallenge, Permission, SessionInfo, SessionTokens } from "./types";

export type SessionState =
  | { kind: "loading" }
  | { kind: "set_up" }
  | { kind: "sealed" }
  | { kind: "unreachable"; error: unknown }
  | { kind: "signed_out"; reason?: string | undefined; /** Where the identity provider's own session may be ended. */ elsewhere?: string | undefined }
  | { kind: "signed_in"; session: SessionInfo };

interface SessionActions {
  state: SessionState;
  start(): Promise<void>;
  /** Opens the session, or answers which second factor is asked for first. */
  signIn(input: { email: string; password: string; tenant?: string }): Promise<FactorChallenge | undefined>;
  /** A request of somebody without a session that opens one: a factor, a passkey, an invitation, the set-up code. */
  open(address: string, body: unknown): Promise<void>;
  /** A request of somebody signed in that leads to another session: a support visit, an accepted invitation. */
  move(address: string, body: unknown): Promise<void>;
  switchTenant(tenant: string): Promise<void>;
  /** Reads anew who this is and what they may do. */
  reload(): Promise<void>;
  adopt(session: SessionInfo): void;
  signOut(): Promise<void>;
}

const SessionContext = createContext<SessionActions | undefined>(undefined);
const CHANNEL = "revkeep-session";

export function SessionProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<SessionState>({ kind: "loading" });
  const queries = useQueryClient();
  /** One for hearing and telling, since a channel does not hear itself. */
  const tabs = useRef<BroadcastChannel>(null);

  const start = useCallback(async () => {
    if (mark.is("leaving")) {
      setState(await endLeftSession());
      return;
    }
    if (!mark.is("in")) {
      setState(await stateWithoutSession());
      return;
    }
    try {
      setState(signedIn(await client.refresh()));
    } catch (error) {
      setState(await stateAfterRefusal(error));
    }
  }, []);

  useEffect(() => {
    client.events = {
      ...client.events,
      signedOut: (reason) => { mark.clear(); queries.clear(); setState({ kind: "signed_out", reason }); },
      sealed: () => setState({ kind: "sealed" }),
      standingChanged: () => { void readSession().then((session) => setState(signedIn(session)), () => undefined); },
    };
    void start();
    // Another tab signed in, out or into another tenant: the cookie is shared, so this tab follows.
    const channel = new BroadcastChannel(CHANNEL);
    channel.addEventListener("message", () => { queries.clear(); void start(); });
    tabs.current = channel;
    return () => channel.close();
  }, [queries, start]);

  const actions = useMemo<SessionActions>(() => {
    const tellOtherTabs = () => tabs.current?.postMessage("changed");
    const enter = (session: SessionInfo) => {
      mark.set("in");
      queries.clear();
      setState(signedIn(session));
      tellOtherTabs();
    };
    const open = async (address: string, body: unknown) => enter(await client.openSession(address, body));
    return {
      state,
      start,
      open,
      signIn: async (input) => {
        const answer = await client.beginSession(api.session(), input);
        if ("step" in answer) return answer;
        enter(answer);
        return undefined;
      },
      move: async (address, body) => enter(await client.post<SessionTokens>(address, body, { session: true })),
      switchTenant: async (tenant) => {
        // The switch itself is not repeated through a refresh, so it starts with a fresh token.
        await client.refresh();
        await open(api.sessionTenant(), { tenant });
      },
      reload: async () => setState(signedIn(await readSession())),
      adopt: (session) => setState(signedIn(session)),
      signOut: async () => {
        // Written down first: a tab that is closed now ends the session when it is next opened.
        mark.set("leaving");
        const { elsewhere, reason } = await leave(state.kind === "signed_in" && Boolean(state.session.sso));
        queries.clear();
        setState({ kind: "signed_out", reason, elsewhere });
        tellOtherTabs();
      },
    };
  }, [state, start, queries]);

  return <SessionContext value={actions}>{children}</SessionContext>;
}

/** What this browser did last: signed in, or signed out without the server's having heard of it. No secret. */
const mark = {
  name: "revkeep-signed-in",
  is: (what: "in" | "leaving") => localStorage.getItem(mark.name) === what,
  set: (what: "in" | "leaving") => localStorage.setItem(mark.name, what),
  clear: () => localStorage.removeItem(mark.name),
};

/** Ends the session. A server that does not answer is told when it is next reached; here it is over at once. */
async function leave(byProvider = false): Promise<{ elsewhere?: string | undefined; reason?: string }> {
  try {
    const elsewhere = await client.closeSession(byProvider);
    mark.clear();
    return { elsewhere };
  } catch {
    return { reason: "not_told" };
  }
}

async function endLeftSession(): Promise<SessionState> {
  const { reason } = await leave();
  return reason ? { kind: "signed_out", reason } : stateWithoutSession();
}

const signedIn = (session: SessionInfo): SessionState => ({ kind: "signed_in", session: standing(session) });

const readSession = () => client.get<SessionInfo>(api.session());

async function stateAfterRefusal(error: unknown): Promise<SessionState> {
  if (hasCode(error, "sealed")) return { kind: "sealed" };
  if (!(error instanceof Problem) || error.status !== 401) return { kind: "unreachable", error };
  mark.clear();
  return stateWithoutSession(error.code);
}

/** `reason` says why the session that this browser had is over. */
async function stateWithoutSession(reason?: string): Promise<SessionState> {
  try {
    const { needed } = await client.get<{ needed: boolean }>(api.setup());
    return needed ? { kind: "set_up" } : { kind: "signed_out", reason };
  } catch (failure) {
    return hasCode(failure, "sealed") ? { kind: "sealed" } : { kind: "unreachable", error: failure };
  }
}

export function useSessionActions(): SessionActions {
  const actions = useContext(SessionContext);
  if (!actions) throw new Error("SessionProvider is missing above this component");
  return actions;
}

/** For pages behind sign-in only. */
export function useSession(): SessionInfo {
  const { state } = useSessionActions();
  if (state.kind !== "signed_in") throw new Error("this page is shown to signed-in people only");
  return state.session;
}

export function useCan(permission: Permission): boolean {
  return useSession().permissions.includes(permission);
}
