// What an OpenID provider brings back through the browser (RFC 6749 section 4.1.2, RFC 9207), as the server takes it. Pure.

export interface OidcAnswer { state: string; code?: string; error?: string; iss?: string }

/** What the server left after it read a SAML response: a ticket, or the code of its refusal. */
export function samlReturn(hash: string): { ticket: string; refused: string | undefined } {
  const text = hash.replace(/^#/, "");
  const refused = /^error=([a-z_]{1,60})$/.exec(text)?.[1];
  return { ticket: refused === undefined && !text.startsWith("error=") ? text : "", refused };
}

/** Nothing without a state. A refusal wins over a code; of its words only the code is kept, for anybody may write the rest. */
export function oidcAnswer(params: URLSearchParams): OidcAnswer | undefined {
  const state = params.get("state");
  if (!state) return undefined;
  const [code, error, iss] = [params.get("code"), params.get("error"), params.get("iss")];
  return {
    state,
    ...(error === null && code !== null ? { code } : { error: error ?? "missing" }),
    ...(iss === null ? {} : { iss }),
  };
}
