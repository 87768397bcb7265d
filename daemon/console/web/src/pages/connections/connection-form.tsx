// The External Client App's key and secret, and where its users sign in.
import { Button, Group, PasswordInput, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { messageOf, Problem } from "../../api/problem";
import { invalidateTopics } from "../../api/queries";
import type { Connection, ConnectionInput, SalesforceEnvironment } from "../../api/types";
import { api } from "../../paths";
import { Panel } from "../../ui/page";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";

const WHERE: Record<SalesforceEnvironment, string> = { production: "Production", sandbox: "Sandbox", my_domain: "My Domain" };
const isEnvironment = (text: string): text is SalesforceEnvironment => text in WHERE;

export function ConnectionForm({ connection }: { connection: Connection | undefined }) {
  const configured = connection !== undefined && connection.state !== "unconfigured";
  const [editing, setEditing] = useState(!configured);
  if (!editing) {
    return (
      <Panel title="Set-up" note="Key, secret and sign-in address of the External Client App." actions={<Button size="xs" variant="default" onClick={() => setEditing(true)}>Change</Button>}>
        <p>{WHERE[connection?.environment ?? "production"]}, {connection?.login_host}. The secret is sealed and cannot be shown again.</p>
      </Panel>
    );
  }
  return <Form connection={connection} configured={configured} onDone={() => setEditing(false)} />;
}

function Form({ connection, configured, onDone }: { connection: Connection | undefined; configured: boolean; onDone(): void }) {
  const [environment, setEnvironment] = useState<SalesforceEnvironment>(connection?.environment ?? "production");
  const [domain, setDomain] = useState(connection?.environment === "my_domain" ? connection.login_host : "");
  const [key, setKey] = useState("");
  const [secret, setSecret] = useState("");
  const queries = useQueryClient();
  const toast = useToast();
  const save = useMutation({
    mutationFn: (input: ConnectionInput) => client.put<Connection>(api.salesforce(), input),
    onSuccess: () => {
      invalidateTopics(queries, ["connection"]);
      toast.done("Saved. Now connect: Salesforce asks the integration user for consent.");
      onDone();
    },
  });
  const problem = save.error instanceof Problem ? save.error : undefined;
  const beside = ["my_domain", "consumer_key", "consumer_secret", "environment"].some((field) => problem?.forField(field));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({
      environment, consumer_key: key.trim(),
      ...(environment === "my_domain" ? { my_domain: domain.trim() } : {}),
      ...(secret === "" ? {} : { consumer_secret: secret.trim() }),
    });
  };
  return (
    <Panel title="Set-up" note="From the External Client App that you make in Salesforce; the steps stand below.">
      <form onSubmit={submit}>
        <Stack gap="md" maw={560}>
          {save.isError && !beside ? <Notice tone="bad" title="Not saved">{messageOf(save.error)}</Notice> : null}
          {configured ? <Notice tone="info" title="Changing the set-up ends the present connection">The integration user has to consent once more.</Notice> : null}
          <div>
            <Text fw={500} size="sm" mb={4} id="environment-label">Where its users sign in</Text>
            <SegmentedControl
              aria-labelledby="environment-label" value={environment} onChange={(next) => { if (isEnvironment(next)) setEnvironment(next); }}
              data={Object.entries(WHERE).map(([value, label]) => ({ value, label }))}
            />
          </div>
          {environment === "my_domain" ? (
            <TextInput label="My Domain" placeholder="acme.my.salesforce.com" required withAsterisk={false} spellCheck={false} autoComplete="off" value={domain} error={problem?.forField("my_domain")} onChange={(event) => setDomain(event.currentTarget.value)} />
          ) : null}
          <TextInput label="Consumer key" required withAsterisk={false} spellCheck={false} autoComplete="off" value={key} error={problem?.forField("consumer_key")} onChange={(event) => setKey(event.currentTarget.value)} />
          <PasswordInput
            label="Consumer secret" description="Leave empty if the app does not require one. It is sealed at once and never shown again." autoComplete="off"
            value={secret} error={problem?.forField("consumer_secret")} onChange={(event) => setSecret(event.currentTarget.value)} visibilityToggleButtonProps={{ "aria-label": "Show the secret" }}
          />
          <Group gap="xs">
            <Button type="submit" loading={save.isPending} disabled={key.trim() === "" || (environment === "my_domain" && domain.trim() === "")}>Save set-up</Button>
            {configured ? <Button variant="default" onClick={onDone}>Cancel</Button> : null}
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}
