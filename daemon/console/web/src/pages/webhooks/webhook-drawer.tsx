// One webhook on the right, at its own address: its test, its settings, its deliveries; the list stays behind it.
import { Button, Drawer, Group, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconSend } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { hasCode, toTell } from "../../api/problem";
import { type Attempt, inputOf, type Webhook } from "../../api/webhooks";
import { api } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { Time, useNow } from "../../ui/facts";
import { LoadingRows } from "../../ui/states";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { Deliveries } from "./deliveries";
import { Rotate } from "./rotate";
import { changed, formOf, inputFrom, isBeside, missing, WebhookFields } from "./webhook-fields";
import css from "./webhooks.module.css";
import { testWords } from "./words";

const CONFLICT = "Somebody else changed this webhook while you looked. Close it and open it again; what you typed is still here until then.";

interface DrawerProps { id: string | undefined; webhooks: Webhook[] | undefined; mayEdit: boolean; onClose(): void }

export function WebhookDrawer({ id, webhooks, mayEdit, onClose }: DrawerProps) {
  const webhook = webhooks?.find((one) => one.id === id);
  // Another dialog stands above: Escape is meant for that one.
  const [busy, setBusy] = useState(false);
  return (
    <Drawer opened={id !== undefined} onClose={onClose} size={620} closeOnEscape={!busy} closeOnClickOutside={false} title={webhook?.name ?? "Webhook"} closeButtonProps={{ "aria-label": "Close the webhook" }}>
      {id === undefined ? null
        : webhook ? <Details key={id} webhook={webhook} mayEdit={mayEdit} onBusy={setBusy} onClose={onClose} />
        : webhooks === undefined ? <LoadingRows />
        : <Notice tone="warn" title="There is no such webhook">It was removed, or the link is from another organisation.</Notice>}
    </Drawer>
  );
}

interface DetailsProps { webhook: Webhook; mayEdit: boolean; onBusy(busy: boolean): void; onClose(): void }

function Details({ webhook, mayEdit, onBusy, onClose }: DetailsProps) {
  return (
    <Stack gap="lg">
      {mayEdit ? <Test webhook={webhook} onBusy={onBusy} /> : null}
      <Settings key={webhook.version} webhook={webhook} mayEdit={mayEdit} onBusy={onBusy} />
      <Deliveries webhook={webhook} mayEdit={mayEdit} />
      {mayEdit ? <Acts webhook={webhook} onBusy={onBusy} onClose={onClose} /> : null}
    </Stack>
  );
}

function Test({ webhook, onBusy }: { webhook: Webhook; onBusy(busy: boolean): void }) {
  const queries = useQueryClient();
  const test = useMutation({
    mutationFn: () => client.post<Attempt>(api.webhookTest(webhook.id)),
    onMutate: () => onBusy(true),
    onSettled: () => { onBusy(false); void queries.invalidateQueries({ queryKey: ["webhooks", "deliveries"] }); },
  });
  const problem = toTell(test.error);
  return (
    <section className={css["part"]} aria-label="Test">
      <h3>Test</h3>
      <p>Sends one event, test, at once, whether the webhook is on or off.</p>
      <div className={css["lead"]}>
        <div aria-live="polite">
          {problem ? <Notice tone="bad" title="Not tested">{problem}</Notice> : null}
          {test.data ? <Notice tone={test.data.delivered ? "ok" : "bad"} title={test.data.delivered ? "The receiver has it" : "It was not taken"}>{testWords(test.data)}</Notice> : null}
        </div>
        <div><Button size="xs" variant={test.data ? "default" : "light"} leftSection={<IconSend size={14} aria-hidden />} loading={test.isPending} onClick={() => test.mutate()}>{test.data ? "Test again" : "Test"}</Button></div>
      </div>
    </section>
  );
}

