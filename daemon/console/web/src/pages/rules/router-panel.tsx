// Whether the router runs: state, last cycle, activation with its effect shown first.
import { Anchor, Button, Group } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconPlayerPause, IconPlayerPlay, IconPower } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client";
import { messageOf, requestIdOf } from "../../api/problem";
import { activationPreviewQuery, invalidateTopics, OBJECT, routerQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { LastCycle, Router } from "../../api/types";
import { count, duration, percent, plural } from "../../lib/format";
import { api, path } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Fault, LoadingRows } from "../../ui/states";
import { Notice, StateBadge } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "./rules.module.css";

type Verb = "activate" | "pause" | "resume" | "off";

export const VERB_DONE: Record<Verb, string> = {
  activate: "Activation began. The baseline is taken first: leads that are already there stay with their owners; new ones are routed.",
  pause: "Paused. Nothing is read or written; leads that come in now keep their owner.",
  resume: "Running again. Leads that came in during the pause keep their owner; later ones are routed.",
  off: "Off. Nothing is read in and nothing is written. The next activation takes a new baseline.",
};

export function RouterPanel({ router }: { router: Router | null }) {
  const mayOperate = useCan("router_operate");
  const [asking, setAsking] = useState<"activate" | "off">();
  const queries = useQueryClient();
  const toast = useToast();
  const verb = useMutation({
    mutationFn: ({ name, confirm }: { name: Verb; confirm?: string | undefined }) =>
      client.post<Router>(api.routerVerb(OBJECT, name), confirm === undefined ? {} : { confirm }),
    onSuccess: (updated, { name }) => {
      queries.setQueryData(routerQuery().queryKey, updated);
      invalidateTopics(queries, ["router"]);
      setAsking(undefined);
      toast.done(VERB_DONE[name]);
    },
    onError: (error, { name }) => { if (name === "pause" || name === "resume") toast.failed(`Not done. ${messageOf(error)}`); },
  });
  const state = router?.state ?? "off";
  const failure = verb.isError ? messageOf(verb.error) : undefined;

  return (
    <Panel>
      <div className={css["routerTop"]}>
        <StateBadge state={state} />
        <span className={css["cycle"]}>{router ? <Cycle router={router} /> : "Nothing is routed yet. Begin below with which leads take part."}</span>
        {mayOperate && router ? (
          <Group gap={8}>
            {state === "active" ? <Button variant="default" loading={verb.isPending} leftSection={<IconPlayerPause size={16} aria-hidden />} onClick={() => verb.mutate({ name: "pause" })}>Pause</Button> : null}
            {state === "paused" ? <Button loading={verb.isPending} leftSection={<IconPlayerPlay size={16} aria-hidden />} onClick={() => verb.mutate({ name: "resume" })}>Resume</Button> : null}
            {state === "off" ? <Button leftSection={<IconPlayerPlay size={16} aria-hidden />} onClick={() => { verb.reset(); setAsking("activate"); }}>Activate</Button> : null}
            {state === "off" ? null : <Button variant="subtle" color="gray" leftSection={<IconPower size={16} aria-hidden />} onClick={() => { verb.reset(); setAsking("off"); }}>Turn off</Button>}
          </Group>
        ) : null}
      </div>
      {router?.last_cycle?.error ? (
        <div style={{ marginTop: 12 }}><Notice tone="bad" title="The last cycle did not finish">{router.last_cycle.error.message}</Notice></div>
      ) : null}
      {router ? <Recomputed router={router} /> : null}
      <ActivateDialog opened={asking === "activate"} busy={verb.isPending} error={failure} onClose={() => setAsking(undefined)} onActivate={(confirm) => verb.mutate({ name: "activate", confirm })} />
      <Confirm
        opened={asking === "off"} title="Turn routing off" typed="off" act="Turn off" danger busy={verb.isPending} error={failure}
        onClose={() => setAsking(undefined)} onConfirm={() => verb.mutate({ name: "off" })}
      >
        New leads are no longer read in, and keep the owner that Salesforce gives them. Waiting records stay where they are. To stop for a moment, pause instead.
      </Confirm>
    </Panel>
  );
}

/** Nothing while decisions come to the same when they are made again: that is as it should be. */
function Recomputed({ router: { recomputed } }: { router: Router }) {
  if (!recomputed || recomputed.differ === 0) return null;
  return (
    <div style={{ marginTop: 12 }}>
      <Notice tone="bad" title={`${count(recomputed.differ)} of ${plural(recomputed.sampled, "sampled decision")} ${recomputed.differ === 1 ? "comes" : "come"} to something else when made again`}>
        Found <Time at={recomputed.at} />. Either a row of the log was changed behind Revkeep's back, or this is a fault of Revkeep.{" "}
        {recomputed.differing ? <Anchor component={Link} to={path.assignment(recomputed.differing)}>Look at one of them</Anchor> : null}
      </Notice>
    </div>
  );
}

function Cycle({ router }: { router: Router }) {
  const cycle = router.last_cycle;
  if (!cycle) return <>Looks every {duration(router.cycle_seconds)}. No cycle has run yet.</>;
  return <>Looks every {duration(router.cycle_seconds)}. Last cycle <Time at={cycle.finished_at ?? cycle.started_at} ago />: {cycleWords(cycle)}.</>;
}

function cycleWords(cycle: LastCycle): string {
  if (cycle.fetched === 0) return "nothing new";
  return `${plural(cycle.fetched, "record")} read, ${count(cycle.assigned)} assigned, ${count(cycle.failed)} failed`;
}

interface ActivateProps { opened: boolean; busy: boolean; error: string | undefined; onClose(): void; onActivate(confirm: string | undefined): void }

/** Counts in Salesforce first; above 20 % of the object or 10,000 records the count has to be typed. */
function ActivateDialog({ opened, busy, error, onClose, onActivate }: ActivateProps) {
  const preview = useQuery({ ...activationPreviewQuery(), enabled: opened });
  const data = opened ? preview.data : undefined;
  const typed = data?.needs_typed_confirmation ? (data.confirm_text ?? String(data.matching)) : undefined;
  if (opened && !data) {
    return (
      <Confirm opened title="Activate routing" act="Activate" busy onClose={onClose} onConfirm={() => undefined}>
        {preview.isError
          ? <Fault title="The matching leads could not be counted" message={messageOf(preview.error)} requestId={requestIdOf(preview.error)} onRetry={() => { void preview.refetch(); }} />
          : <LoadingRows rows={3} label="Counting in Salesforce" />}
      </Confirm>
    );
  }
  return (
    <Confirm opened={opened} title="Activate routing" act="Activate" typed={typed} busy={busy} error={error} onClose={onClose} onConfirm={() => onActivate(typed)}>
      {data ? (
        <>
          <p>
            The enrollment query matches <strong>{plural(data.matching, "lead")}</strong> today, {percent(data.share)} of the {count(data.object_total)} leads in Salesforce.
            They become the baseline and keep their owners. From then on, each new match is routed.
          </p>
          {data.reasons.length > 0 ? <Notice tone="warn" title="That is a lot: check the query before you confirm">{data.reasons.join(" ")}</Notice> : null}
        </>
      ) : null}
    </Confirm>
  );
}
