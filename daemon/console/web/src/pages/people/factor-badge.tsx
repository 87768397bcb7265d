import type { Member } from "../../api/types";
import { Status } from "../../ui/status";

/** Which second factors keep a member's account. */
export function FactorBadge({ member: { factors, state } }: { member: Member }) {
  if (!factors) return <>not known</>;
  const has = [factors.totp ? "App" : "", factors.passkeys > 1 ? `${factors.passkeys} passkeys` : factors.passkeys === 1 ? "Passkey" : ""].filter((text) => text !== "");
  if (has.length > 0) return <Status tone="ok">{has.join(", ")}</Status>;
  return <Status tone={state === "active" ? "warn" : "idle"}>None</Status>;
}
