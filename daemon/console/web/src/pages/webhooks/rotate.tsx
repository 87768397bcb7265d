// A new secret in place of the old one, which signs beside it for a day.
import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import type { Rotated, Webhook } from "../../api/webhooks";
import { api } from "../../paths";
import { SecretDialog } from "../../ui/secret-dialog";
import { Notice } from "../../ui/status";

const WORDS = {
  label: "Secret", form: "New secret", made: "Copy the secret now", copy: "Copy the secret",
  where: "For 24 hours requests are signed with the old one as well, so that the receiver can change without a gap.", stored: "I have stored it",
};

interface Made { name: string; secret: string }

export function Rotate({ webhook, onClose }: { webhook: Webhook; onClose(): void }) {
  return <SecretDialog<Made> words={WORDS} onClose={onClose} form={(props) => <Ask {...props} webhook={webhook} />} />;
}

function Ask({ webhook, onMade, onBusy, onClose }: { webhook: Webhook; onMade(made: Made): void; onBusy(busy: boolean): void; onClose(): void }) {
  const queries = useQueryClient();
  const rotate = useMutation({
    mutationFn: () => client.post<Rotated>(api.webhookRotate(webhook.id)),
    onMutate: () => onBusy(true),
    onSuccess: ({ secret }) => {
      onMade({ name: webhook.name, secret });
      void queries.invalidateQueries({ queryKey: ["webhooks", "list"] });
    },
    onSettled: () => onBusy(false),
  });
  const problem = toTell(rotate.error);
  return (
    <Stack gap="md">
      {problem ? <Notice tone="bad" title="Not made">{problem}</Notice> : null}
      <Text size="sm">{webhook.name} gets a new secret. The one that it has now signs beside it for 24 hours, and then no more. An older one ends at once.</Text>
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>Cancel</Button>
        <Button loading={rotate.isPending} onClick={() => rotate.mutate()}>Make a new secret</Button>
      </Group>
    </Stack>
  );
}
