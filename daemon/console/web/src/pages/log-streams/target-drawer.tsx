// One target on the right, at its own address: how it fares, its test, its settings; the list stays behind it.
import { Button, Drawer, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconPlugConnected } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useNavigate } from "react-router";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { inputOf, type Target, type Tested } from "../../api/siem";
import { count, plural } from "../../lib/format";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { Facts } from "../../ui/page";
import { LoadingRows } from "../../ui/states";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "../single-sign-on/single-sign-on.module.css";
import { useOwner } from "./owner";
import { TargetForm } from "./target-form";
import { TargetState } from "./target-state";
import { errorWords, testWords, waitingWords } from "./words";

interface TargetDrawerProps { id: string | undefined; targets: Target[] | undefined; mayEdit: boolean; onClose(): void }

export function TargetDrawer({ id, targets, mayEdit, onClose }: TargetDrawerProps) {
  const target = targets?.find((one) => one.id === id);
  const fresh = id === "new" && mayEdit;
  // Another dialog stands above: Escape is meant for that one.
  const [busy, setBusy] = useState(false);
  return (
    <Drawer
      opened={id !== undefined} onClose={onClose} size={620} closeOnEscape={!busy} closeOnClickOutside={false}
      title={fresh ? "New target" : (target?.name ?? "Target")} closeButtonProps={{ "aria-label": "Close the target" }}
    >
      {id === undefined ? null
        : target || fresh ? <Details key={id} target={target} mayEdit={mayEdit} onBusy={setBusy} onClose={onClose} />
        : targets === undefined ? <LoadingRows />
        : <Notice tone="warn" title="There is no such target">It was removed, or the link is from another organisation.</Notice>}
    </Drawer>
  );
}

interface DetailsProps { target: Target | undefined; mayEdit: boolean; onBusy(busy: boolean): void; onClose(): void }

function Details({ target, mayEdit, onBusy, onClose }: DetailsProps) {
  const navigate = useNavigate();
  const owner = useOwner();
  const toast = useToast();
  const saved = (made: Target) => {
    toast.done(`${made.name} is saved.`);
    if (!target) void navigate(owner.targetPage(made.id), { replace: true });
  };
  return (
    <Stack gap="lg">
      {target ? <Standing target={target} /> : null}
      {target && mayEdit ? <TargetTest target={target} onBusy={onBusy} /> : null}
      <TargetForm key={target?.version ?? 0} target={target} mayEdit={mayEdit} onBusy={onBusy} onSaved={saved} />
      {target && mayEdit ? <Acts target={target} onBusy={onBusy} onClose={onClose} /> : null}
    </Stack>
  );
}

function Standing({ target }: { target: Target }) {
  return (
    <section className={css["part"]} aria-label="How it fares">
      <h3>How it fares</h3>
      <Facts
        items={[
          ["State", <TargetState key="state" target={target} />],
          ["Waiting", <>{waitingWords(target.waiting)} events{target.waiting_since ? <>, the oldest from <Time at={target.waiting_since} ago /></> : null}</>],
          ["Sent", <>{plural(target.sent, "event")}{target.acknowledges ? "" : ", repeats counted"}{target.last_sent_at ? <>, last <Time at={target.last_sent_at} ago /></> : null}</>],
          ["Errors", <>{target.errors === 0 ? "none" : count(target.errors)}{target.last_error ? <>, last <Time at={target.last_error_at} ago />: {errorWords(target.last_error, target.transport)}</> : null}</>],
          ...(target.certificate_ends_at ? [["Certificates", <>the first ends on <Time at={target.certificate_ends_at} /></>] as [string, ReactNode]] : []),
        ]}
      />
    </section>
  );
}

/** Sends one event over a connection of its own, and tells what came of it. */
function TargetTest({ target, onBusy }: { target: Target; onBusy(busy: boolean): void }) {
  const owner = useOwner();
  const test = useMutation({
    mutationFn: () => client.post<Tested>(owner.test(target.id)),
    onMutate: () => onBusy(true),
    onSettled: () => onBusy(false),
  });
  const problem = toTell(test.error);
  return (
    <section className={css["part"]} aria-label="Test">
      <h3>Test</h3>
      <p>Sends one event, siem_target_test, beside the stream.</p>
      <div className={css["lead"]}>
        <div aria-live="polite">
          {problem ? <Notice tone="bad" title="Not tested">{problem}</Notice> : null}
          {test.data ? <Found tested={test.data} target={target} /> : null}
        </div>
        <div>
          <Button size="xs" variant={test.data ? "default" : "light"} leftSection={<IconPlugConnected size={14} aria-hidden />} loading={test.isPending} onClick={() => test.mutate()}>
            {test.data ? "Test again" : "Test"}
          </Button>
        </div>
      </div>
    </section>
  );
}

function Found({ tested, target }: { tested: Tested; target: Target }) {
  if (!tested.sent) return <Notice tone="bad" title="It did not arrive">{testWords(tested, target.transport)}</Notice>;
  if (tested.acknowledged) return <Notice tone="ok" title="The target has it">It confirmed the event.</Notice>;
  return <Notice tone="info" title="Sent">Nothing confirms what arrives this way: look for siem_target_test at the target.</Notice>;
}

function Acts({ target, onBusy, onClose }: { target: Target; onBusy(busy: boolean): void; onClose(): void }) {
  const queries = useQueryClient();
  const owner = useOwner();
  const toast = useToast();
  const [asking, setAsking] = useState(false);
  const ask = (next: boolean) => { setAsking(next); onBusy(next); };
  const settled = () => queries.invalidateQueries({ queryKey: ["siem"] });
  const turn = useMutation({
    mutationFn: () => client.put<Target>(owner.target(target.id), { ...inputOf(target), enabled: !target.enabled }),
    onSuccess: (now) => toast.done(now.enabled ? `${now.name} goes on where it was.` : `${now.name} is paused.`),
    onSettled: settled,
  });
  const remove = useMutation({
    mutationFn: () => client.delete(owner.target(target.id)),
    onSuccess: () => {
      ask(false);
      toast.done(`${target.name} is removed.`);
      onClose();
    },
    onSettled: settled,
  });
  const problem = toTell(turn.error);
  return (
    <section className={css["acts"]} aria-label="Acts">
      {problem ? <Notice tone="bad" title="Not changed">{problem}</Notice> : null}
      {target.enabled
        ? <div><div><strong>Pause</strong><p>Nothing is sent; the log waits and is sent when the stream goes on.</p></div><Button size="xs" variant="default" loading={turn.isPending} onClick={() => turn.mutate()}>Pause</Button></div>
        : <div><div><strong>Go on</strong><p>With everything that was logged meanwhile.</p></div><Button size="xs" loading={turn.isPending} onClick={() => turn.mutate()}>Go on</Button></div>}
      <div><div><strong>Remove</strong><p>With the place that it had reached in the log.</p></div><Button size="xs" variant="default" c="var(--mantine-color-error)" onClick={() => { remove.reset(); ask(true); }}>Remove</Button></div>
      <Confirm opened={asking} title={`Remove ${target.name}`} typed={target.name} act="Remove" danger busy={remove.isPending} error={toTell(remove.error)} onClose={() => ask(false)} onConfirm={() => remove.mutate()}>
        Nothing more is sent there. What it has stays there.
      </Confirm>
    </section>
  );
}
