// What the return from a provider left for this page. Pure: a history entry may hold anything.
import type { Claim } from "../../api/sso";

export function claimOf(state: unknown): Claim | undefined {
  if (typeof state !== "object" || state === null || !("claim" in state)) return undefined;
  const { claim } = state;
  if (typeof claim !== "object" || claim === null) return undefined;
  const text = (name: string): string | undefined => {
    const value: unknown = Reflect.get(claim, name);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [provider, provider_name, issuer, subject] = [text("provider"), text("provider_name"), text("issuer"), text("subject")];
  if (!provider || !provider_name || !issuer || !subject) return undefined;
  return { provider, provider_name, issuer, subject, email: text("email") ?? null };
}
