import { expect, test } from "vitest";
import { standing } from "./standing";
import type { SessionInfo } from "./types";

const session: SessionInfo = {
  user: { id: "user_1", name: "Ann", email: null }, tenant: { id: "ten_1", name: "Acme", state: "active", trial_ends_at: null },
  factor: { enrolled: true, required: true, fresh_until: null }, support: null, roles: ["admin"], owner: false, tenants: [],
  permissions: ["rule_read", "rule_edit", "member_edit", "tenant_manage"],
};
const rights = (change: Partial<SessionInfo>) => standing({ ...session, ...change }).permissions;

test("an organisation whose trial ended, and a visit that reads, offer nothing that changes it; the appliance's own acts stay", () => {
  expect(rights({})).toEqual(session.permissions);
  expect(rights({ tenant: { ...session.tenant, state: "trial" } })).toEqual(session.permissions);
  expect(rights({ tenant: { ...session.tenant, state: "read_only" } })).toEqual(["rule_read", "tenant_manage"]);
  expect(rights({ support: { reason: "r", mode: "read", ends_at: "2026-01-01T00:00:00Z" } })).toEqual(["rule_read", "tenant_manage"]);
  expect(rights({ support: { reason: "r", mode: "write", ends_at: "2026-01-01T00:00:00Z" } })).toEqual(session.permissions);
});
