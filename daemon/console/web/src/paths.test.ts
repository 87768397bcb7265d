import { expect, test } from "vitest";
import { api, isOpen, path, safeNext } from "./paths";

test("every address of the app and of the API", () => {
  const built = {
    app: [
      path.overview(), path.signIn(), path.signIn("/"), path.signIn("/routing/log?q=a b"), path.setup(), path.rules(), path.rule("rule_1"), path.ruleNew(),
      path.pools(), path.pool("pool_1"), path.poolNew(), path.log(), path.log({ rep: "rep_1", q: "" }), path.assignment("asg_1"), path.assignment("asg_1", "?q=x"),
      path.failures({ state: "given_up" }), path.record("00Q000000000001AAA"), path.layer(), path.connections(), path.connectSalesforce(), path.jobs(),
      path.auditLog("own"), path.auditLog("whole", { outcome: "refused" }), path.auditEntry("own", "audit_1", "?q=x"), path.auditEntry("whole", "audit_1"),
      path.account(), path.accountPassword(), path.accountFactors(), path.accountSessions(), path.accountPrograms(), path.people(), path.people({ state: "deactivated" }),
      path.member("user_1"), path.member("user_1", "?q=x"), path.invitations(), path.organisation(), path.apiKeys(), path.apiKeyRequests("key_1"), path.programs(), path.proposals(), path.tenants(), path.signingKeys(), path.system(), path.controls(),
      path.singleSignOn(), path.ssoProvider("prov_1"), path.ssoProviderNew("oidc"), path.ssoProviderNew("ldap"), path.provisioning(), path.signInThrough("prov_1"), path.ssoOidc(), path.ssoSaml(),
      path.webhooks(), path.webhook("webhook_1"), path.logStreams(), path.logStream("siem_1"), path.applianceLogStreams(), path.applianceLogStream("siem_1"), path.applianceSso(), path.applianceSsoProvider("prov_1"), path.applianceSsoProviderNew("saml"), path.device(), path.authorize(), path.invitation(), path.reset(), path.signUp(), path.signUpComplete(),
    ],
    api: [
      api.ready(), api.setup(), api.session(), api.sessionRefresh(), api.sessionTenant(), api.overview("Europe/Berlin"), api.connections(), api.salesforce(),
      api.salesforceAuthorize(), api.salesforceComplete(), api.salesforceDisconnect(), api.layerObjects(), api.layerAvailable("Lead"), api.layerFields("Lead"),
      api.layerField("field_1"), api.layerRecords("Lead", { q: "é&", cursor: "c", limit: 10 }), api.reps(), api.reps("ann"), api.rep("rep_1"), api.repsSync(),
      api.queues(), api.pools(), api.pool("pool_1"), api.routers(), api.router("Lead"), api.routerValidate("Lead"), api.routerActivationPreview("Lead"),
      api.routerVerb("Lead", "activate"), api.rules("Lead"), api.rulesOrder("Lead"), api.rulesPreview("Lead"), api.rule("rule_1"), api.ruleDelete("rule_1", 3),
      api.assignments({ q: "x", state: "failed", limit: 100 }), api.assignment("asg_1"), api.failures({ state: "failed" }), api.failureRetry("Lead", "00Q/../x"),
      api.failuresRetry(), api.record("00Q"), api.jobs({ state: "dead" }), api.jobRetry("job_1"), api.jobDiscard("job_1"), api.schedules(), api.events(),
      api.auditEntries("own", { q: "rule", limit: 100 }), api.auditEntries("whole", { tenant: "tenant_1" }), api.auditEntry("own", "audit_1"), api.auditProof("whole", "audit_1"),
      api.auditIntegrity("own"), api.auditExport("own", "csv", { outcome: "failed" }),
      api.sessionFactor(), api.sessionPasskeyBegin(), api.sessionPasskey(), api.sessionStepUpBegin(), api.sessionStepUp(), api.sessionLeave(), api.signInOptions(),
      api.me(), api.myPassword(), api.myFactors(), api.myTotp(), api.myTotpConfirm(), api.myPasskeysBegin(), api.myPasskeys(), api.myPasskey("pk_1"),
      api.myRecovery(), api.mySessions(), api.mySession("ses_1"), api.myInvitationAccept(), api.myAuthorizations(), api.myAuthorizationLook(), api.myAuthorizationDeny(), api.myConsents(), api.myConsentLook(), api.myConsentDeny(), api.myGrants(), api.myGrant("grant_1"), api.myDeviceRequest("ABCD-EFGH"), api.myDeviceVerb("AB/..", "approve"),
      api.passwordStrength(), api.passwordReset(), api.passwordResetComplete(), api.members({ q: "a b", limit: 100 }), api.member("user_1"),
      api.memberVerb("user_1", "owner"), api.memberFactorsReset("user_1"), api.invitations(), api.invitations({ state: "pending" }), api.invitation("inv_1"),
      api.invitationResend("inv_1"), api.invitationLook(), api.invitationAccept(), api.tenant(), api.signUp(), api.signUpComplete(), api.supportVisits(),
      api.supportVisitVerb("vis_1", "end"), api.apiKeys(), api.apiKey("key_1"), api.apiKeyRequests("key_1", { came: "refused", cursor: "c", limit: 100 }), api.apiKeyScopes(), api.intents({ state: "waiting", cursor: "c", limit: 50 }), api.intentVerb("intent_1", "approve"), api.clients(), api.client("client_1"), api.clientScopes(), api.grants(), api.grant("grant_1"), api.platformTenants({ state: "trial" }),
      api.platformTenantVerb("ten_1", "enter"), api.signingKeys(), api.signingKeysRotate(), api.webhooks(), api.webhookEvents(), api.webhook("webhook_1"), api.webhookRotate("webhook_1"), api.webhookTest("webhook_1"), api.webhookDeliveries("webhook_1", { state: "failed", event: "trial_ended", cursor: "c", limit: 50 }), api.webhookReplay("webhook_1", "evt_1"), api.siemTargets(), api.siemTarget("siem_1"), api.siemTargetTest("siem_1"), api.platformSiemTargets(), api.platformSiemTarget("siem_1"), api.platformSiemTargetTest("siem_1"), api.system(), api.systemFindings(), api.systemSeries("day"), api.controls(), api.controlsVerify(), api.controlsPaper("matrix", "csv"), api.signInDiscover(), api.ssoStart(), api.ssoOidcComplete(),
      api.ssoSamlComplete(), api.ssoLdapSignIn(), api.ssoSignOut(), api.ssoProviders(), api.ssoProvider("prov_1"), api.ssoProviderTest("prov_1"), api.ssoProviderTestDirectory("prov_1"), api.ssoDomains(),
      api.ssoDomain("acme.example"), api.ssoSettings(), api.scim(), api.scimTokens(), api.scimToken("scimtoken_1"), api.scimGroup("group_1"), api.platformSsoDomains(), api.platformSsoDomainVerify(),
      api.platformSsoDomain("acme.example"), api.platformSsoProviders(), api.platformSsoProvider("prov_1"), api.platformSsoProviderTest("prov_1"), api.platformSsoProviderTestDirectory("prov_1"), api.platformSsoLinks(),
      api.platformSsoLinkConfirm(), api.platformSsoLink("prov_1"), api.ssoAppliance(), api.ssoSamlMetadata(), api.platformSsoSamlMetadata(), api.tenantSessionsEnd(), api.platformSessionsEnd(), api.platformTenantSessionsEnd("ten_1"),
    ],
  };
  expect(built).toMatchSnapshot();
});

test("only an address of this app follows a sign-in", () => {
  expect(safeNext("/routing/log?q=1")).toBe("/routing/log?q=1");
  for (const hostile of [null, "", "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "routing"]) expect(safeNext(hostile)).toBe("/");
});

test("only the pages of one-time links and of returns open without a session", () => {
  expect(["/invitation", "/reset", "/sign-up", "/sign-up/complete", "/erasure", "/sso/oidc", "/sso/saml"].map(isOpen)).toEqual([true, true, true, true, true, true, true]);
  expect(["/", "/people", "/invitation/x", "/sso", "/sso/oidc/x"].map(isOpen)).toEqual([false, false, false, false, false]);
});
