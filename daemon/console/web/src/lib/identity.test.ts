import { expect, test } from "vitest";
import { toBytes, toText } from "../api/passkey";
import { addressesIn } from "./addresses";
import { userCode } from "./code";
import { deviceName } from "./device";
import { daysLeft, minutesLeft } from "./format";
import { inWords } from "./permissions";
import { roleTitles } from "./roles";

test("addresses are found however they were pasted, each once, and slips are named", () => {
  expect(addressesIn('ann@a.example, bob@b.example;\n"Carl, Dr." <carl@c.example>\nAnn@A.example  dora@d.example')).toEqual({
    good: ["ann@a.example", "bob@b.example", "carl@c.example", "dora@d.example"], bad: [],
  });
  expect(addressesIn("ann@a.example bob bob@ @c.example x@y a@b@c.example")).toEqual({ good: ["ann@a.example"], bad: ["bob", "bob@", "@c.example", "x@y", "a@b@c.example"] });
  expect(addressesIn(" \n ,;")).toEqual({ good: [], bad: [] });
});

test("the code of a command line is read as people type it", () => {
  expect(["wdjb-mjht", "WDJBMJHT", " wdjb mjht ", "wdj", "", "?x=1"].map(userCode)).toEqual(["WDJB-MJHT", "WDJB-MJHT", "WDJB-MJHT", "WDJ", "", "X1"]);
});

test("a browser is named after itself and its system, the more telling name first", () => {
  const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
  const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1";
  const edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0";
  expect([chrome, iphone, edge, "curl/8"].map(deviceName)).toEqual(["Chrome on Linux", "Safari on iPhone", "Edge on Windows", "This device"]);
});

test("what is left of a trial or a visit is never negative, and a part that has begun counts", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  expect(["2026-03-01T12:00:01Z", "2026-03-03T12:00:00Z", "2026-02-01T00:00:00Z"].map((iso) => daysLeft(iso, now))).toEqual([1, 2, 0]);
  expect(["2026-03-01T12:00:01Z", "2026-03-01T13:00:00Z", "2026-03-01T11:59:00Z"].map((iso) => minutesLeft(iso, now))).toEqual([1, 60, 0]);
});

test("binary members of a passkey survive the way to JSON and back, without padding", () => {
  for (const bytes of [[], [0], [255, 254, 253], [251, 239, 190, 0, 1]]) {
    const text = toText(new Uint8Array(bytes).buffer);
    expect(text).toMatch(/^[\w-]*$/);
    expect(Array.from(toBytes(text))).toEqual(bytes);
  }
  expect(toText(new Uint8Array([251, 255]).buffer)).toBe("-_8");
});

test("roles are told in words, and one that this build does not know by its own name", () => {
  expect(roleTitles(["admin", "super_admin", "night_watch"])).toBe("Administrator, Super administrator, night watch");
  expect(roleTitles([])).toBe("no role");
});

test("permissions are told as what somebody sees and changes, and an unknown one by its name", () => {
  expect(inWords(["rule_read", "rule_edit", "router_operate", "agent_read", "agent_run"])).toEqual({ sees: ["rules", "agent read"], changes: ["rules", "routing on and off", "agent run"] });
  expect(inWords([])).toEqual({ sees: [], changes: [] });
});
