import { describe, expect, it } from "vitest";
import { areaWords, newRow, rowProblem, toArea, toRow } from "./area";

const whole = { country: "DE", state: "Bayern", postal: { from: "80331", until: "81929" }, industry: "Software", size: { from: 50, until: 499 }, fields: { Segment: "SMB" } };

describe("an area", () => {
  it("is said with all of its conditions", () => {
    expect(areaWords(whole)).toBe("DE, Bayern, postal 80331 to 81929, Software, 50 to 499 employees, Segment SMB");
    expect(areaWords({ postal: { from: "1", until: "1" }, size: { from: 0 } })).toBe("postal 1, 0 employees or more");
  });

  it("comes out of its row as it went in", () => {
    for (const area of [whole, { country: "AT" }, { size: { from: 1 } }]) expect(toArea(toRow(area, 0))).toEqual(area);
  });

  it("takes one postal code as a range of one, without blanks", () => {
    expect(toArea({ ...newRow(0), country: " DE ", from: "10115" })).toEqual({ country: "DE", postal: { from: "10115", until: "10115" } });
  });

  it("is refused without a condition and with ends that do not fit", () => {
    expect(rowProblem(newRow(0), true)).toMatch(/every lead/);
    expect(rowProblem({ ...newRow(0), country: "Germany" }, true)).toMatch(/two letters/);
    expect(rowProblem({ ...newRow(0), from: "10115" }, true)).toMatch(/need a country/);
    expect(rowProblem({ ...newRow(0), country: "DE", from: "2", until: "1" }, true)).toMatch(/lower one first/);
    expect(rowProblem({ ...newRow(0), least: 9, most: 3 }, true)).toMatch(/fewer/);
    expect(rowProblem({ ...newRow(0), country: "DE" }, true)).toBeUndefined();
    expect(rowProblem({ ...newRow(0), country: "Germany" }, false)).toBeUndefined();
  });
});
