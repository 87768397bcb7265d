// Numbers with their unit, times in the reader's zone. Pure.

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const stamp = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const stampOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const seconds = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export const count = (value: number): string => number.format(value);

/** A share between 0 and 1 as a percentage. */
export const percent = (share: number): string =>
  `${new Intl.NumberFormat(undefined, { maximumFractionDigits: share < 0.1 ? 1 : 0 }).format(share * 100)} %`;

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Bytes as people say them, in thousands: "812 B", "18.4 MB". */
export function size(bytes: number): string {
  const step = bytes < 1_000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${number.format(bytes / 1_000 ** step)} ${["B", "kB", "MB", "GB", "TB"][step]}`;
}

/** Seconds as people say them: "4.2 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${number.format(seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds))} s`;
  const whole = Math.round(seconds);
  const parts: [number, string, number, string] =
    whole < 3600 ? [Math.floor(whole / 60), "min", whole % 60, "s"]
    : whole < 86_400 ? [Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min"]
    : [Math.floor(whole / 86_400), "d", Math.floor((whole % 86_400) / 3600), "h"];
  const [big, bigUnit, small, smallUnit] = parts;
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/** With its year where that is not this one. */
export const localTime = (iso: string, now = Date.now()): string => {
  const at = new Date(iso);
  return (at.getFullYear() === new Date(now).getFullYear() ? stamp : stampOfYear).format(at);
};
export const localSeconds = (iso: string): string => seconds.format(new Date(iso));
export const localClock = (iso: string): string => clock.format(new Date(iso));
export const exactLocalTime = (iso: string): string => exact.format(new Date(iso));
export const utcTime = (iso: string): string => `${new Date(iso).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** "just now", "4 min ago", "in 2 h"; `now` is passed so that tests hold time. */
export function relative(iso: string, now: number): string {
  const away = Math.round((new Date(iso).getTime() - now) / 1000);
  const size = Math.abs(away);
  if (size < 10) return "just now";
  const text = size < 60 ? `${size} s` : size < 3600 ? `${Math.round(size / 60)} min` : size < 86_400 ? `${Math.round(size / 3600)} h` : `${Math.round(size / 86_400)} d`;
  return away < 0 ? `${text} ago` : `in ${text}`;
}

/** How long ago something happened. What has happened is never ahead, whatever the clocks say. */
export const since = (iso: string, now: number): string => relative(iso, Math.max(now, new Date(iso).getTime()));

/** Whole days until then, at least 0: a day that has begun counts. */
export const daysLeft = (iso: string, now: number): number => Math.max(0, Math.ceil((new Date(iso).getTime() - now) / 86_400_000));
/** Minutes until then, at least 0; the last one counts until it is over. */
export const minutesLeft = (iso: string, now: number): number => Math.max(0, Math.ceil((new Date(iso).getTime() - now) / 60_000));
