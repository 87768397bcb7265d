// The authenticator app of the person at the browser: codes of RFC 6238, and each only once.
import { createHmac } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

const STEP_SECONDS = 30;
const ARRIVES_WITHIN_SECONDS = 10;

function decodeBase32(text) {
  const bits = [...text].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

export class Authenticator {
  #secret;
  #last = Number.NEGATIVE_INFINITY;

  constructor(secret) {
    this.#secret = decodeBase32(secret);
  }

  /** A code that was not used yet and is accepted now; waits where there is none. */
  async code() {
    for (;;) {
      const now = Date.now() / 1000;
      const current = Math.floor(now / STEP_SECONDS);
      // So close to the end of a step, its predecessor may be too old when the code arrives.
      const first = Math.floor((now + ARRIVES_WITHIN_SECONDS) / STEP_SECONDS) === current ? current - 1 : current;
      const step = Math.max(first, this.#last + 1);
      if (step <= current + 1) {
        this.#last = step;
        return this.#codeOf(step);
      }
      await pause(250);
    }
  }

  #codeOf(step) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const hash = createHmac("sha1", this.#secret).update(counter).digest();
    const number = hash.readUInt32BE(hash[hash.length - 1] & 15) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, "0");
  }
}
