// When what is made now for a number of days ends. Pure.

const DAY_MS = 86_400_000;

/** `life` is a number of days, or "never". */
export const expiry = (life: string, now: number): string | null => (life === "never" ? null : new Date(now + Number(life) * DAY_MS).toISOString());
