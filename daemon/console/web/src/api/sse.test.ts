import { expect, test, vi } from "vitest";
import { gathered, topicsOf } from "./live";
import { serverEvents, type ServerEvent } from "./sse";

async function read(chunks: Uint8Array[]): Promise<ServerEvent[]> {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  const events: ServerEvent[] = [];
  for await (const event of serverEvents(stream)) events.push(event);
  return events;
}

const TEXT = ': hello\n\nevent: change\ndata: {"topics":["jobs"]}\n\nevent:change\r\ndata:a\r\ndata:é\r\n\r\nevent: nothing\n\n';
const EXPECTED = [{ event: "change", data: '{"topics":["jobs"]}' }, { event: "change", data: "a\né" }];

test("events are read the same whole and cut at any byte", async () => {
  const bytes = new TextEncoder().encode(TEXT);
  expect(await read([bytes])).toEqual(EXPECTED);
  expect(await read([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(EXPECTED);
});

test("only known topics are passed on, and nonsense is none", () => {
  expect(topicsOf('{"topics":["jobs","elsewhere","layer"]}')).toEqual(["jobs", "layer"]);
  for (const nonsense of ["", "{", "{}", '{"topics":"jobs"}', "null"]) expect(topicsOf(nonsense)).toEqual([]);
});

test("a burst is told at once, and then together after each pause", () => {
  vi.useFakeTimers();
  const told: string[][] = [];
  const tell = gathered((topics) => told.push(topics), 1_000);
  tell(["jobs"]);
  tell(["layer"]);
  tell(["layer", "reps"]);
  expect(told).toEqual([["jobs"]]);
  vi.advanceTimersByTime(1_000);
  expect(told).toEqual([["jobs"], ["layer", "reps"]]);
  vi.advanceTimersByTime(5_000);
  tell(["router"]);
  expect(told).toEqual([["jobs"], ["layer", "reps"], ["router"]]);
  vi.useRealTimers();
});
