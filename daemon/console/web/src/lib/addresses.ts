// Mail addresses out of what people paste: one a line, with commas, or as a mail program writes them.

export interface Addresses { good: string[]; bad: string[] }

/** Loose on purpose: the server decides, this only catches slips before anything is sent. */
const LIKELY = /^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>".]+$/;

export function addressesIn(text: string): Addresses {
  const unquoted = text.replaceAll(/"[^"\n]*"\s*(?=<)/g, " ");
  const named = unquoted.replaceAll(/[^<,;\n]*<([^<>\s]+)>/g, " $1 ");
  const words = named.split(/[\s,;]+/).filter((word) => word !== "");
  const seen = new Set<string>();
  const found: Addresses = { good: [], bad: [] };
  for (const word of words) {
    if (seen.has(word.toLowerCase())) continue;
    seen.add(word.toLowerCase());
    (LIKELY.test(word) ? found.good : found.bad).push(word);
  }
  return found;
}
