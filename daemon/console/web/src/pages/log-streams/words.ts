// What transports and formats are called, what each promises, and how a target fares, in words.
import type { Format, Target, Tested, Transport } from "../../api/siem";
import type { Tone } from "../../ui/status";

export const TRANSPORTS: Record<Transport, { label: string; promise: string; address: string; placeholder: string }> = {
  syslog_tls: { label: "Syslog over TLS", promise: "Nothing confirms what was received, so after each interruption the last events are sent again, with the same ids.", address: "Host and port", placeholder: "siem.corp.example:6514" },
  relp_tls: { label: "RELP over TLS", promise: "The receiver confirms each event.", address: "Host and port", placeholder: "siem.corp.example:2514" },
  https: { label: "HTTPS collector", promise: "The collector confirms each batch. In the form of Splunk's HTTP event collector.", address: "Address of the collector", placeholder: "https://splunk.corp.example:8088/services/collector/event" },
  relp: { label: "RELP, in the clear", promise: "The receiver confirms each event. Whoever is between can read them.", address: "Host and port", placeholder: "siem.corp.example:2514" },
  syslog_tcp: { label: "Syslog over TCP, in the clear", promise: "As over TLS, and whoever is between can read it.", address: "Host and port", placeholder: "siem.corp.example:601" },
  syslog_udp: { label: "Syslog over UDP, in the clear", promise: "No promise: what is lost on the way is lost.", address: "Host and port", placeholder: "siem.corp.example:514" },
  file: { label: "File on this machine", promise: "Each event is on the disk before it counts as sent. Put aside when it is large.", address: "Name of the file", placeholder: "audit.jsonl" },
  journal: { label: "Journal of this machine", promise: "For machines whose journal is forwarded already.", address: "", placeholder: "" },
};

export const FORMATS: Record<Format, string> = { rfc5424: "RFC 5424", cef: "CEF", leef: "LEEF 2.0", ocsf: "OCSF", json: "JSON" };

export const usesTls = (transport: Transport): boolean => transport === "syslog_tls" || transport === "relp_tls" || transport === "https";

const ERRORS: Record<string, string> = {
  egress_refused: "The address is not declared in egress.private_endpoints any more. The operator of this appliance can declare it again.",
  egress_no_address: "Its name has no address. Look whether it is written right, and whether this machine's DNS knows it.",
  egress_no_connection: "It cannot be reached. Look whether it runs, and whether a firewall is between.",
  egress_not_trusted: "Its certificate is not one that is trusted here, or it does not speak TLS. Enter the authority that signed it.",
  egress_timeout: "It does not answer in time. Look whether it is overloaded, or whether a firewall drops the connection.",
  egress_cut: "It ended the connection. Its own log says why.",
  siem_cut: "It ended the connection. Its own log says why.",
  siem_not_accepted: "It answered, and did not accept the events. Look at the token and the format that it expects.",
  siem_slow: "It does not take or confirm events in time. Its own log says why.",
  sealed: "The secrets backend is sealed. It goes on once that is unsealed.",
};

/** Where events go to this machine itself, nobody else ends the connection. */
const ON_THIS_MACHINE: Partial<Record<Transport, string>> = {
  file: "The file cannot be written. Look at siem.directory in the configuration, its rights, and whether the disk is full.",
  journal: "The journal of this machine does not take the events. Look whether systemd-journald runs.",
};

export const errorWords = (code: string, transport: Transport): string =>
  (code === "siem_cut" ? ON_THIS_MACHINE[transport] : undefined) ?? ERRORS[code] ?? code.replaceAll("_", " ");

const STATES: Record<Target["state"], { tone: Tone; word: string }> = {
  current: { tone: "ok", word: "Up to date" },
  behind: { tone: "info", word: "Catching up" },
  failing: { tone: "bad", word: "Failing" },
  paused: { tone: "warn", word: "Paused" },
};

export const stateOf = (target: Target): { tone: Tone; word: string } => STATES[target.state];

export const waitingWords = (waiting: number): string => (waiting >= 10_000 ? "10,000 or more" : waiting.toLocaleString("en"));

/** What came of a test that failed, by the words that the attempt ended with where they fit. */
export function testWords({ code, message }: Pick<Tested, "code" | "message">, transport: Transport): string {
  const fits = message !== null && message !== "" && !(code === "siem_cut" && transport in ON_THIS_MACHINE);
  return fits ? message : code === null ? "The target gave no reason." : errorWords(code, transport);
}

const DAY = 86_400_000;

/** Whole days until a certificate ends; below zero it has. */
export const daysLeft = (endsAt: string, now: number): number => Math.floor((Date.parse(endsAt) - now) / DAY);
