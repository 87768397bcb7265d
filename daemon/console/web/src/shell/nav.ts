// The map of the console: only what exists, in the order in which people need it.
import {
  IconAlertTriangle, IconBroadcast, IconBuilding, IconBulb, IconBuildingCommunity, IconCertificate, IconDatabase, IconDatabaseExport, IconGauge, IconHistory, IconKey, IconListDetails,
  IconLogin, IconLogin2, IconPlugConnected, IconRobot, IconRoute, IconServer, IconShieldCheck, IconStack2, IconUsers, IconUsersGroup, IconWebhook,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import type { Permission } from "../api/types";
import { path } from "../paths";

export interface NavItem {
  label: string;
  to: string;
  icon: ComponentType<{ size?: number; stroke?: number; "aria-hidden"?: boolean }>;
  needs: Permission;
  /** Words that the palette also finds it by. */
  also: string;
}
export interface NavSection { title: string | undefined; items: NavItem[] }

export const NAV: NavSection[] = [
  { title: undefined, items: [{ label: "Overview", to: path.overview(), icon: IconGauge, needs: "overview_read", also: "home today health" }] },
  {
    title: "Routing",
    items: [
      { label: "Rules", to: path.rules(), icon: IconRoute, needs: "rule_read", also: "enrollment soql activate pause router territories areas" },
      { label: "Pools and reps", to: path.pools(), icon: IconUsersGroup, needs: "pool_read", also: "people queues weights round robin availability hours holidays caps away time off" },
      { label: "Log", to: path.log(), icon: IconListDetails, needs: "log_read", also: "assignments history owner why" },
      { label: "Failures", to: path.failures(), icon: IconAlertTriangle, needs: "failure_read", also: "failed retry errors given up" },
    ],
  },
  {
    title: "Machines",
    items: [
      { label: "Data layer", to: path.layer(), icon: IconDatabase, needs: "layer_read", also: "fields boundary records" },
      { label: "API keys", to: path.apiKeys(), icon: IconKey, needs: "api_key_read", also: "programs tokens scopes secrets" },
      { label: "Programs", to: path.programs(), icon: IconRobot, needs: "api_key_read", also: "oauth mcp assistants clients consent grants" },
      { label: "Proposals", to: path.proposals(), icon: IconBulb, needs: "intent_read", also: "intents approve decline assistants decide" },
    ],
  },
  {
    title: "Trust",
    items: [{ label: "Audit log", to: path.auditLog("own"), icon: IconHistory, needs: "audit_read", also: "who did what when history evidence proof export denied" }],
  },
  {
    title: "Settings",
    items: [
      { label: "Connections", to: path.connections(), icon: IconPlugConnected, needs: "connection_read", also: "salesforce oauth reconnect" },
      { label: "People", to: path.people(), icon: IconUsers, needs: "member_read", also: "members roles invitations factors deactivate owner" },
      { label: "Single sign-on", to: path.singleSignOn(), icon: IconLogin2, needs: "sso_read", also: "sso oidc saml scim identity provider mail domain provisioning okta entra" },
      { label: "Webhooks", to: path.webhooks(), icon: IconWebhook, needs: "webhook_read", also: "events post receiver signature secret deliveries replay" },
      { label: "Log streams", to: path.logStreams(), icon: IconBroadcast, needs: "siem_read", also: "siem audit syslog splunk archive export" },
      { label: "Organisation", to: path.organisation(), icon: IconBuilding, needs: "member_read", also: "name second factor support visits trial" },
      { label: "Data", to: path.data(), icon: IconDatabaseExport, needs: "data_read", also: "export download archive delete erase end organisation gdpr" },
    ],
  },
  {
    title: "Appliance",
    items: [
      { label: "System", to: path.system(), icon: IconServer, needs: "system_read", also: "health status doctor load queue database disk certificate backup daemons metrics" },
      { label: "Jobs", to: path.jobs(), icon: IconStack2, needs: "job_read", also: "dead letters schedules queue" },
      { label: "Tenants", to: path.tenants(), icon: IconBuildingCommunity, needs: "tenant_read", also: "organisations enter activate trial support" },
      { label: "Appliance sign-in", to: path.applianceSso(), icon: IconLogin, needs: "appliance_sso_read", also: "single sign-on oidc saml identity provider operator super_admin link" },
      { label: "Appliance log streams", to: path.applianceLogStreams(), icon: IconBroadcast, needs: "appliance_siem_read", also: "siem audit syslog splunk relp archive heads" },
      { label: "Controls", to: path.controls(), icon: IconShieldCheck, needs: "control_read", also: "verify security evidence matrix questionnaire soc 2 compliance audit" },
      { label: "Whole audit log", to: path.auditLog("whole"), icon: IconHistory, needs: "platform_audit_read", also: "every organisation evidence export integrity heads" },
      { label: "Signing keys", to: path.signingKeys(), icon: IconCertificate, needs: "signing_key_read", also: "rotate jwks age" },
    ],
  },
];

export function navFor(permissions: Permission[]): NavSection[] {
  return NAV.map((section) => ({ ...section, items: section.items.filter((item) => permissions.includes(item.needs)) }))
    .filter((section) => section.items.length > 0);
}
