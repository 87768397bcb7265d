import { expect, test } from "vitest";
import { Clock } from "./clock";

const NOON = Date.parse("2026-03-01T12:00:00Z");
const header = (at: number) => new Date(at).toUTCString();

function clockOf(ahead: number) {
  const device = { at: NOON };
  const clock = new Clock(() => device.at);
  /** A request that takes 80 ms; the server stamps its answer half-way. */
  const answer = () => {
    const asked = clock.asked();
    const made = device.at + 40 + ahead;
    device.at += 80;
    clock.heard(header(made), asked);
    return made;
  };
  return { clock, device, answer };
}

test("what an answer tells has happened by the time that the page shows", () => {
  for (const ahead of [0, 45_000, -45_000, 3 * 3_600_000]) {
    const { clock, device, answer } = clockOf(ahead);
    device.at += 7_000;
    const made = answer();
    expect(Math.abs(clock.shown() - made), `ahead by ${ahead} ms`).toBeLessThan(1_100);
  }
});

test("the clocks agree where the answer leaves it open: whole seconds alone move nothing", () => {
  const { clock, device, answer } = clockOf(0);
  for (let tries = 0; tries < 30; tries += 1) {
    device.at += 1_337;
    answer();
    expect(clock.shown()).toBe(device.at);
  }
});

test("many answers draw the page anew once a second, and one that names no time counts as well", () => {
  const { clock, device } = clockOf(0);
  let told = 0;
  const stop = clock.subscribe(() => { told += 1; });
  for (let tries = 0; tries < 50; tries += 1) {
    device.at += 100;
    clock.heard(null, device.at);
  }
  expect(told).toBe(5);
  stop();
  device.at += 5_000;
  clock.heard("not a date", device.at);
  expect(told).toBe(5);
  expect(clock.shown()).toBe(device.at);
});
