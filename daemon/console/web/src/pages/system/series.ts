// Samples made ready to be drawn. Pure.
import type { Point, Series } from "../../api/system";

export interface Row { at: string; when: string; requests: number | null; errors: number | null; half: number | null; most: number | null; due: number | null; database: number | null; disk: number | null; memory: number | null }

const EMPTY = { requests: null, errors: null, half: null, most: null, due: null, database: null, disk: null, memory: null };

/** Every step of the span. One without a sample is a gap, not a zero: nothing was running then. */
export function rows(series: Series, told: (iso: string) => string): Row[] {
  const step = series.step_seconds * 1000;
  const found = new Map(series.points.map((point) => [new Date(point.at).getTime(), point]));
  const all: Row[] = [];
  const first = Math.ceil(new Date(series.from).getTime() / step) * step;
  for (let at = first; at <= new Date(series.to).getTime() && all.length < 400; at += step) {
    const iso = new Date(at).toISOString();
    const point = found.get(at);
    all.push({ at: iso, when: told(iso), ...(point ? figures(point) : EMPTY) });
  }
  return all;
}

/** Load by the minute, so that spans compare. */
export function figures(point: Point): Omit<Row, "at" | "when"> {
  const minutes = Math.max(1, point.minutes);
  return {
    requests: point.answers / minutes, errors: point.errors / minutes, half: point.p50_ms, most: point.p95_ms, due: point.waiting,
    database: point.database_bytes, disk: point.disk_free, memory: point.memory,
  };
}
