import { Button, Group, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { Problem, toTell } from "../../api/problem";
import type { ScimTokenMade } from "../../api/scim";
import { expiry } from "../../lib/expiry";
import { api } from "../../paths";
import { SecretDialog } from "../../ui/secret-dialog";
import { Notice } from "../../ui/status";

const LIVES = [{ value: "90", label: "90 days" }, { value: "365", label: "One year" }, { value: "730", label: "Two years" }, { value: "never", label: "Does not expire" }];

const WORDS = {
  label: "Token", form: "New token", made: "Copy the token now", copy: "Copy the token",
  where: "Enter it at your provider as the secret token of SCIM.", stored: "I have entered it there",
};

/** A token for a provider: named, with an end, and its secret shown once. */
export function CreateScimToken({ onClose }: { onClose(): void }) {
  return <SecretDialog<ScimTokenMade> words={WORDS} onClose={onClose} form={(props) => <TokenForm {...props} />} />;
}

function TokenForm({ onMade, onBusy, onClose }: { onMade(made: ScimTokenMade): void; onBusy(busy: boolean): void; onClose(): void }) {
  const [name, setName] = useState("");
  const [life, setLife] = useState("365");
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: () => client.post<ScimTokenMade>(api.scimTokens(), { name: name.trim(), expires_at: expiry(life, Date.now()) }, { create: true }),
    onMutate: () => onBusy(true),
    onSuccess: (made) => {
      onMade(made);
      void queries.invalidateQueries({ queryKey: ["scim"] });
    },
    onSettled: () => onBusy(false),
  });
  const beside = create.error instanceof Problem ? create.error.forField("name") : undefined;
  const problem = beside ? undefined : toTell(create.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {problem ? <Notice tone="bad" title="Not made">{problem}</Notice> : null}
        <TextInput label="Name" description="Of the provider that will use it." placeholder="Entra ID" data-autofocus required withAsterisk={false} maxLength={200} value={name} error={beside} onChange={(event) => setName(event.currentTarget.value)} />
        <Select label="Expires" description="Provisioning stops on that day, unless the provider has another token by then." data={LIVES} value={life} allowDeselect={false} onChange={(value) => { if (value) setLife(value); }} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" loading={create.isPending} disabled={name.trim() === ""}>Make the token</Button>
        </Group>
      </Stack>
    </form>
  );
}
