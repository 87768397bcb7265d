import { ActionIcon, Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { IconFingerprint, IconPencil } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { messageOf, toTell } from "../../api/problem";
import type { Passkey } from "../../api/types";
import { api } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { useToast } from "../../ui/toast";
import css from "./factors.module.css";

/** One passkey of one's own: its name, its use, and its end. `last`: it may not go, because a factor is required. */
export function PasskeyRow({ passkey, last, onChanged }: { passkey: Passkey; last: boolean; onChanged(): void }) {
  const [renaming, setRenaming] = useState(false);
  const [asking, setAsking] = useState(false);
  const toast = useToast();
  const remove = useMutation({
    mutationFn: () => client.delete(api.myPasskey(passkey.id)),
    onSuccess: () => {
      setAsking(false);
      toast.done(`The passkey “${passkey.name}” no longer opens your account. You may delete it on its device too.`);
      onChanged();
    },
  });
  return (
    <li>
      <IconFingerprint size={20} stroke={1.6} aria-hidden />
      {renaming ? <Rename passkey={passkey} onDone={() => { setRenaming(false); onChanged(); }} onCancel={() => setRenaming(false)} /> : (
        <>
          <div className={css["rowText"]}>
            <strong>{passkey.name}</strong>
            <small>Made <Time at={passkey.created_at} />, last used <Time at={passkey.last_used_at} ago />.</small>
          </div>
          <div className={css["rowActs"]}>
            <ActionIcon size="lg" aria-label={`Rename ${passkey.name}`} onClick={() => setRenaming(true)}><IconPencil size={16} aria-hidden /></ActionIcon>
            <Button
              size="xs" variant="default" disabled={last} aria-label={`Remove ${passkey.name}`} title={last ? "Your role asks for a second factor. Add another before you remove this one." : undefined}
              onClick={() => { remove.reset(); setAsking(true); }}
            >
              Remove
            </Button>
          </div>
        </>
      )}
      <Confirm opened={asking} title="Remove this passkey" act="Remove" danger busy={remove.isPending} error={toTell(remove.error)} onClose={() => setAsking(false)} onConfirm={() => remove.mutate()}>
        “{passkey.name}” will not open your account any more.
      </Confirm>
    </li>
  );
}

function Rename({ passkey, onDone, onCancel }: { passkey: Passkey; onDone(): void; onCancel(): void }) {
  const [name, setName] = useState(passkey.name);
  const save = useMutation({ mutationFn: () => client.patch(api.myPasskey(passkey.id), { name: name.trim() }), onSuccess: onDone });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form className={css["rowText"]} onSubmit={submit}>
      <div className={css["foot"]}>
        <TextInput
          className={css["grow"] ?? ""} aria-label={`New name of ${passkey.name}`} autoFocus maxLength={80} value={name} error={save.isError ? messageOf(save.error) : undefined}
          onChange={(event) => setName(event.currentTarget.value)} onKeyDown={(event) => { if (event.key === "Escape") onCancel(); }}
        />
        <Button size="xs" type="submit" loading={save.isPending} disabled={name.trim() === ""}>Save</Button>
        <Button size="xs" variant="default" onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  );
}
