// The away switch.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { invalidateTopics } from "../../api/queries";
import type { Rep } from "../../api/types";
import { api } from "../../paths";
import { useToast } from "../../ui/toast";

export function usePause() {
  const queries = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: ({ rep, paused }: { rep: Rep; paused: boolean }) => client.patch<Rep>(api.rep(rep.id), { paused }),
    onSuccess: (_, { rep, paused }) => toast.done(paused ? `${rep.name} is paused and gets no further leads. What is assigned stays.` : `${rep.name} takes turns again.`),
    onError: (error, { rep }) => toast.failed(`${rep.name} is unchanged. ${messageOf(error)}`),
    onSettled: () => invalidateTopics(queries, ["reps"]),
  });
}