function Settings({ webhook, mayEdit, onBusy }: { webhook: Webhook; mayEdit: boolean; onBusy(busy: boolean): void }) {
  const [form, setForm] = useState(() => formOf(webhook));
  const queries = useQueryClient();
  const toast = useToast();
  const save = useMutation({
    mutationFn: () => client.put<Webhook>(api.webhook(webhook.id), inputFrom(form, webhook)),
    onMutate: () => onBusy(true),
    onSuccess: async (saved) => {
      await queries.invalidateQueries({ queryKey: ["webhooks", "list"] });
      toast.done(`${saved.name} is saved.`);
    },
    onSettled: () => onBusy(false),
  });
  const problem = isBeside(save.error) ? undefined : hasCode(save.error, "version_conflict") ? CONFLICT : toTell(save.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const edited = changed(form, webhook);
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {problem ? <Notice tone="bad" title="Not saved">{problem}</Notice> : null}
        <WebhookFields form={form} fixed={!mayEdit || save.isPending} error={save.error} focus={false} onChange={setForm} />
        {mayEdit ? (
          <Group gap="xs">
            <Button type="submit" loading={save.isPending} disabled={missing(form) || !edited}>Save</Button>
            {edited ? <Button variant="default" disabled={save.isPending} onClick={() => setForm(formOf(webhook))}>Undo</Button> : null}
          </Group>
        ) : null}
      </Stack>
    </form>
  );
}

function Acts({ webhook, onBusy, onClose }: { webhook: Webhook; onBusy(busy: boolean): void; onClose(): void }) {
  const queries = useQueryClient();
  const toast = useToast();
  const now = useNow();
  const [dialog, setDialog] = useState<"remove" | "rotate">();
  const ask = (next: "remove" | "rotate" | undefined) => { setDialog(next); onBusy(next !== undefined); };
  const settled = () => queries.invalidateQueries({ queryKey: ["webhooks"] });
  const turn = useMutation({
    mutationFn: () => client.put<Webhook>(api.webhook(webhook.id), { ...inputOf(webhook), enabled: !webhook.enabled }),
    onSuccess: (now) => toast.done(now.enabled ? `${now.name} is on.` : `${now.name} is off.`),
    onSettled: settled,
  });
  const remove = useMutation({
    mutationFn: () => client.delete(api.webhook(webhook.id)),
    onSuccess: () => {
      ask(undefined);
      toast.done(`${webhook.name} is removed.`);
      onClose();
    },
    onSettled: settled,
  });
  const problem = toTell(turn.error);
  return (
    <section className={css["acts"]} aria-label="Acts">
      {problem ? <Notice tone="bad" title="Not changed">{problem}</Notice> : null}
      {webhook.enabled
        ? <div><div><strong>Switch off</strong><p>What waits fails, and what happens meanwhile is not told later.</p></div><Button size="xs" variant="default" loading={turn.isPending} onClick={() => turn.mutate()}>Switch off</Button></div>
        : <div><div><strong>Switch on</strong><p>It is told of what happens from now on.</p></div><Button size="xs" loading={turn.isPending} onClick={() => turn.mutate()}>Switch on</Button></div>}
      <div><div><strong>New secret</strong><p>{webhook.previous_until && Date.parse(webhook.previous_until) > now ? <>The one before signs as well until <Time at={webhook.previous_until} />.</> : "The old one signs beside it for 24 hours."}</p></div><Button size="xs" variant="default" onClick={() => ask("rotate")}>New secret</Button></div>
      <div><div><strong>Remove</strong><p>With its secret and the log of its deliveries.</p></div><Button size="xs" variant="default" c="var(--mantine-color-error)" onClick={() => { remove.reset(); ask("remove"); }}>Remove</Button></div>
      <Confirm opened={dialog === "remove"} title={`Remove ${webhook.name}`} typed={webhook.name} act="Remove" danger busy={remove.isPending} error={toTell(remove.error)} onClose={() => ask(undefined)} onConfirm={() => remove.mutate()}>
        Its receiver is told nothing more, and what it was told is no longer shown here.
      </Confirm>
      {dialog === "rotate" ? <Rotate webhook={webhook} onClose={() => ask(undefined)} /> : null}
    </section>
  );
}
