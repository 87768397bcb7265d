// Where a target is, how events travel and look, and what of the log it gets.
import { Button, Group, MultiSelect, PasswordInput, Select, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { hasCode, Problem, toTell } from "../../api/problem";
import type { Format, Target, TargetInput, Transport } from "../../api/siem";
import { Notice } from "../../ui/status";
import { useOwner } from "./owner";
import { changed, type Form, formOf, inputFrom, missing } from "./target-input";
import { FORMATS, TRANSPORTS, usesTls } from "./words";

const CONFLICT = "Somebody else changed this target while you looked. Close it and open it again; what you typed is still here until then.";
const FIELDS = ["name", "transport", "format", "address", "authorities", "client_certificate", "client_key", "token", "actions", "outcomes"];
const OUTCOMES = [{ value: "done", label: "Done" }, { value: "refused", label: "Refused" }, { value: "failed", label: "Failed" }];

interface FormProps { target: Target | undefined; mayEdit: boolean; onBusy(busy: boolean): void; onSaved(saved: Target): void }

function useSave({ target, onBusy, onSaved }: FormProps) {
  const queries = useQueryClient();
  const owner = useOwner();
  const save = useMutation({
    mutationFn: (input: TargetInput) => (target ? client.put<Target>(owner.target(target.id), input) : client.post<Target>(owner.targets(), input, { create: true })),
    onMutate: () => onBusy(true),
    onSuccess: async (saved) => {
      await queries.invalidateQueries({ queryKey: ["siem"] });
      onSaved(saved);
    },
    onSettled: () => onBusy(false),
  });
  const beside = (field: string) => (save.error instanceof Problem ? problemBeside(save.error, field) : undefined);
  const problem = FIELDS.some(beside) ? undefined : hasCode(save.error, "version_conflict") ? CONFLICT : toTell(save.error);
  return { save: save.mutate, saving: save.isPending, beside, problem };
}

/** What the way out refuses is the address, even where the server names no field. */
const problemBeside = (problem: Problem, field: string): string | undefined =>
  problem.forField(field) ?? (field === "address" && (problem.code === "egress_refused" || problem.code === "egress_invalid") ? problem.message : undefined);

export function TargetForm(props: FormProps) {
  const { target, mayEdit } = props;
  const owner = useOwner();
  const [form, setForm] = useState(() => formOf(target));
  const set = (part: Partial<Form>) => setForm((old) => ({ ...old, ...part }));
  const { save, saving, beside, problem } = useSave(props);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save(inputFrom(form, target));
  };
  const fixed = !mayEdit || saving;
  const words = TRANSPORTS[form.transport];
  const text = (key: "name" | "address" | "authorities" | "client_certificate" | "client_key" | "token" | "actions") => ({
    disabled: fixed, spellCheck: false, autoComplete: "off", value: form[key], error: beside(key),
    onChange: (event: { currentTarget: { value: string } }) => set({ [key]: event.currentTarget.value }),
  });
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {problem ? <Notice tone="bad" title="Not saved">{problem}</Notice> : null}
        <TextInput label="Name" data-autofocus={target ? undefined : true} placeholder="Security archive" maxLength={80} required withAsterisk={false} {...text("name")} />
        <Select
          label="Transport" description={target ? `${words.promise} Another transport is another target.` : words.promise} data={owner.transports.map((value) => ({ value, label: TRANSPORTS[value].label }))} allowDeselect={false} disabled={fixed || target !== undefined}
          value={form.transport} error={beside("transport")} onChange={(value) => { if (value) set({ transport: value as Transport }); }}
        />
        {words.address === "" ? null : (
          <TextInput label={words.address} description={form.transport === "file" ? undefined : "The operator of this appliance declares it in egress.private_endpoints first."} placeholder={words.placeholder} required withAsterisk={false} classNames={{ input: "mono" }} {...text("address")} />
        )}
        <Select
          label="Format" data={(Object.keys(FORMATS) as Format[]).map((value) => ({ value, label: FORMATS[value] }))} allowDeselect={false} disabled={fixed}
          value={form.format} error={beside("format")} onChange={(value) => { if (value) set({ format: value as Format }); }}
        />
        {form.transport === "https" ? (
          <PasswordInput label="Token" {...text("token")} autoComplete="new-password" placeholder={target?.has_token ? "Stored" : ""} visibilityToggleButtonProps={{ "aria-label": "Show the token" }}
            description={target?.has_token ? "One is stored, sealed by the vault. Type it again when the address changes." : "It is sealed by the vault and never shown again."} />
        ) : null}
        {usesTls(form.transport) ? (
          <>
            <Textarea label="Authorities" description="PEM of the authority that signed the target's certificate. Empty: those that this machine trusts." placeholder="-----BEGIN CERTIFICATE-----" classNames={{ input: "mono" }} rows={3} {...text("authorities")} />
            <Textarea label="Client certificate" description="PEM, where the target asks who we are." placeholder="-----BEGIN CERTIFICATE-----" classNames={{ input: "mono" }} rows={3} {...text("client_certificate")} />
            {form.client_certificate.trim() === "" ? null : (
              <Textarea label="Key of the client certificate" description={target?.has_client_key ? "One is stored, sealed by the vault; it stays unless another is typed." : "PEM. It is sealed by the vault and never shown again."} placeholder={target?.has_client_key ? "Stored" : "-----BEGIN PRIVATE KEY-----"} classNames={{ input: "mono" }} rows={3} {...text("client_key")} />
            )}
          </>
        ) : null}
        <TextInput label="Actions" description="Beginnings of action names, with commas between. Empty: all." placeholder="sign_in, member_, sso_" classNames={{ input: "mono" }} {...text("actions")} />
        <MultiSelect label="Outcomes" placeholder={form.outcomes.length === 0 ? "All" : ""} data={OUTCOMES} disabled={fixed} value={form.outcomes} error={beside("outcomes")} onChange={(outcomes) => set({ outcomes })} />
        {target ? null : <Switch label="From the beginning of the log" description={form.from_start ? "The whole log that is kept is sent first." : "Only what is logged from now on."} disabled={fixed} checked={form.from_start} onChange={(event) => set({ from_start: event.currentTarget.checked })} />}
        {mayEdit ? (
          <Group gap="xs">
            <Button type="submit" loading={saving} disabled={missing(form, target) || !changed(form, target)}>{target ? "Save" : "Save and begin"}</Button>
            {target && changed(form, target) ? <Button variant="default" disabled={saving} onClick={() => setForm(formOf(target))}>Undo</Button> : null}
          </Group>
        ) : null}
      </Stack>
    </form>
  );
}
