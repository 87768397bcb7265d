import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { HELP_PLACES, helpForCode, helpForSubject } from "./help";

const DOCS = new URL("../../../../../docs/", import.meta.url);

/** As the build of the documentation makes them. */
const anchors = (markdown: string): string[] =>
  [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, title]) => (title ?? "").toLowerCase().replaceAll(/[^\p{L}\p{N}\-_ ]/gu, "").replaceAll(" ", "-"));

test("every place that help leads to is a heading of the documentation", () => {
  for (const place of HELP_PLACES) {
    const [page = "", anchor] = place.split("#");
    const text = readFileSync(new URL(page.replace(".html", ".md"), DOCS), "utf8");
    if (anchor !== undefined) expect(anchors(text), place).toContain(anchor);
  }
});

test("a code without a place is searched for, and a subject without one has no link", () => {
  expect(helpForCode("sealed")).toBe("/help/admin-guide.html#vault-is-sealed-or-does-not-answer");
  expect(helpForCode("pool_in_use")).toBe("/help/search?q=pool_in_use");
  expect(helpForSubject("configuration")).toBeUndefined();
});
