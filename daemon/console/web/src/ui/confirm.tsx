// Dangerous acts: the effect first, then the typed name, then the act. Never two dangerous buttons side by side.
import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import { Notice } from "./status";
import css from "./ui.module.css";

interface ConfirmProps {
  opened: boolean;
  title: string;
  children: ReactNode;
  /** What has to be typed, if anything. */
  typed?: string | undefined;
  act: string;
  danger?: boolean;
  busy?: boolean;
  error?: string | undefined;
  onConfirm(): void;
  onClose(): void;
}

export function Confirm(props: ConfirmProps) {
  return (
    // While it works, another dialog may stand above it (step-up): Escape is meant for that one.
    <Modal opened={props.opened} onClose={props.busy ? () => undefined : props.onClose} title={props.title} size="md" closeButtonProps={{ "aria-label": "Close" }}>
      {props.opened ? <ConfirmForm {...props} /> : null}
    </Modal>
  );
}

function ConfirmForm({ children, typed, act, danger = false, busy = false, error, onConfirm, onClose }: ConfirmProps) {
  const [text, setText] = useState("");
  const ready = typed === undefined || text.trim() === typed;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) onConfirm();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <div className={css["effect"]}>{children}</div>
        {typed === undefined ? null : (
          <TextInput
            label={<>Type <Text span fw={650} inherit>{typed}</Text> to confirm</>}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        )}
        {error ? <Notice tone="bad" title="Not done">{error}</Notice> : null}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose} {...(typed === undefined && danger ? { "data-autofocus": true } : {})}>Cancel</Button>
          <Button type="submit" {...(danger ? { color: "red.9" } : {})} {...(typed === undefined && !danger ? { "data-autofocus": true } : {})} disabled={!ready} loading={busy}>{act}</Button>
        </Group>
      </Stack>
    </form>
  );
}
