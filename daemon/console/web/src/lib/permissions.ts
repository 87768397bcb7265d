// Permissions in words, as what somebody sees and what they change. Pure.

const SUBJECTS: Record<string, string> = {
  overview_read: "overview", rule_read: "rules", rule_edit: "rules", pool_read: "pools and reps", pool_edit: "pools and reps", router_operate: "routing on and off",
  log_read: "routing log", failure_read: "failures", failure_retry: "failures, by retrying", connection_read: "connections", connection_edit: "connections",
  layer_read: "data layer", layer_edit: "data layer", job_read: "jobs", job_retry: "jobs, by retrying", member_read: "people", member_edit: "people",
  tenant_edit: "this organisation", data_read: "exports of its data", tenant_export: "exports of its data", tenant_delete: "the organisation's end", person_data: "what is held of one person", api_key_read: "API keys", api_key_edit: "API keys", sso_read: "single sign-on", sso_edit: "single sign-on",
  webhook_read: "webhooks", webhook_edit: "webhooks", intent_read: "proposals of programs", intent_decide: "proposals of programs, by deciding",
  siem_read: "log streams", siem_edit: "log streams", appliance_siem_read: "the appliance's log streams", appliance_siem_edit: "the appliance's log streams",
  appliance_sso_read: "the appliance's single sign-on", appliance_sso_edit: "the appliance's single sign-on",
  system_read: "the appliance itself", control_read: "controls", control_verify: "controls, by verifying them",
  audit_read: "audit log", audit_export: "audit log, by exporting it", platform_audit_read: "the appliance's audit log",
  signing_key_read: "signing keys", signing_key_rotate: "signing keys", tenant_read: "the appliance's tenants", tenant_manage: "the appliance's tenants",
};

/** A permission that this build does not know keeps its own name. */
export function inWords(permissions: string[]): { sees: string[]; changes: string[] } {
  const subject = (name: string) => SUBJECTS[name] ?? name.replaceAll("_", " ");
  const [sees, changes] = [permissions.filter((name) => name.endsWith("_read")), permissions.filter((name) => !name.endsWith("_read"))];
  return { sees: sees.map(subject), changes: changes.map(subject) };
}
