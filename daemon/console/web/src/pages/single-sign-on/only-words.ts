// What switching to single sign-on alone does, and what to mind first. Pure.
import type { Provider } from "../../api/sso";
import type { SessionInfo } from "../../api/types";

export function onlyEffect(enabled: Pick<Provider, "name">[], owner: string | undefined, members: string | undefined): string {
  const through = enabled.map(({ name }) => name).join(" or ");
  return `From now on ${members ? `the ${members}` : "everybody"} can sign in through ${through} only. Sessions that a password opened end at once, and passwords that open nothing else are forgotten: they do not come back when you switch this off. ${owner ?? "The owner"} owns this organisation and keeps a password.`;
}

/** Why somebody may be locked out. */
export function onlyWarnings(enabled: Provider[], session: Pick<SessionInfo, "owner" | "sso">, byAppliance = false): string[] {
  const byPassword = !session.sso;
  return [
    ...(byPassword ? [session.owner ? "You have not signed in through it in this session. Try it in a private window first." : "You are signed in with a password, so this session ends too. Sign in through the provider first."] : []),
    ...(byAppliance ? ["It is the appliance's sign-in: who operates the appliance can switch it off, and only your password opens the organisation then."] : []),
    ...(byAppliance || enabled.some(({ domains }) => domains.some(({ verified }) => verified)) ? [] : ["No mail domain is verified: people need the provider's sign-in link, or they see only the password."]),
    ...(!byAppliance && enabled.some(({ create_members }) => create_members) ? [] : ["Newcomers are not let in: whoever is no member yet has to be invited or provisioned."]),
  ];
}
