// Whether a rep would be given a lead now, and if not, why and until when.
import type { Presence } from "../../api/types";
import { Time } from "../../ui/facts";
import { Status, type Tone } from "../../ui/status";

const LOOK: Record<Presence["state"], { tone: Tone; word: string }> = {
  available: { tone: "ok", word: "Available" },
  away: { tone: "warn", word: "Away" },
  inactive: { tone: "idle", word: "Inactive" },
  off: { tone: "info", word: "Off" },
  capped: { tone: "warn", word: "Cap reached" },
};

export function PresenceBadge({ presence, words = false }: { presence: Presence; words?: boolean }) {
  const { tone, word } = LOOK[presence.state];
  return (
    <>
      <span title={presence.reason}><Status tone={tone}>{word}</Status></span>
      {presence.state === "available" ? null : <small>{words ? ` ${presence.reason}` : ""}{presence.until ? <> until <Time at={presence.until} /></> : null}</small>}
    </>
  );
}

/** When the first of those is back who come back by themselves. */
export function firstBack(all: Presence[]): string | undefined {
  return all.flatMap((presence) => presence.until ?? []).toSorted()[0];
}
