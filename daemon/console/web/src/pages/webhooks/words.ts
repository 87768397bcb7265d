// States and failures of webhooks in words. Pure.
import type { Attempt, Delivery, Webhook } from "../../api/webhooks";
import type { Tone } from "../../ui/status";

interface Look { tone: Tone; word: string }

const STATES: Record<Webhook["state"], Look> = {
  on: { tone: "ok", word: "On" },
  failing: { tone: "bad", word: "Failing" },
  off: { tone: "idle", word: "Off" },
  stopped: { tone: "bad", word: "Switched off" },
};
const DELIVERIES: Record<Delivery["state"], Look> = {
  delivered: { tone: "ok", word: "Delivered" },
  waiting: { tone: "info", word: "Waiting" },
  failed: { tone: "bad", word: "Failed" },
};
const FAULTS: Record<string, string> = {
  webhook_off: "The webhook was switched off while this waited.",
  egress_refused: "The address leads where no webhook may go: inside this network, or to cloud metadata.",
  egress_invalid: "The address cannot be contacted.",
  egress_redirected: "The receiver redirects, which is never followed. Name the address that it leads to.",
  egress_timeout: "The receiver did not answer within 10 seconds.",
  egress_cut: "The connection ended before the answer was whole.",
  egress_no_address: "The name has no address.",
  egress_no_connection: "The receiver cannot be reached.",
  egress_not_trusted: "The receiver showed a certificate that this machine does not trust.",
  egress_too_large: "The answer is larger than 64 KiB.",
};

export const stateOf = (webhook: Webhook): Look => STATES[webhook.state];
export const deliveryState = (delivery: Delivery): Look => DELIVERIES[delivery.state];

/** Why an attempt failed; nothing where it did not. */
export function faultWords({ code, status }: { code: string | null; status: number | null }): string {
  if (code === null) return "";
  if (code === "webhook_not_accepted") return `The receiver answered with status ${status ?? "unknown"}.`;
  return FAULTS[code] ?? `It failed: ${code}.`;
}

export const stoppedWords = (code: string | null): string =>
  code === "webhook_gone" ? "The receiver answered that it is gone (410)." : "Nothing was taken for a day, over 20 deliveries in a row.";

export const eventWords = (events: string[]): string => (events.length === 0 ? "All events" : events.join(", "));

/** The host alone: what follows may be a token of the receiver. */
export function hostOf(url: string): string {
  try { return new URL(url).host; } catch { return url; }
}

export const testWords = (attempt: Attempt): string =>
  attempt.delivered ? `It answered ${attempt.status ?? ""} after ${attempt.milliseconds} ms.` : faultWords(attempt);
