// Statuses: always an icon and a word, so that colour alone never carries the meaning.
import {
  IconAlertTriangle, IconCircleCheck, IconCircleDashed, IconCircleX, IconClock, IconHelpCircle, IconInfoCircle, IconPlayerPause,
} from "@tabler/icons-react";
import type { ComponentType, ReactNode } from "react";
import css from "./ui.module.css";

export type Tone = "ok" | "info" | "warn" | "bad" | "idle";
type Icon = ComponentType<{ size?: number; stroke?: number; "aria-hidden"?: boolean }>;

const TONE_ICON: Record<Tone, Icon> = {
  ok: IconCircleCheck, info: IconInfoCircle, warn: IconAlertTriangle, bad: IconCircleX, idle: IconCircleDashed,
};

export function ToneIcon({ tone, size = 16 }: { tone: Tone; size?: number }) {
  const Icon = TONE_ICON[tone];
  return <Icon size={size} stroke={2} aria-hidden />;
}

export function Status({ tone, icon: Icon = TONE_ICON[tone], children }: { tone: Tone; icon?: Icon; children: ReactNode }) {
  return (
    <span className={`${css["status"]} ${css[tone]}`}>
      <Icon size={14} stroke={2} aria-hidden />
      {children}
    </span>
  );
}

interface Look { tone: Tone; word: string; icon?: Icon }

const LOOKS = {
  assigned: { tone: "ok", word: "Assigned" },
  proposed: { tone: "info", word: "Proposed", icon: IconClock },
  in_doubt: { tone: "warn", word: "In doubt", icon: IconHelpCircle },
  failed: { tone: "bad", word: "Failed" },
  given_up: { tone: "bad", word: "Given up" },
  waiting: { tone: "warn", word: "Waiting", icon: IconClock },
  baseline: { tone: "idle", word: "Baseline" },
  off: { tone: "idle", word: "Off" },
  baselining: { tone: "info", word: "Taking the baseline", icon: IconClock },
  active: { tone: "ok", word: "Active" },
  paused: { tone: "warn", word: "Paused", icon: IconPlayerPause },
  unconfigured: { tone: "idle", word: "Not set up" },
  configured: { tone: "info", word: "Ready to connect" },
  authorizing: { tone: "info", word: "Waiting for consent", icon: IconClock },
  connected: { tone: "ok", word: "Connected" },
  broken: { tone: "bad", word: "Reconnect required" },
  disconnected: { tone: "idle", word: "Disconnected" },
  queued: { tone: "info", word: "Queued", icon: IconClock },
  running: { tone: "info", word: "Running" },
  done: { tone: "ok", word: "Done" },
  dead: { tone: "bad", word: "Dead letter" },
  deactivated: { tone: "idle", word: "Deactivated" },
  pending: { tone: "info", word: "Pending", icon: IconClock },
  accepted: { tone: "ok", word: "Accepted" },
  expired: { tone: "warn", word: "Expired" },
  revoked: { tone: "idle", word: "Revoked" },
  approved: { tone: "ok", word: "Approved" },
  declined: { tone: "idle", word: "Declined" },
  trial: { tone: "info", word: "Trial", icon: IconClock },
  read_only: { tone: "warn", word: "Read-only", icon: IconPlayerPause },
  visit_open: { tone: "info", word: "Here now" },
  ended: { tone: "idle", word: "Ended" },
  ready: { tone: "ok", word: "Ready" },
  downloading: { tone: "info", word: "Downloading" },
  downloaded: { tone: "idle", word: "Downloaded" },
  cancelled: { tone: "idle", word: "Cancelled" },
  asked: { tone: "warn", word: "Asked", icon: IconClock },
  searching: { tone: "info", word: "Searching" },
  found: { tone: "ok", word: "Searched" },
  erasing: { tone: "info", word: "Erasing" },
  erased: { tone: "ok", word: "Erased" },
  closed: { tone: "idle", word: "Closed" },
  key_next: { tone: "info", word: "Next", icon: IconClock },
  key_current: { tone: "ok", word: "Current" },
  key_previous: { tone: "idle", word: "Previous" },
  key_retired: { tone: "idle", word: "Retired" },
} as const satisfies Record<string, Look>;

export type KnownState = keyof typeof LOOKS;

const isKnown = (state: string): state is KnownState => state in LOOKS;

export const stateWord = (state: string): string => (isKnown(state) ? LOOKS[state].word : state.replaceAll("_", " "));

/** The badge of any state that the API names; a state this build does not know is shown by its own name. */
export function StateBadge({ state }: { state: string }) {
  const look: Look = isKnown(state) ? LOOKS[state] : { tone: "idle", word: stateWord(state) };
  return <Status tone={look.tone} {...(look.icon ? { icon: look.icon } : {})}>{look.word}</Status>;
}

export function Notice({ tone, title, children, actions }: { tone: Tone; title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className={`${css["notice"]} ${css[tone]}`} role={tone === "bad" ? "alert" : "status"}>
      <ToneIcon tone={tone} size={18} />
      <div className={css["noticeBody"]}>
        <strong>{title}</strong>
        {children ? <p>{children}</p> : null}
        {actions ? <div className={css["noticeActions"]}>{actions}</div> : null}
      </div>
    </div>
  );
}
