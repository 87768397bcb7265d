// Working hours as a person writes them, and as the API has them: minutes of a day, ISO days.
import type { WorkInterval } from "../../api/types";

export const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;

/** A stretch of work while it is written; times as `HH:MM`, an end of `00:00` is the day's end. */
export interface Stretch { key: number; day: number; from: string; until: string }

const two = (value: number) => String(value).padStart(2, "0");

export const clockOf = (minute: number): string => `${two(Math.floor((minute % 1440) / 60))}:${two(minute % 60)}`;

export function minuteOf(clock: string): number | undefined {
  const found = /^(\d{2}):(\d{2})$/.exec(clock);
  if (!found) return undefined;
  const minute = Number(found[1]) * 60 + Number(found[2]);
  return minute < 1440 ? minute : undefined;
}

export const toStretches = (hours: WorkInterval[]): Stretch[] =>
  hours.map(({ day, from, until }, key) => ({ key, day, from: clockOf(from), until: clockOf(until) }));

/** Undefined while a time is missing. */
export function toIntervals(stretches: Stretch[]): WorkInterval[] | undefined {
  const intervals = stretches.flatMap(({ day, from, until }) => {
    const [start, end] = [minuteOf(from), minuteOf(until)];
    return start === undefined || end === undefined ? [] : [{ day, from: start, until: end === 0 ? 1440 : end }];
  });
  return intervals.length === stretches.length ? intervals : undefined;
}

/** Whether a stretch goes into the next day. */
export function isOvernight({ from, until }: Stretch): boolean {
  const [start, end] = [minuteOf(from), minuteOf(until)];
  return start !== undefined && end !== undefined && end !== 0 && end <= start;
}

/** Monday to Friday, 9 to 5: what most people start from. */
export const OFFICE: WorkInterval[] = [1, 2, 3, 4, 5].map((day) => ({ day, from: 540, until: 1020 }));
