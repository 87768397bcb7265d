import { useMutation, useQueryClient } from "@tanstack/react-query";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { OBJECT, rulesQuery } from "../../api/queries";
import type { Rule, RuleList } from "../../api/types";
import { api } from "../../paths";
import { useToast } from "../../ui/toast";

/** Deletes at once; undo writes the same rule anew and puts it back in its place. */
export function useDeleteRule(list: RuleList, onDeleted: () => void) {
  const queries = useQueryClient();
  const toast = useToast();
  const { queryKey } = rulesQuery();

  const restore = async (rule: Rule) => {
    try {
      const { name, enabled, condition, target, unavailable } = rule;
      const made = await client.post<Rule>(api.rules(OBJECT), { name, enabled, condition, target, unavailable }, { create: true });
      const now = await client.get<RuleList>(api.rules(OBJECT));
      const rest = now.items.map((one) => one.id).filter((id) => id !== made.id);
      const at = list.items.findIndex((one) => one.id === rule.id);
      await client.post(api.rulesOrder(OBJECT), { ids: [...rest.slice(0, at), made.id, ...rest.slice(at)], version: now.version });
      toast.done(`“${rule.name}” is back in its place.`);
    } catch (error) {
      toast.failed(`“${rule.name}” could not be put back whole. ${messageOf(error)}`);
    }
    await queries.invalidateQueries({ queryKey });
  };

  return useMutation({
    mutationFn: (rule: Rule) => client.delete(api.ruleDelete(rule.id, rule.version)),
    onSuccess: async (_, rule) => {
      onDeleted();
      await queries.invalidateQueries({ queryKey });
      toast.done(`“${rule.name}” is deleted. Its leads now meet the rules after it.`, { label: "Undo", run: () => { void restore(rule); } });
    },
    onError: (error, rule) => toast.failed(`“${rule.name}” is not deleted. ${messageOf(error)}`),
  });
}
