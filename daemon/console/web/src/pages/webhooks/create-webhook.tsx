// A new webhook, whose secret is shown once.
import { Button, Group, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import type { WebhookMade } from "../../api/webhooks";
import { api } from "../../paths";
import { SecretDialog } from "../../ui/secret-dialog";
import { Notice } from "../../ui/status";
import { formOf, inputFrom, isBeside, missing, WebhookFields } from "./webhook-fields";

const WORDS = {
  label: "Secret", form: "New webhook", made: "Copy the secret now", copy: "Copy the secret",
  where: "Give it to the receiver, which checks with it that requests are ours.", stored: "I have stored it",
};

export function CreateWebhook({ onClose }: { onClose(): void }) {
  return <SecretDialog<WebhookMade> words={WORDS} onClose={onClose} form={(props) => <CreateForm {...props} />} />;
}

function CreateForm({ onMade, onBusy, onClose }: { onMade(made: WebhookMade): void; onBusy(busy: boolean): void; onClose(): void }) {
  const [form, setForm] = useState(() => formOf());
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: () => client.post<WebhookMade>(api.webhooks(), inputFrom(form), { create: true }),
    onMutate: () => onBusy(true),
    onSuccess: (made) => {
      onMade(made);
      void queries.invalidateQueries({ queryKey: ["webhooks", "list"] });
    },
    onSettled: () => onBusy(false),
  });
  const problem = isBeside(create.error) ? undefined : toTell(create.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {problem ? <Notice tone="bad" title="Not made">{problem}</Notice> : null}
        <WebhookFields form={form} fixed={create.isPending} error={create.error} focus onChange={setForm} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" loading={create.isPending} disabled={missing(form)}>Make the webhook</Button>
        </Group>
      </Stack>
    </form>
  );
}
