import { expect, test } from "vitest";
import { came } from "./words";

test("what came of a request is told by its status", () => {
  const told = [200, 304, 400, 429, 500, 503, null].map((status) => came(status).word);
  expect(told).toEqual(["Answered", "Answered", "Refused", "Refused", "Failed", "Failed", "Cut"]);
});
