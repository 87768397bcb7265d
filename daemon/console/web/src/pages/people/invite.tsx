// Several people at once: each gets an invitation of their own, and each refusal stands beside its address.
import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { Cancelled, hasCode, messageOf } from "../../api/problem";
import { useSession } from "../../api/session";
import type { Invitation } from "../../api/types";
import { addressesIn } from "../../lib/addresses";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { RoleChoice } from "./role-choice";

const MOST = 50;
interface Refusal { email: string; why: string }

function whyNot(error: unknown): string {
  if (hasCode(error, "already_member")) return "is a member already";
  if (hasCode(error, "invitation_pending")) return "has an invitation already; send that one again instead";
  return messageOf(error);
}

/** One after the other, so that one step-up serves all; stops when that is called off. */
async function inviteAll(emails: string[], roles: string[]): Promise<Refusal[]> {
  const refused: Refusal[] = [];
  for (const email of emails) {
    try {
      await client.post<Invitation>(api.invitations(), { email, roles }, { create: true });
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      refused.push({ email, why: whyNot(error) });
    }
  }
  return refused;
}

export function InviteDialog({ onClose }: { onClose(): void }) {
  const { tenant } = useSession();
  const [text, setText] = useState("");
  const [roles, setRoles] = useState(["member"]);
  const [refused, setRefused] = useState<Refusal[]>([]);
  const { good, bad } = addressesIn(text);
  const queries = useQueryClient();
  const toast = useToast();
  const send = useMutation({
    mutationFn: () => inviteAll(good, roles),
    onSuccess: (failed) => {
      const sent = good.length - failed.length;
      if (sent > 0) toast.done(`${plural(sent, "invitation is", "invitations are")} on the way.`);
      if (failed.length === 0) onClose();
      setRefused(failed);
      setText(failed.map(({ email }) => email).join("\n"));
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["invitations"] }),
  });
  const slip = bad.length > 0 ? `${bad.join(", ")}: not a mail address.` : good.length > MOST ? `At most ${MOST} at once.` : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setRefused([]);
    send.mutate();
  };
  return (
    <Modal opened onClose={send.isPending ? () => undefined : onClose} closeOnClickOutside={false} title={`Invite people to ${tenant.name}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          {refused.length > 0 ? (
            <Notice tone="bad" title={`${plural(refused.length, "address was", "addresses were")} not invited`}>{refused.map(({ email, why }) => `${email} ${why}`).join(". ")}.</Notice>
          ) : null}
          <Textarea
            label="Email addresses" description="One or several: on lines of their own, with commas, or pasted from a mail." autosize minRows={3} maxRows={8} data-autofocus value={text} error={slip}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <RoleChoice value={roles} onChange={setRoles} />
          <Text size="sm" c="dimmed">Each gets a link by mail that works once, within seven days.</Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={send.isPending} disabled={good.length === 0 || slip !== undefined || roles.length === 0}>{good.length > 1 ? `Invite ${good.length} people` : "Invite"}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
