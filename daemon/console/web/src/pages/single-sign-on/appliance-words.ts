// How the appliance's sign-in stands towards this organisation, in words. Pure.
import type { ApplianceSso } from "../../api/sso";

export function applianceState({ providers, allowed, opens }: ApplianceSso): string {
  const names = providers.map(({ name }) => name).join(" or ");
  if (opens) return `Members sign in through ${names}.`;
  if (!allowed) return `${names} opens other organisations of this appliance, and not this one.`;
  return providers.length === 0 ? "Allowed, but the appliance has no provider enabled." : "Allowed, but a provider of your own is enabled, and goes before it.";
}
