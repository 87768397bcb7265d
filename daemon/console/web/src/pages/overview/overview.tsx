// Is everything all right, who is overloaded, what needs me.
import { Anchor, Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconArrowRight, IconCircleCheck, IconCircleDashed } from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import { Link, useNavigate } from "react-router";
import { overviewQuery } from "../../api/queries";
import { useSession } from "../../api/session";
import type { ChecklistKey, Overview } from "../../api/types";
import { count, duration, localTime, plural } from "../../lib/format";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { PageHead, Panel, Stat, Stats } from "../../ui/page";
import { LoadingBlock } from "../../ui/states";
import { Notice, StateBadge, ToneIcon } from "../../ui/status";
import css from "./overview.module.css";
import { RepShares } from "./rep-shares";

const HourChart = lazy(() => import("./hour-chart"));

export function Page() {
  const query = useQuery(overviewQuery());
  const { user } = useSession();
  return (
    <>
      <PageHead title="Overview">{greeting(query.data, user.name)}</PageHead>
      <QueryView query={query} what="The overview" loading={<><LoadingBlock height={92} /><LoadingBlock height={300} /></>}>
        {(data) => <Board data={data} />}
      </QueryView>
    </>
  );
}

function greeting(data: Overview | undefined, name: string): string {
  if (!data) return "How routing stands today.";
  const first = name.split(" ")[0] ?? name;
  if (data.needs_me.length === 0) return `Nothing needs you at the moment, ${first}.`;
  return `${plural(data.needs_me.length, "thing needs", "things need")} you, ${first}.`;
}

function Board({ data }: { data: Overview }) {
  const open = data.checklist.filter((item) => !item.done);
  return (
    <>
      {data.health.items.filter(({ severity }) => severity === "bad" || severity === "warn").map((item) => (
        <Notice
          key={item.code}
          tone={item.severity}
          title={item.title}
          actions={item.link ? <Button component={Link} to={item.link} size="xs" variant="default">Show it</Button> : undefined}
        >
          {item.detail}
        </Notice>
      ))}
      <RouterLine data={data} />
      <Figures data={data} />
      <div className={css["columns"]}>
        <div>
          <Suspense fallback={<LoadingBlock height={320} />}><HourChart hours={data.by_hour} /></Suspense>
          <RepShares shares={data.by_rep} />
        </div>
        <div>
          <NeedsMe items={data.needs_me} />
          {open.length > 0 ? <Checklist items={data.checklist} /> : null}
        </div>
      </div>
    </>
  );
}

function RouterLine({ data }: { data: Overview }) {
  const { router } = data;
  if (!router) return null;
  return (
    <p className={css["routerLine"]}>
      <StateBadge state={router.state} />
      <span>
        {router.object} routing. Last cycle <Time at={router.last_cycle_at} ago />.
        {router.waiting_until ? <> Waiting until {localTime(router.waiting_until)}.</> : null}
      </span>
      <Anchor component={Link} to={path.rules()}>Rules</Anchor>
    </p>
  );
}

function Figures({ data: { today } }: { data: Overview }) {
  const navigate = useNavigate();
  const to = (href: string) => ({ href, onOpen: () => { void navigate(href); } });
  const failing = today.failed + today.given_up;
  return (
    <Stats>
      <Stat label="Routed today" value={count(today.routed)} note={`since ${localTime(today.since)}`} {...to(path.log({ from: today.since }))} />
      <Stat
        label={failing > 0 ? <><ToneIcon tone="bad" size={14} /> Failing</> : "Failing"} tone={failing > 0 ? "bad" : undefined}
        value={count(failing)} note={today.given_up > 0 ? `${count(today.given_up)} given up after all tries` : "records without an owner"} {...to(path.failures())}
      />
      <Stat label="Waiting" value={count(today.waiting)} note="for a rep or a connection" {...to(path.failures({ state: "waiting" }))} />
      <Stat label="In doubt" value={count(today.in_doubt)} note="being read back from Salesforce" {...to(path.failures({ state: "in_doubt" }))} />
      <Stat
        label="Median time to owner"
        value={today.median_seconds_to_owner === null ? "–" : duration(today.median_seconds_to_owner)}
        note={today.p90_seconds_to_owner === null ? "nothing routed yet today" : `9 of 10 within ${duration(today.p90_seconds_to_owner)}`}
      />
    </Stats>
  );
}

function NeedsMe({ items }: { items: Overview["needs_me"] }) {
  return (
    <Panel title="Needs you" flush>
      {items.length === 0 ? (
        <p className={css["calm"]}><ToneIcon tone="ok" /> Nothing. New failures, approvals and reconnects will stand here.</p>
      ) : (
        <ul className={css["list"]}>
          {items.map((item) => (
            <li key={item.code}>
              <Link to={item.link}>
                <span className={css["count"]}>{count(item.count)}</span>
                <span><strong>{item.title}</strong><small>{item.detail}</small></span>
                <IconArrowRight size={16} aria-hidden />
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

const STEPS: Record<ChecklistKey, [string, string]> = {
  connect: ["Connect Salesforce", "With a dedicated integration user"],
  fields: ["Choose the fields", "What the layer holds, and why"],
  reps: ["Read in the reps", "From Salesforce users and queues"],
  pool: ["Make a pool", "Reps and their weights"],
  rule: ["Write a rule", "Which leads go where"],
  preview: ["Preview", "What the rules would have done"],
  activate: ["Activate", "After the baseline, new leads are routed"],
};

function Checklist({ items }: { items: Overview["checklist"] }) {
  const done = items.filter((item) => item.done).length;
  return (
    <Panel title="First steps" note={`${done} of ${items.length} done. They tick themselves off.`} flush>
      <ol className={css["list"]}>
        {items.map(({ key, done: isDone, link }) => {
          const [title, note] = STEPS[key] ?? [key, ""];
          return (
            <li key={key}>
              <Link to={link} data-done={isDone || undefined}>
                {isDone ? <IconCircleCheck className={css["done"]} size={18} aria-label="Done:" /> : <IconCircleDashed size={18} aria-label="To do:" />}
                <span><strong>{title}</strong><small>{note}</small></span>
                <IconArrowRight size={16} aria-hidden />
              </Link>
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}
