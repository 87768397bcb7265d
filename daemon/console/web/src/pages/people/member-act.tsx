// The acts on a member that are asked about first.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { useSession, useSessionActions } from "../../api/session";
import type { Member } from "../../api/types";
import { api } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { useToast } from "../../ui/toast";

export type Act = "sign-out" | "reset" | "owner" | "deactivate" | "reactivate" | "erase";

interface Words { title: string; act: string; danger: boolean; typed?: string; effect: string; done: string }

function wordsFor(act: Act, { name, email }: Member, tenant: string): Words {
  switch (act) {
    case "sign-out":
      return {
        title: `Sign ${name} out`, act: "Sign out", danger: true, done: `${name} is signed out everywhere in ${tenant}.`,
        effect: `Every browser and program in which they are signed in to ${tenant} asks them to sign in again. They keep their roles.`,
      };
    case "reset":
      return {
        title: `Reset the factors of ${name}`, act: "Reset factors", danger: true, done: `${name} has no second factor any more and is signed out.`,
        effect: "Their app, passkeys and recovery codes stop working, their sessions end, and a mail tells them. Be sure that it is really they who ask: this is what a thief with a password would ask for.",
      };
    case "owner":
      return {
        title: `Make ${name} the owner`, act: "Transfer ownership", danger: true, typed: tenant, done: `${name} owns ${tenant} now.`,
        effect: `${name} becomes the owner of ${tenant}, and you stop being it. Only they can give it back.`,
      };
    case "deactivate":
      return {
        title: `Deactivate ${name}`, act: "Deactivate", danger: true, done: `${name} is deactivated and signed out everywhere.`,
        effect: "They are signed out everywhere at once, and their personal connections end. You can reactivate them later.",
      };
    case "erase":
      return {
        title: `Erase ${name}`, act: "Erase", danger: true, typed: email ?? "", done: `${name} is shut out and will be erased in a few minutes.`,
        effect: "They are signed out at once and cannot come back. What is held of them here is erased for good, and their account as well if it serves no other organisation. The audit log keeps what they did under an id that names nobody.",
      };
    case "reactivate":
      return {
        title: `Reactivate ${name}`, act: "Reactivate", danger: false, done: `${name} can sign in again.`, effect: "They can sign in again, with the roles they had.",
      };
  }
}

function request(act: Act, member: Member, tenant: string): Promise<unknown> {
  if (act === "reset") return client.post(api.memberFactorsReset(member.id));
  return client.post(api.memberVerb(member.id, act), act === "owner" ? { confirm: tenant } : act === "erase" ? { confirm: member.email } : {});
}

export function MemberAct({ act, member, onClose }: { act: Act | undefined; member: Member; onClose(): void }) {
  const { tenant } = useSession();
  const { reload } = useSessionActions();
  const queries = useQueryClient();
  const toast = useToast();
  const run = useMutation({
    mutationFn: (which: Act) => request(which, member, tenant.name),
    onSuccess: (_, which) => {
      toast.done(wordsFor(which, member, tenant.name).done);
      onClose();
      if (which === "owner") void reload();
    },
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ["members"] }), queries.invalidateQueries({ queryKey: ["exports"] })]),
  });
  if (!act) return null;
  const words = wordsFor(act, member, tenant.name);
  const close = () => { run.reset(); onClose(); };
  return (
    <Confirm
      opened title={words.title} act={words.act} danger={words.danger} typed={words.typed} busy={run.isPending} error={toTell(run.error)} onClose={close}
      onConfirm={() => run.mutate(act)}
    >
      {words.effect}
    </Confirm>
  );
}
