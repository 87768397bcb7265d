// The present by the server's clock: what its answers tell was written by that clock, and a device's own may be minutes off.

/** Relative times are told anew this often, and with each answer of the server. */
const TICK_MS = 10_000;
/** However many answers come, the page is not drawn anew more often for their sake. */
const PAUSE_MS = 1_000;

export class Clock {
  readonly #device: () => number;
  /** Milliseconds by which the server's clock is ahead of this device's. */
  #ahead = 0;
  #shown: number;
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(device: () => number = () => Date.now()) {
    this.#device = device;
    this.#shown = device();
  }

  /** The present as the page shows it. It stays the same until listeners are told. */
  shown = (): number => this.#shown;

  /** For `useSyncExternalStore`. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => this.#renew(), TICK_MS);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  };

  /** This device's time, to be handed to `heard` when the answer is there. */
  asked(): number {
    return this.#device();
  }

  /**
   * An answer came. `date` is its Date header, which names the second in which it was made (RFC 9110, 6.6.1): what is
   * known of the difference is corrected by no more than that second and the way of the answer leave open.
   */
  heard(date: string | null, asked: number): void {
    const answered = this.#device();
    const second = date === null ? Number.NaN : Date.parse(date);
    if (Number.isFinite(second)) this.#ahead = Math.min(Math.max(this.#ahead, second - answered), second + 1_000 - asked);
    const moved = answered + this.#ahead - this.#shown;
    if (moved >= PAUSE_MS || moved < 0) this.#renew();
  }

  #renew(): void {
    this.#shown = this.#device() + this.#ahead;
    for (const listener of this.#listeners) listener();
  }
}

export const clock = new Clock();
