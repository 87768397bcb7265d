// How an export stands, in words. Pure.
import type { DataExport } from "../../api/types";
import { count, plural } from "../../lib/format";

export const isOpen = ({ state }: DataExport): boolean => state === "waiting" || state === "running";

/** How far an export in the making is, between 0 and 100, and the same in words. */
export function progressOf({ rows, expected }: DataExport): { share: number; words: string } {
  if (!expected) return { share: 0, words: "Waits for its turn. It goes on without this page." };
  const share = Math.min(100, (rows / expected) * 100);
  return { share, words: `${count(rows)} of about ${plural(expected, "row")}, ${Math.floor(share)} %. It goes on without this page.` };
}

const ERRORS: Record<string, string> = {
  export_files: "Its files could not be written: look whether this machine's disk is full.",
  export_damaged: "Its files were changed while it was made.",
  column_without_class: "A table has a column that this version does not know, so nothing left the database. The operator of this appliance has to update or mend it.",
  sealed: "The secrets backend was sealed for too long. Unseal it first.",
  person_erased: "Somebody's data was erased while it was made, and it may have held some of it.",
  unavailable: "The database did not answer for too long.",
};

/** Why an archive is no longer here though nobody downloaded it. */
export const expiryWords = (code: string | null): string =>
  code === "person_erased"
    ? "Somebody's data was erased after it was made, so it was thrown away. Export again."
    : "Nobody downloaded it in time, and it is no longer here.";

/** Why an export failed, and what to do. */
export const failureWords = (code: string | null): string =>
  `${ERRORS[code ?? ""] ?? `It stopped with the code ${code ?? "unknown"}; the log of this server has more.`} Nothing was kept. Then export again.`;
