import { Button, Checkbox, Modal, Stack, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { CopyButton } from "./copy";
import css from "./ui.module.css";

/** A secret as it is read off the screen or copied. */
export function SecretText({ children, label }: { children: string; label?: string }) {
  return <div className={css["secret"]} aria-label={label}>{children}</div>;
}

interface Made { name: string; secret: string }

interface Words {
  /** "API key": what the secret is called. */
  label: string;
  /** Title while the form is shown, and once there is a secret. */
  form: string;
  made: string;
  copy: string;
  /** Where it belongs, after "This is the only time that “name” is shown." */
  where: string;
  stored: string;
}

interface FormProps<T> { onMade(made: T): void; onBusy(busy: boolean): void; onClose(): void }

/** A form that makes a secret, which is then shown once: the dialog stays until it was stored. */
export function SecretDialog<T extends Made>({ words, form, onClose }: { words: Words; form(props: FormProps<T>): ReactNode; onClose(): void }) {
  const [made, setMade] = useState<T>();
  const [busy, setBusy] = useState(false);
  return (
    <Modal
      opened onClose={busy || made ? () => undefined : onClose} withCloseButton={!made} closeOnClickOutside={false} size={520}
      title={made ? words.made : words.form} closeButtonProps={{ "aria-label": "Close" }}
    >
      {made ? <Shown made={made} words={words} onClose={onClose} /> : form({ onMade: setMade, onBusy: setBusy, onClose })}
    </Modal>
  );
}

function Shown({ made, words, onClose }: { made: Made; words: Words; onClose(): void }) {
  const [stored, setStored] = useState(false);
  return (
    <Stack gap="md">
      <Text size="sm">This is the only time that “{made.name}” is shown. {words.where}</Text>
      <div>
        <SecretText label={words.label}>{made.secret}</SecretText>
        <CopyButton value={made.secret}>{words.copy}</CopyButton>
      </div>
      <Checkbox label={words.stored} checked={stored} onChange={(event) => setStored(event.currentTarget.checked)} />
      <Button fullWidth disabled={!stored} onClick={onClose}>Done</Button>
    </Stack>
  );
}
