// The acts on a provider that are asked about first.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { client } from "../../api/client";
import { hasCode, toTell } from "../../api/problem";
import { inputOf, type Provider } from "../../api/sso";
import { plural } from "../../lib/format";
import { Confirm } from "../../ui/confirm";
import { useToast } from "../../ui/toast";
import { useOwner } from "./owner";

export type Act = "enable" | "disable" | "remove";

interface Words { title: string; act: string; danger: boolean; typed?: string; effect: string; done: string }

function wordsFor(act: Act, { name, domains }: Provider): Words {
  const verified = domains.filter((domain) => domain.verified).length;
  switch (act) {
    case "enable":
      return {
        title: `Enable ${name}`, act: "Enable", danger: false, done: `${name} is enabled.`,
        effect: verified === 0
          ? "People can sign in through it by its link. Passwords go on working."
          : `Addresses of ${plural(verified, "verified domain")} lead to it from now on. Passwords go on working.`,
      };
    case "disable":
      return {
        title: `Disable ${name}`, act: "Disable", danger: true, done: `${name} is disabled, and the sessions that it opened have ended.`,
        effect: "Everybody who is signed in through it is signed out at once, and nobody can sign in through it until it is enabled again.",
      };
    case "remove":
      return {
        title: `Remove ${name}`, act: "Remove", danger: true, typed: name, done: `${name} is removed.`,
        effect: `Everybody who is signed in through it is signed out at once${domains.length === 0 ? "" : `, and ${plural(domains.length, "mail domain")} would have to be verified anew`}. The people stay members; those who have no password cannot sign in.`,
      };
  }
}

interface ProviderActProps { act: Act | undefined; provider: Provider; onClose(): void; onRemoved(): void }

export function ProviderAct({ act, provider, onClose, onRemoved }: ProviderActProps) {
  const queries = useQueryClient();
  const toast = useToast();
  const owner = useOwner();
  const run = useMutation({
    mutationFn: (what: Act) => (what === "remove"
      ? client.delete(owner.provider(provider.id))
      : client.put(owner.provider(provider.id), { ...inputOf(provider), enabled: what === "enable" })),
    onSuccess: (_, what) => {
      onClose();
      toast.done(wordsFor(what, provider).done);
      if (what === "remove") onRemoved();
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["sso"] }),
  });
  const words = act === undefined ? undefined : wordsFor(act, provider);
  const close = () => { run.reset(); onClose(); };
  const problem = hasCode(run.error, "sso_no_provider")
    ? "Single sign-on alone opens this organisation, and no other provider is enabled: nobody could sign in. Let passwords in again first."
    : toTell(run.error);
  return (
    <Confirm
      opened={words !== undefined} title={words?.title ?? ""} act={words?.act ?? ""} danger={words?.danger ?? false} typed={words?.typed} busy={run.isPending}
      error={problem} onClose={close} onConfirm={() => { if (act) run.mutate(act); }}
    >
      {words?.effect}
    </Confirm>
  );
}
