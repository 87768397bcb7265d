import { AuditLog } from "./audit-log";

export function Page() {
  return <AuditLog scope="whole" />;
}
