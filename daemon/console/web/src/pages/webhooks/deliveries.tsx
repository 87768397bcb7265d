// What a webhook was told, newest first, and what came of it; each can be sent again.
import { Button, Group, Select } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { deliveriesQuery, type Delivery, type Webhook, webhookEventsQuery } from "../../api/webhooks";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { Status } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "./webhooks.module.css";
import { deliveryState, faultWords } from "./words";

const STATES = [{ value: "delivered", label: "Delivered" }, { value: "waiting", label: "Waiting" }, { value: "failed", label: "Failed" }];

export function Deliveries({ webhook, mayEdit }: { webhook: Webhook; mayEdit: boolean }) {
  const [state, setState] = useState<string | null>(null);
  const [event, setEvent] = useState<string | null>(null);
  const offered = useQuery(webhookEventsQuery());
  const query = useInfiniteQuery(deliveriesQuery(webhook.id, { ...(state ? { state } : {}), ...(event ? { event } : {}) }));
  const events = [...(offered.data ?? []).map((one) => one.name), "test"];
  return (
    <section className={css["part"]} aria-label="Deliveries">
      <h3>Deliveries</h3>
      <Group gap="xs" className={css["filters"] ?? ""}>
        <Select size="xs" aria-label="State" placeholder="Every state" clearable data={STATES} value={state} onChange={setState} />
        <Select size="xs" aria-label="Event" placeholder="Every event" clearable data={events} value={event} onChange={setEvent} />
      </Group>
      <QueryView query={query} what="The deliveries">
        {(found) => {
          const rows = found.pages.flatMap((page) => page.items);
          return rows.length === 0
            ? <p>{state || event ? "None is like this." : "Nothing was told yet. Test it, or wait for something to happen."}</p>
            : <ol className={css["list"]}>{rows.map((delivery) => <One key={delivery.id} webhook={webhook} delivery={delivery} mayEdit={mayEdit} />)}</ol>;
        }}
      </QueryView>
      {query.hasNextPage ? <Button size="xs" variant="default" loading={query.isFetchingNextPage} onClick={() => { void query.fetchNextPage(); }}>Older ones</Button> : null}
    </section>
  );
}

function One({ webhook, delivery, mayEdit }: { webhook: Webhook; delivery: Delivery; mayEdit: boolean }) {
  const queries = useQueryClient();
  const toast = useToast();
  const look = deliveryState(delivery);
  const replay = useMutation({
    mutationFn: () => client.post(api.webhookReplay(webhook.id, delivery.id)),
    onSuccess: () => toast.done(`${delivery.event} is sent again, with the same id.`),
    onError: (error) => toast.failed(`${delivery.event} is not sent again. ${messageOf(error)}`),
    onSettled: () => queries.invalidateQueries({ queryKey: ["webhooks", "deliveries"] }),
  });
  return (
    <li>
      <div className={css["head"]}>
        <span className="mono">{delivery.event}</span>
        <Status tone={look.tone}>{look.word}</Status>
        <Time at={delivery.at} ago />
        {mayEdit && webhook.enabled && delivery.state !== "waiting" ? <Button size="compact-xs" variant="default" loading={replay.isPending} aria-label={`Send ${delivery.event} ${delivery.id} again`} onClick={() => replay.mutate()}>Send again</Button> : null}
      </div>
      <p>
        {plural(delivery.attempts, "attempt")}{delivery.replays > 0 ? `, sent again by hand ${plural(delivery.replays, "time")}` : ""}
        {delivery.status === null ? "" : `, status ${delivery.status}`}{delivery.milliseconds === null ? "" : ` after ${delivery.milliseconds} ms`}
        {delivery.next_at ? <>, next <Time at={delivery.next_at} due /></> : null}. {faultWords(delivery)}
      </p>
      <details><summary>What was sent</summary><p className="mono">{delivery.id}</p><pre>{pretty(delivery.body)}</pre></details>
    </li>
  );
}

function pretty(body: string): string {
  try { return JSON.stringify(JSON.parse(body), null, 2); } catch { return body; }
}
