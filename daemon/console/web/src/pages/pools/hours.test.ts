import { describe, expect, it } from "vitest";
import { isOvernight, minuteOf, OFFICE, toIntervals, toStretches } from "./hours";

describe("working hours", () => {
  it("read back as they were written", () => {
    const hours = [...OFFICE, { day: 6, from: 1320, until: 360 }, { day: 7, from: 0, until: 1440 }];
    expect(toIntervals(toStretches(hours))).toEqual(hours);
  });
  it("are not complete while a time is missing", () => {
    expect(toIntervals([{ key: 0, day: 1, from: "09:00", until: "" }])).toBeUndefined();
    expect(minuteOf("25:00")).toBeUndefined();
  });
  it("go into the next day when they end before they begin", () => {
    expect(isOvernight({ key: 0, day: 1, from: "22:00", until: "06:00" })).toBe(true);
    expect(isOvernight({ key: 0, day: 1, from: "09:00", until: "00:00" })).toBe(false);
  });
});
