// What came of a request, in a word.
import type { Tone } from "../../ui/status";

export function came(status: number | null): { tone: Tone; word: string } {
  if (status === null) return { tone: "idle", word: "Cut" };
  if (status >= 500) return { tone: "bad", word: "Failed" };
  if (status >= 400) return { tone: "warn", word: "Refused" };
  return { tone: "ok", word: "Answered" };
}
