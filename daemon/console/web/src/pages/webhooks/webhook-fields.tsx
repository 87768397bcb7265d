// What is said of a webhook, as fields; the same when it is made and when it is changed.
import { MultiSelect, Stack, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Problem } from "../../api/problem";
import { type Webhook, webhookEventsQuery, type WebhookInput } from "../../api/webhooks";

export interface Form { name: string; url: string; events: string[]; long_retries: boolean }

export const formOf = (webhook?: Webhook): Form => ({ name: webhook?.name ?? "", url: webhook?.url ?? "", events: webhook?.events ?? [], long_retries: webhook?.long_retries ?? false });

export const inputFrom = (form: Form, webhook?: Webhook): WebhookInput => ({
  name: form.name.trim(), url: form.url.trim(), events: form.events, long_retries: form.long_retries, enabled: webhook?.enabled ?? true, ...(webhook ? { version: webhook.version } : {}),
});

export const missing = (form: Form): boolean => form.name.trim() === "" || form.url.trim() === "";
export const changed = (form: Form, webhook?: Webhook): boolean => JSON.stringify(form) !== JSON.stringify(formOf(webhook));

/** What the way out refuses is the address, even where the server names no field. */
export const beside = (error: unknown, field: string): string | undefined =>
  error instanceof Problem ? (error.forField(field) ?? (field === "url" && error.code.startsWith("egress_") ? error.message : undefined)) : undefined;
export const isBeside = (error: unknown): boolean => ["name", "url", "events"].some((field) => beside(error, field) !== undefined);

interface FieldsProps { form: Form; fixed: boolean; error: unknown; focus: boolean; onChange(form: Form): void }

export function WebhookFields({ form, fixed, error, focus, onChange }: FieldsProps) {
  const offered = useQuery(webhookEventsQuery());
  return (
    <Stack gap="md">
      <TextInput label="Name" data-autofocus={focus || undefined} placeholder="Warehouse" maxLength={80} required withAsterisk={false} autoComplete="off" disabled={fixed} value={form.name} error={beside(error, "name")} onChange={(event) => onChange({ ...form, name: event.currentTarget.value })} />
      <TextInput
        label="Address" description="Public HTTPS. The operator of this appliance declares a receiver on the intranet in egress.private_endpoints first." placeholder="https://hooks.example.com/revkeep" classNames={{ input: "mono" }}
        maxLength={2000} required withAsterisk={false} autoComplete="off" spellCheck={false} disabled={fixed} value={form.url} error={beside(error, "url")} onChange={(event) => onChange({ ...form, url: event.currentTarget.value })}
      />
      <MultiSelect
        label="Events" placeholder={form.events.length === 0 ? "All" : ""} data={(offered.data ?? []).map((event) => ({ value: event.name, label: event.name }))} renderOption={({ option }) => <Offered name={option.value} title={offered.data?.find((event) => event.name === option.value)?.title ?? ""} />}
        disabled={fixed} value={form.events} error={beside(error, "events")} onChange={(events) => onChange({ ...form, events })}
      />
      <Switch label="Keep trying" description={form.long_retries ? "A failed delivery is tried again over three days." : "A failed delivery is tried once more, after 5 seconds."} disabled={fixed} checked={form.long_retries} onChange={(event) => onChange({ ...form, long_retries: event.currentTarget.checked })} />
    </Stack>
  );
}

function Offered({ name, title }: { name: string; title: string }) {
  return <div><div className="mono">{name}</div><small>{title}</small></div>;
}
