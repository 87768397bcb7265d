import { useMutation, useQueryClient } from "@tanstack/react-query";
import { client } from "../../api/client";
import { hasCode, Problem, toTell } from "../../api/problem";
import type { Provider, ProviderInput } from "../../api/sso";
import { ownedBy, useOwner } from "./owner";

const CONFLICT = "Somebody else changed this provider while you looked. Close it and open it again; what you typed is still here until then.";

export interface FormProps { provider: Provider | undefined; mayEdit: boolean; onBusy(busy: boolean): void; onSaved(saved: Provider): void }

/** Makes or changes a provider. A refusal that names one of `fields` is told beside it, any other above the form. */
export function useSaveProvider({ provider, onBusy, onSaved }: FormProps, fields: string[]) {
  const queries = useQueryClient();
  const owner = useOwner();
  const save = useMutation({
    mutationFn: (input: ProviderInput) => (provider
      ? client.put<Provider>(owner.provider(provider.id), ownedBy(owner, input))
      : client.post<Provider>(owner.providers(), ownedBy(owner, input), { create: true })),
    onMutate: () => onBusy(true),
    onSuccess: async (saved) => {
      await queries.invalidateQueries({ queryKey: ["sso"] });
      onSaved(saved);
    },
    onSettled: () => onBusy(false),
  });
  const beside = (field: string) => (save.error instanceof Problem ? save.error.forField(field) : undefined);
  const problem = fields.some(beside) ? undefined : hasCode(save.error, "version_conflict") ? CONFLICT : toTell(save.error);
  return { save: save.mutate, saving: save.isPending, beside, problem };
}
