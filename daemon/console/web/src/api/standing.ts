// What a session may really do: a trial that ended and a visit that only reads leave the reading rights. Pure.
import type { Permission, SessionInfo } from "./types";

/** They belong to the appliance, not to the organisation that rests. */
const OF_THE_APPLIANCE: Permission[] = ["tenant_manage", "signing_key_rotate", "appliance_sso_edit", "appliance_siem_edit", "control_verify", "job_retry"];
/** Looks without being called so: an organisation that rests takes its own data home. */
const TAKES_HOME: Permission[] = ["audit_export"];

/** The session with the permissions that are worth offering; the server refuses the others in any case. */
export function standing(session: SessionInfo): SessionInfo {
  const readsOnly = session.tenant.state === "read_only" || session.support?.mode === "read";
  if (!readsOnly) return session;
  return { ...session, permissions: session.permissions.filter((permission) => permission.endsWith("_read") || OF_THE_APPLIANCE.includes(permission) || TAKES_HOME.includes(permission)) };
}
