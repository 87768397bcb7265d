// A target's form as text, and the input that it makes.
import type { Format, Target, TargetInput, Transport } from "../../api/siem";
import { usesTls } from "./words";

export interface Form {
  name: string; transport: Transport; format: Format; address: string; authorities: string; client_certificate: string; client_key: string; token: string;
  actions: string; outcomes: string[]; from_start: boolean;
}

export const formOf = (target: Target | undefined): Form => ({
  name: target?.name ?? "", transport: target?.transport ?? "syslog_tls", format: target?.format ?? "rfc5424", address: target?.address ?? "",
  authorities: target?.authorities ?? "", client_certificate: target?.client_certificate ?? "", client_key: "", token: "",
  actions: (target?.actions ?? []).join(", "), outcomes: target?.outcomes ?? [], from_start: true,
});

const orNull = (text: string): string | null => (text.trim() === "" ? null : text.trim());

export function inputFrom(form: Form, target: Target | undefined): TargetInput {
  const tls = usesTls(form.transport);
  return {
    name: form.name.trim(), transport: form.transport, format: form.format, address: form.transport === "journal" ? "" : form.address.trim(),
    authorities: tls ? orNull(form.authorities) : null, client_certificate: tls ? orNull(form.client_certificate) : null,
    ...(tls && form.client_key.trim() !== "" ? { client_key: form.client_key } : {}),
    ...(form.transport === "https" && form.token !== "" ? { token: form.token.trim() } : {}),
    actions: form.actions.split(/[\s,]+/).filter((start) => start !== ""), outcomes: form.outcomes, enabled: target?.enabled ?? true,
    ...(target ? { version: target.version } : { from_start: form.from_start }),
  };
}

export function missing(form: Form, target: Target | undefined): boolean {
  return form.name.trim() === "" || (form.transport !== "journal" && form.address.trim() === "")
    || (form.transport === "https" && form.token === "" && !target?.has_token)
    || (form.client_certificate.trim() !== "" && form.client_key.trim() === "" && !target?.has_client_key);
}

export const changed = (form: Form, target: Target | undefined): boolean => JSON.stringify(form) !== JSON.stringify(formOf(target));
