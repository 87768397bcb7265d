// Why a sign-in through the organisation's identity provider did not end in a session, and what to do then. Pure.
import { messageOf, Problem, Unreachable } from "../../api/problem";

export interface SsoRefusal {
  title: string;
  why: string;
  next: string;
  /** Handing over the same answer once more may help: it never arrived. */
  repeat?: boolean;
}

const AGAIN = "Begin again from the sign-in page.";
const ASK = "Ask an administrator of your organisation.";

/** An answer that proves nothing, whatever exactly was wrong with it: the log says that. */
export const UNREADABLE: SsoRefusal = {
  title: "What came back could not be trusted", next: `${AGAIN} If it happens again, tell your administrator: the settings of the two sides do not fit.`,
  why: "Your organisation's sign-in sent something that does not prove who you are. Nobody was signed in.",
};

const BY_CODE: Record<string, SsoRefusal> = {
  sso_flow_void: {
    title: "This sign-in cannot be finished here", next: AGAIN,
    why: "It was begun in another browser, was used already, or is older than ten minutes.",
  },
  sso_refused: {
    title: "Your organisation's sign-in said no", next: "Try again. If it says no once more, ask whoever looks after it whether Revkeep is open to you there.",
    why: "It was called off there, or your account may not use Revkeep.",
  },
  sso_token_refused: UNREADABLE,
  sso_not_member: {
    title: "You are not a member yet", next: "Ask an administrator for an invitation, or to let newcomers in.",
    why: "Your organisation's sign-in knows you, but nobody has made you a member here, and newcomers are not let in by themselves.",
  },
  sso_account_closed: {
    title: "This account does not open that way", next: `Sign in with your password if you have one. Otherwise: ${ASK.toLowerCase()}`,
    why: "It is deactivated here, or it is one that no organisation's sign-in may open, such as an operator's of this appliance.",
  },
  sso_not_open: {
    title: "Your organisation is not open this way", next: `Sign in with your password if you have one. Otherwise: ${ASK.toLowerCase()}`,
    why: "This appliance's sign-in knows you, but none of your organisations lets people in through it.",
  },
  sso_not_linked: {
    title: "No account here is linked to you", next: `Sign in with your password if you have one. Otherwise: ${ASK.toLowerCase()}`,
    why: "This appliance's sign-in knows you, but it makes no accounts, and an operator's account opens only once its owner has linked it.",
  },
  provider_not_found: {
    title: "This way in is switched off", next: ASK,
    why: "An administrator switched off or removed the organisation's identity provider while you were on your way.",
  },
  sso_provider_wrong: {
    title: "Your organisation's sign-in did not answer as it should", next: `Try again in a moment. If it stays so: ${ASK.toLowerCase()} They can test it in the settings.`,
    why: "You did nothing wrong. Revkeep could not read its answer.",
  },
};

/** The provider could not be contacted at all, or a directory could not be asked. */
const AWAY: SsoRefusal = {
  title: "Your organisation's sign-in cannot be reached", next: "Try again in a moment. The owner of the organisation can sign in with their password meanwhile.",
  why: "Revkeep asked it to confirm your sign-in, and got no answer.",
};

export const NOTHING: SsoRefusal = {
  title: "There is nothing to finish here", next: AGAIN,
  why: "Your organisation's sign-in brings you to this page by itself.",
};

const SAML: Record<string, SsoRefusal> = {
  saml_replayed: { title: "This sign-in was used already", why: "What your organisation's sign-in sent is good once.", next: AGAIN },
  saml_expired: { title: "This sign-in came too late", why: "What your organisation's sign-in sent was good for a few minutes only, or its clock differs from ours.", next: AGAIN },
  saml_unsolicited: { title: "This sign-in was not begun here", why: "Your organisation's portal sent you by itself, which Revkeep does not accept: anybody could send you that way.", next: "Begin from the sign-in page, or by the link that your administrator has." },
  saml_status: { title: "Your organisation's sign-in said no", why: "It was called off there, or your account may not use Revkeep.", next: "Try again. If it says no once more, ask whoever looks after it whether Revkeep is open to you there." },
};

export function refusalOfCode(code: string): SsoRefusal | undefined {
  if (code.startsWith("egress_") || code === "ldap_unreachable") return AWAY;
  return BY_CODE[code] ?? SAML[code] ?? (code.startsWith("saml_") ? UNREADABLE : undefined);
}

export function refusalOf(error: unknown): SsoRefusal {
  if (error instanceof Unreachable) return { title: "Revkeep did not answer", why: "The daemon may be restarting, or this device has lost the network.", next: "Try once more.", repeat: true };
  if (!(error instanceof Problem)) return { title: "You are not signed in", why: messageOf(error), next: AGAIN };
  return refusalOfCode(error.code) ?? { title: "You are not signed in", why: messageOf(error), next: AGAIN, repeat: error.status === 429 || error.status === 503 };
}
