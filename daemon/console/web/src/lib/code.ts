// What a person types or pastes as a one-time code.

export const CODE_LENGTH = 6;

/** The digits of a code, whatever stands between them: "123 456", "123-456", "Your code: 123456". */
export function codeDigits(text: string): string {
  return text.replaceAll(/\D/g, "").slice(0, CODE_LENGTH);
}

/** A code is sent as soon as it is whole, and once: not again for what was there before. */
export function becameWhole(before: string, after: string): boolean {
  return after.length === CODE_LENGTH && after !== before;
}

/** The code that a command line shows, as people type it: capitals, and the hyphen in the middle of eight. */
export function userCode(text: string): string {
  const letters = text.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
  return letters.length === 8 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters;
}
