// What a program asks for in the address that it opens (RFC 6749 section 4.1.1), and where the browser may go with the answer.
import type { AuthorizationRequest } from "../../api/types";

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

/** Only this very machine is a place to be sent to with a code, and only where the program asked for. */
export function safeOnward(address: string, asked: AuthorizationRequest): string {
  const { protocol, hostname } = new URL(address);
  const here = protocol === "http:" && (hostname === "127.0.0.1" || hostname === "[::1]");
  if (!here || !address.startsWith(`${asked.redirect_uri}?`)) throw new Error("The answer leads away from this machine. Nothing was sent.");
  return address;
}
