// What a program asks for in the address that it opens (RFC 6749 section 4.1.1), and where the browser may go with the answer.
import type { AuthorizationRequest, ConsentRequest } from "../../api/types";

const NAMES = ["client_id", "redirect_uri", "response_type", "code_challenge", "code_challenge_method", "state"] as const;

/** As it stands there; the server judges it. Nothing when a parameter stands twice: two readers may then read two things. */
export function authorizationOf(params: URLSearchParams): AuthorizationRequest | undefined {
  const asked: AuthorizationRequest = { client_id: "", redirect_uri: "", response_type: "", code_challenge: "", code_challenge_method: "", state: "" };
  for (const name of NAMES) {
    const given = params.getAll(name);
    if (given.length > 1) return undefined;
    asked[name] = given[0] ?? "";
  }
  return asked;
}

/** The same for a program of others, which names what it wants to reach as well. */
export function consentOf(params: URLSearchParams): ConsentRequest | undefined {
  const asked = authorizationOf(params);
  if (!asked || params.getAll("scope").length > 1 || params.getAll("resource").length > 1) return undefined;
  return { ...asked, scope: params.get("scope") ?? "", resource: params.get("resource") ?? "" };
}

/** Whether a program of others asks: one of Revkeep's own has a name. */
export function isOthers(params: URLSearchParams): boolean {
  return (params.get("client_id") ?? "").startsWith("client_");
}

/** A program of others gets its answer where its administrator named it, on the web or on this machine. */
export function safeAnswer(address: string, asked: ConsentRequest): string {
  const { protocol, hostname } = new URL(address);
  const here = protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
  if (!(here || protocol === "https:") || !address.startsWith(`${asked.redirect_uri}?`)) throw new Error("The answer leads elsewhere. Nothing was sent.");
  return address;
}

/** Only this very machine is a place to be sent to with a code, and only where the program asked for. */
export function safeOnward(address: string, asked: AuthorizationRequest): string {
  const { protocol, hostname } = new URL(address);
  const here = protocol === "http:" && (hostname === "127.0.0.1" || hostname === "[::1]");
  if (!here || !address.startsWith(`${asked.redirect_uri}?`)) throw new Error("The answer leads away from this machine. Nothing was sent.");
  return address;
}
