// Reordering a list by pointer and by keyboard. The moves are pure; the hook only keeps what is in hand.
import { type KeyboardEvent, type PointerEvent, useRef, useState } from "react";

/** The list with the item at `from` standing at `to`; out of range changes nothing. */
export function move<T>(items: T[], from: number, to: number): T[] {
  const item = items[from];
  if (item === undefined || from === to || to < 0 || to >= items.length) return items;
  const rest = items.filter((_, index) => index !== from);
  return [...rest.slice(0, to), item, ...rest.slice(to)];
}

/** Where an item dragged by `dy` pixels lands, given each row's height in order. */
export function landing(heights: number[], from: number, dy: number): number {
  let to = from;
  let left = Math.abs(dy);
  const step = dy < 0 ? -1 : 1;
  for (;;) {
    const neighbour = heights[to + step];
    if (neighbour === undefined || left < neighbour / 2) return to;
    left -= neighbour;
    to += step;
  }
}

export interface Lifted { from: number; to: number; dy: number; by: "pointer" | "keyboard" }

interface Reorder { lifted: Lifted | undefined; announcement: string; handle(index: number, name: string): HandleProps; shift(index: number): number }
interface HandleProps {
  onPointerDown(event: PointerEvent<HTMLElement>): void;
  onPointerMove(event: PointerEvent<HTMLElement>): void;
  onPointerUp(event: PointerEvent<HTMLElement>): void;
  onPointerCancel(): void;
  onKeyDown(event: KeyboardEvent<HTMLElement>): void;
  onBlur(): void;
}

export function useReorder(rows: () => HTMLElement[], onMove: (from: number, to: number) => void): Reorder {
  const [lifted, setLifted] = useState<Lifted>();
  const [announcement, setAnnouncement] = useState("");
  const start = useRef<{ y: number; heights: number[] }>(undefined);

  const drop = (commit: boolean) => {
    if (commit && lifted && lifted.from !== lifted.to) onMove(lifted.from, lifted.to);
    start.current = undefined;
    setLifted(undefined);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLElement>, index: number, name: string) => {
    const held = lifted?.by === "keyboard" && lifted.from === index ? lifted : undefined;
    const say = (to: number) => setAnnouncement(`${name}, position ${to + 1} of ${rows().length}.`);
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      if (held) {
        setAnnouncement(`${name} dropped at position ${held.to + 1}.`);
        drop(true);
      } else {
        start.current = { y: 0, heights: rows().map((row) => row.offsetHeight) };
        setLifted({ from: index, to: index, dy: 0, by: "keyboard" });
        setAnnouncement(`${name} lifted. Arrow keys move it, space drops it, escape puts it back.`);
      }
    } else if (held && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      const to = Math.max(0, Math.min(rows().length - 1, held.to + (event.key === "ArrowUp" ? -1 : 1)));
      const heights = start.current?.heights ?? [];
      setLifted({ ...held, to, dy: distance(heights, index, to) });
      say(to);
    } else if (held && event.key === "Escape") {
      event.stopPropagation();
      setAnnouncement(`${name} put back.`);
      drop(false);
    }
  };

  const handle = (index: number, name: string): HandleProps => ({
    onPointerDown(event) {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      start.current = { y: event.clientY, heights: rows().map((row) => row.offsetHeight) };
      setLifted({ from: index, to: index, dy: 0, by: "pointer" });
    },
    onPointerMove(event) {
      if (!start.current || lifted?.by !== "pointer") return;
      const dy = event.clientY - start.current.y;
      setLifted({ from: index, to: landing(start.current.heights, index, dy), dy, by: "pointer" });
    },
    onPointerUp: () => { if (lifted?.by === "pointer") drop(true); },
    onPointerCancel: () => drop(false),
    onKeyDown: (event) => onKeyDown(event, index, name),
    onBlur: () => { if (lifted?.by === "keyboard") drop(false); },
  });

  /** Pixels by which a row makes room for the lifted one. */
  const shift = (index: number): number => {
    if (!lifted) return 0;
    if (index === lifted.from) return lifted.dy;
    const height = start.current?.heights[lifted.from] ?? 0;
    if (index > lifted.from && index <= lifted.to) return -height;
    if (index < lifted.from && index >= lifted.to) return height;
    return 0;
  };

  return { lifted, announcement, handle, shift };
}

function distance(heights: number[], from: number, to: number): number {
  const [low, high] = from < to ? [from + 1, to + 1] : [to, from];
  const pixels = heights.slice(low, high).reduce((sum, height) => sum + height, 0);
  return from < to ? pixels : -pixels;
}
