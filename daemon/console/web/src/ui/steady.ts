// A list that is renewed while a pointer rests on it: known rows change in place, newcomers wait above until they are asked for.
import { useState } from "react";

/** The rows to show in the order shown before, and how many new ones wait in front of them. */
export function steady<T>(shown: T[], next: T[], keyOf: (row: T) => string): { rows: T[]; waiting: number } {
  const first = shown[0];
  const nextKeys = new Map(next.map((row, index) => [keyOf(row), index]));
  const at = first === undefined ? undefined : nextKeys.get(keyOf(first));
  // Only rows in front would move what is under the pointer; anything else is another list, or a longer one.
  if (at === undefined || at === 0) return { rows: next, waiting: 0 };
  return { rows: next.slice(at), waiting: at };
}

interface Held<T> { rows: T[]; waiting: number; show(): void; hold(holding: boolean): void }

export function useSteady<T>(next: T[], keyOf: (row: T) => string): Held<T> {
  const [holding, setHolding] = useState(false);
  const [anchor, setAnchor] = useState<T[]>([]);
  const held = holding ? steady(anchor, next, keyOf) : { rows: next, waiting: 0 };
  return {
    ...held,
    show: () => setAnchor(next.slice(0, 1)),
    hold: (now) => {
      if (now && !holding) setAnchor(next.slice(0, 1));
      setHolding(now);
    },
  };
}
