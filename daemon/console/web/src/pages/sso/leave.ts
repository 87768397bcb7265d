// Leaving for an identity provider, and where the person wanted to go, kept in this tab until they are back.
import { client } from "../../api/client";
import type { Started } from "../../api/sso";
import { api, safeNext } from "../../paths";

const NEXT = "revkeep-sso-next";

/** Answers what the directory is called, when the sign-in is not elsewhere but here. */
export async function leaveFor(provider: string, next: string | null): Promise<string | undefined> {
  const started = await client.knock<Started>(api.ssoStart(), { provider });
  if ("directory" in started) return started.directory;
  takeLinking(sessionStorage);
  keepNext(sessionStorage, next);
  window.location.assign(safeDeparture(started.authorize_url));
  return undefined;
}

const LINK = "revkeep-sso-link";

/** A super_admin leaves for a provider of the appliance to prove who they are there; what comes back opens no session. */
export async function leaveToLink(provider: string): Promise<void> {
  const { authorize_url } = await client.post<{ authorize_url: string }>(api.platformSsoLinks(), { provider });
  keepLinking(sessionStorage);
  window.location.assign(safeDeparture(authorize_url));
}

export function keepLinking(store: Store): void {
  store.setItem(LINK, "yes");
}

/** Whether this tab left to link an account. Once. */
export function takeLinking(store: Store): boolean {
  const linking = store.getItem(LINK) !== null;
  store.removeItem(LINK);
  return linking;
}

/** Only a page of the web is a place to be sent to. */
export function safeDeparture(address: string): string {
  if (new URL(address).protocol !== "https:") throw new Error("The identity provider's address is not an HTTPS address. An administrator can correct it in the organisation's settings.");
  return address;
}

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export function keepNext(store: Store, next: string | null): void {
  store.setItem(NEXT, safeNext(next));
}

/** Once: the next sign-in in this tab begins with the overview again. */
export function takeNext(store: Store): string {
  const kept = store.getItem(NEXT);
  store.removeItem(NEXT);
  return safeNext(kept);
}
