import { Button, Checkbox, Group, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { messageOf, Problem, toTell } from "../../api/problem";
import { programScopesQuery } from "../../api/queries";
import type { Program } from "../../api/types";
import { api } from "../../paths";
import { LoadingRows } from "../../ui/states";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";

const lines = (text: string) => text.split("\n").map((line) => line.trim()).filter((line) => line !== "");

export function CreateProgram({ onClose }: { onClose(): void }) {
  const [name, setName] = useState("");
  const [addresses, setAddresses] = useState("");
  const [scopes, setScopes] = useState<string[]>([]);
  const offered = useQuery(programScopesQuery());
  const queries = useQueryClient();
  const toast = useToast();
  const create = useMutation({
    mutationFn: () => client.post<Program>(api.clients(), { name: name.trim(), redirect_uris: lines(addresses), scopes }, { create: true }),
    onSuccess: (made) => {
      toast.done(`“${made.name}” may ask. Give it its client id.`);
      onClose();
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["programs"] }),
  });
  const beside = (field: string) => (create.error instanceof Problem ? create.error.forField(field) : undefined);
  const problem = beside("name") || beside("redirect_uris") ? undefined : toTell(create.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="New program" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          {problem ? <Notice tone="bad" title="Not made">{problem}</Notice> : null}
          <TextInput label="Name" description="People read it when the program asks them." placeholder="Desk assistant" data-autofocus required withAsterisk={false} maxLength={80} value={name} error={beside("name")} onChange={(event) => setName(event.currentTarget.value)} />
          <Textarea label="Answers go to" description="One address a line: https, or http on 127.0.0.1 or localhost for a program on the person's own machine, at any port." placeholder="http://127.0.0.1/callback" autosize minRows={2} required withAsterisk={false} value={addresses} error={beside("redirect_uris")} onChange={(event) => setAddresses(event.currentTarget.value)} />
          {offered.isPending ? <LoadingRows rows={5} label="The scopes are loading" /> : null}
          {offered.isError ? <Notice tone="bad" title="The scopes could not be read">{messageOf(offered.error)}</Notice> : null}
          {offered.data ? (
            <Checkbox.Group label="May ask for" description="At most. Each person approves it, and gives no more than their own role permits." value={scopes} onChange={setScopes}>
              <Stack gap={10} mt={10}>{offered.data.map((scope) => <Checkbox key={scope.name} value={scope.name} label={scope.title} description={scope.name} />)}</Stack>
            </Checkbox.Group>
          ) : null}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={create.isPending} disabled={name.trim() === "" || lines(addresses).length === 0 || scopes.length === 0}>Let it ask</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
