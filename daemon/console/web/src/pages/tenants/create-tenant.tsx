import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { Problem, toTell } from "../../api/problem";
import type { PlatformTenant } from "../../api/types";
import { api } from "../../paths";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";

export function CreateTenant({ onClose }: { onClose(): void }) {
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const queries = useQueryClient();
  const toast = useToast();
  const create = useMutation({
    mutationFn: () => client.post<PlatformTenant>(api.platformTenants(), { name: name.trim(), owner_email: email.trim() }, { create: true }),
    onSuccess: (made) => {
      onClose();
      toast.done(`${made.name} is made. Its owner gets an invitation at ${email.trim()}.`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["platform-tenants"] }),
  });
  const field = (named: string) => (create.error instanceof Problem ? create.error.forField(named) : undefined);
  const problem = field("name") || field("owner_email") ? undefined : toTell(create.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Modal opened onClose={create.isPending ? () => undefined : onClose} closeOnClickOutside={false} title="New organisation" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          {problem ? <Notice tone="bad" title="Not made">{problem}</Notice> : null}
          <TextInput label="Name" data-autofocus required withAsterisk={false} maxLength={120} value={name} error={field("name")} onChange={(event) => setName(event.currentTarget.value)} />
          <TextInput label="Owner's email" type="email" required withAsterisk={false} autoComplete="off" value={email} error={field("owner_email")} onChange={(event) => setEmail(event.currentTarget.value)} />
          <Text size="sm" c="dimmed">The owner gets an invitation and becomes its first administrator. You do not become a member.</Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={create.isPending} disabled={name.trim() === "" || email.trim() === ""}>Make it</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
