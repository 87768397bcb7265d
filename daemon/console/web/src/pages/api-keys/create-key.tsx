import { Button, Checkbox, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { messageOf, Problem, toTell } from "../../api/problem";
import { apiKeyScopesQuery } from "../../api/queries";
import type { ApiKeyMade } from "../../api/types";
import { expiry } from "../../lib/expiry";
import { api } from "../../paths";
import { LoadingRows } from "../../ui/states";
import { SecretDialog } from "../../ui/secret-dialog";
import { Notice } from "../../ui/status";

const LIVES = [
  { value: "30", label: "30 days" }, { value: "90", label: "90 days" }, { value: "365", label: "One year" }, { value: "never", label: "Does not expire" },
];

const WORDS = {
  label: "API key", form: "New API key", made: "Copy the key now", copy: "Copy the key",
  where: "Put it where your program keeps its secrets.", stored: "I have stored it",
};

export function CreateKey({ onClose }: { onClose(): void }) {
  return <SecretDialog<ApiKeyMade> words={WORDS} onClose={onClose} form={(props) => <KeyForm {...props} />} />;
}

function KeyForm({ onMade, onBusy, onClose }: { onMade(made: ApiKeyMade): void; onBusy(busy: boolean): void; onClose(): void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>([]);
  const [life, setLife] = useState("90");
  const offered = useQuery(apiKeyScopesQuery());
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: () => client.post<ApiKeyMade>(api.apiKeys(), { name: name.trim(), scopes, expires_at: expiry(life, Date.now()) }, { create: true }),
    onMutate: () => onBusy(true),
    onSuccess: (made) => {
      onMade(made);
      void queries.invalidateQueries({ queryKey: ["api-keys"] });
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
        <TextInput label="Name" description="Of the program that will use it." placeholder="Warehouse export" data-autofocus required withAsterisk={false} maxLength={80} value={name} error={beside} onChange={(event) => setName(event.currentTarget.value)} />
        {offered.isPending ? <LoadingRows rows={3} label="The scopes are loading" /> : null}
        {offered.isError ? <Notice tone="bad" title="The scopes could not be read">{messageOf(offered.error)}</Notice> : null}
        {offered.data ? (
          <Checkbox.Group label="Scopes" description="Only what the program needs." value={scopes} onChange={setScopes}>
            <Stack gap={10} mt={10}>{offered.data.map((scope) => <Checkbox key={scope.name} value={scope.name} label={scope.title} description={scope.name} />)}</Stack>
          </Checkbox.Group>
        ) : null}
        <Select label="Expires" data={LIVES} value={life} allowDeselect={false} onChange={(value) => { if (value) setLife(value); }} />
        {life === "never" ? <Text size="sm" c="dimmed">A key without an end is forgotten more easily than it is stolen, and then stolen. Prefer an end, and make a new key in time.</Text> : null}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" loading={create.isPending} disabled={name.trim() === "" || scopes.length === 0}>Make the key</Button>
        </Group>
      </Stack>
    </form>
  );
}
