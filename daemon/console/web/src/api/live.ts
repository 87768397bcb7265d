// Live updates: one stream per browser. The tab that holds a Web Lock reads it and tells the others by BroadcastChannel.
import { api } from "../paths";
import { client } from "./client";
import { serverEvents } from "./sse";
import type { Topic } from "./types";

const TOPICS: ReadonlySet<string> = new Set<Topic>(["assignments", "failures", "router", "connection", "jobs", "reps", "layer", "exports", "deletion", "intents"]);
const LOCK = "revkeep-events";
const CHANNEL = "revkeep-live";
const LONGEST_PAUSE_MS = 30_000;

export type Listener = (topics: Topic[]) => void;

export function topicsOf(data: string): Topic[] {
  try {
    const parsed = JSON.parse(data) as { topics?: unknown };
    return Array.isArray(parsed.topics) ? parsed.topics.filter((topic): topic is Topic => TOPICS.has(String(topic))) : [];
  } catch {
    return [];
  }
}

/** Tells at once, then at most once in each pause, with everything that came in between. */
export function gathered(listener: Listener, pauseMs: number): Listener {
  const waiting = new Set<Topic>();
  let resting = false;
  const tell = () => {
    if (waiting.size === 0) {
      resting = false;
      return;
    }
    const topics = [...waiting];
    waiting.clear();
    resting = true;
    setTimeout(tell, pauseMs);
    listener(topics);
  };
  return (topics) => {
    for (const topic of topics) waiting.add(topic);
    if (!resting) tell();
  };
}

/** Listens until the returned function is called. */
export function listen(listener: Listener): () => void {
  const stop = new AbortController();
  const channel = new BroadcastChannel(CHANNEL);
  channel.addEventListener("message", (message: MessageEvent<Topic[]>) => listener(message.data));
  const lead = () =>
    readForAll(stop.signal, (topics) => {
      listener(topics);
      channel.postMessage(topics);
    });
  if ("locks" in navigator) {
    navigator.locks.request(LOCK, { signal: stop.signal }, lead).catch(() => undefined);
  } else {
    void lead();
  }
  return () => {
    stop.abort();
    channel.close();
  };
}

async function readForAll(signal: AbortSignal, tell: Listener): Promise<void> {
  let pause = 1_000;
  let missed = false;
  while (!signal.aborted) {
    try {
      const stream = await client.stream(api.events(), signal);
      // Whatever happened while the stream was down is unknown: everything is read again once.
      if (missed) tell([...TOPICS] as Topic[]);
      missed = true;
      for await (const { event, data } of serverEvents(stream)) {
        pause = 1_000;
        const topics = event === "change" ? topicsOf(data) : [];
        if (topics.length > 0) tell(topics);
      }
    } catch {
      missed = true;
    }
    await waitOrAbort(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

function waitOrAbort(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
