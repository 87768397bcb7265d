import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconRefresh } from "@tabler/icons-react";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { invalidateTopics } from "../../api/queries";
import { useCan } from "../../api/session";
import { api } from "../../paths";
import { useToast } from "../../ui/toast";

/** One record again, now: it is decided anew by the rules as they are. */
export function RetryRecord({ object, recordId, title, compact = false }: { object: string; recordId: string; title: string; compact?: boolean }) {
  const allowed = useCan("failure_retry");
  const queries = useQueryClient();
  const toast = useToast();
  const retry = useMutation({
    mutationFn: () => client.post(api.failureRetry(object, recordId)),
    onSuccess: () => {
      toast.done(`${title} is in line again and is decided anew in the next cycle.`);
      invalidateTopics(queries, ["failures"]);
    },
    onError: (error) => toast.failed(`${title} is not in line. ${messageOf(error)}`),
  });
  if (!allowed) return null;
  return (
    <Button
      variant="default" size={compact ? "compact-sm" : "sm"} loading={retry.isPending} leftSection={<IconRefresh size={14} aria-hidden />}
      aria-label={`Retry ${title}`} onClick={() => retry.mutate()}
    >
      Retry
    </Button>
  );
}
