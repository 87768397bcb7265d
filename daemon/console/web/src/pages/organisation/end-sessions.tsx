// The end of everybody's sessions at once, for the day on which somebody may be in who should not.
import { Button, Checkbox } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { useSessionActions } from "../../api/session";
import { plural } from "../../lib/format";
import { Confirm } from "../../ui/confirm";
import { useToast } from "../../ui/toast";

interface EndSessionsProps { address: string; /** What has to be typed. */ typed: string; title: string; label: string; effect: string; /** Whether one's own session can be among them. */ own: boolean; size?: "xs" | "compact-sm" }

export function EndSessions({ address, typed, title, label, effect, own, size = "xs" }: EndSessionsProps) {
  const [asking, setAsking] = useState(false);
  const [keep, setKeep] = useState(true);
  const { reload } = useSessionActions();
  const toast = useToast();
  const end = useMutation({
    mutationFn: () => client.post<{ ended: number }>(address, { confirm: typed, keep_own: keep }),
    onSuccess: ({ ended }) => {
      setAsking(false);
      toast.done(`${plural(ended, "session has", "sessions have")} ended.`);
      // One's own may be among them: the next request tells.
      if (!keep) reload().catch(() => undefined);
    },
  });
  return (
    <>
      <Button size={size} variant="default" c="var(--mantine-color-error)" aria-label={title} onClick={() => { end.reset(); setKeep(true); setAsking(true); }}>{label}</Button>
      <Confirm opened={asking} title={title} typed={typed} act="End the sessions" danger busy={end.isPending} error={toTell(end.error)} onClose={() => setAsking(false)} onConfirm={() => end.mutate()}>
        <p>{effect} People sign in again at their next step; API keys and provisioning tokens stay.</p>
        {own ? <Checkbox mt="sm" label="Keep this session of mine" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} /> : null}
      </Confirm>
    </>
  );
}
