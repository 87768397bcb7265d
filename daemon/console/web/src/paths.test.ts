import { expect, test } from "vitest";
import { api, path, safeNext } from "./paths";

test("every address of the app and of the API", () => {
  const built = {
    app: [
      path.overview(), path.signIn(), path.signIn("/"), path.signIn("/routing/log?q=a b"), path.setup(), path.rules(), path.rule("rule_1"), path.ruleNew(),
      path.pools(), path.pool("pool_1"), path.poolNew(), path.log(), path.log({ rep: "rep_1", q: "" }), path.assignment("asg_1"), path.assignment("asg_1", "?q=x"),
      path.failures({ state: "given_up" }), path.record("00Q000000000001AAA"), path.layer(), path.connections(), path.connectSalesforce(), path.jobs(), path.me(),
    ],
    api: [
      api.ready(), api.setup(), api.session(), api.sessionRefresh(), api.sessionTenant(), api.overview("Europe/Berlin"), api.connections(), api.salesforce(),
      api.salesforceAuthorize(), api.salesforceComplete(), api.salesforceDisconnect(), api.layerObjects(), api.layerAvailable("Lead"), api.layerFields("Lead"),
      api.layerField("field_1"), api.layerRecords("Lead", { q: "é&", cursor: "c", limit: 10 }), api.reps(), api.reps("ann"), api.rep("rep_1"), api.repsSync(),
      api.queues(), api.pools(), api.pool("pool_1"), api.routers(), api.router("Lead"), api.routerValidate("Lead"), api.routerActivationPreview("Lead"),
      api.routerVerb("Lead", "activate"), api.rules("Lead"), api.rulesOrder("Lead"), api.rulesPreview("Lead"), api.rule("rule_1"), api.ruleDelete("rule_1", 3),
      api.assignments({ q: "x", state: "failed", limit: 100 }), api.assignment("asg_1"), api.failures({ state: "failed" }), api.failureRetry("Lead", "00Q/../x"),
      api.failuresRetry(), api.record("00Q"), api.jobs({ state: "dead" }), api.jobRetry("job_1"), api.jobDiscard("job_1"), api.schedules(), api.events(),
    ],
  };
  expect(built).toMatchSnapshot();
});

test("only an address of this app follows a sign-in", () => {
  expect(safeNext("/routing/log?q=1")).toBe("/routing/log?q=1");
  for (const hostile of [null, "", "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "routing"]) expect(safeNext(hostile)).toBe("/");
});
