// Work in the background: what is queued, what died and why, and what runs on a schedule.
import { Button, Group, SegmentedControl } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconStack2 } from "@tabler/icons-react";
import { type ReactNode, useMemo, useState } from "react";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { invalidateTopics, jobsQuery, schedulesQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { Job, JobState, Schedule } from "../../api/types";
import { count, duration, plural } from "../../lib/format";
import { useFilters } from "../../lib/search-state";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";
import ui from "../../ui/ui.module.css";

const STATES: [JobState, string][] = [["dead", "Dead letters"], ["queued", "Queued"], ["running", "Running"], ["done", "Done"]];
const EMPTY: Record<string, [string, string]> = {
  dead: ["No dead letters", "A job that failed at every try stands here with its last error, to be retried or discarded."],
  queued: ["Nothing is queued", "Work that is due later, or waits for its turn, stands here."],
  running: ["Nothing runs at this moment", "Most jobs are done within a second."],
  done: ["Nothing was done lately", "Finished jobs stand here for a while."],
};

export function Page() {
  const [filters, setFilters] = useFilters(["state", "kind"] as const);
  const state = filters.state ?? "dead";
  const query = useInfiniteQuery(jobsQuery({ ...filters, state }));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const counts = query.data?.pages[0]?.counts;
  const ended = state === "done" || state === "dead";
  const [title, note] = EMPTY[state] ?? ["No jobs", ""];
  const columns: Column<Job>[] = [
    { id: "kind", header: "Job", cell: (job) => <TwoLines main={<span className="mono">{job.kind}</span>} sub={<><OnPhone>{phoneWords(job)} </OnPhone>{job.last_error?.message ?? job.id}</>} whole={job.last_error !== null} /> },
    { id: "state", header: "State", width: "118px", hideBelow: "sm", cell: (job) => <StateBadge state={job.state} /> },
    { id: "attempts", header: "Tries", width: "80px", right: true, hideBelow: "sm", cell: (job) => `${job.attempts} of ${job.max_attempts}` },
    { id: "created", header: "Made", width: "110px", hideBelow: "md", cell: (job) => <Time at={job.created_at} ago /> },
    { id: "due", header: ended ? "Ended" : "Due", width: "110px", hideBelow: "md", cell: (job) => (ended ? <Time at={job.finished_at ?? job.run_at} ago /> : <Time at={job.run_at} due />) },
    ...(state === "dead" ? [{ id: "act", header: "Act", width: "min(178px, 30vw)", right: true, cell: (job: Job) => <JobActs job={job} /> }] : []),
  ];
  return (
    <>
      <PageHead title="Jobs">Background work of this appliance. A job that fails is tried again with growing pauses; after its last try it becomes a dead letter.</PageHead>
      <div className={ui["scrollX"]} style={{ marginBottom: 12 }}>
        <SegmentedControl
          aria-label="State" value={state} onChange={(next) => setFilters({ state: next })}
          data={STATES.map(([value, label]) => ({ value, label: counts?.[value] === undefined ? label : `${label} ${count(counts[value])}` }))}
        />
      </div>
      <Panel flush>
        <QueryView query={query} what="The jobs">
          {() => rows.length === 0 ? <Empty icon={IconStack2} title={title}>{note}</Empty> : (
            <RecordTable
              label="Jobs" rows={rows} columns={columns} rowKey={(job) => job.id} rowState={(job) => `${job.state}${job.attempts}`}
              more={query.hasNextPage ? { load: () => { void query.fetchNextPage(); }, loading: query.isFetchingNextPage } : undefined}
            />
          )}
        </QueryView>
      </Panel>
      <Schedules />
    </>
  );
}

/** What the hidden columns say, for narrow screens. */
const phoneWords = (job: Job): ReactNode => <>{plural(job.attempts, "try", "tries")} of {job.max_attempts}, {job.finished_at ? <>ended <Time at={job.finished_at} ago /></> : <>due <Time at={job.run_at} due /></>}.</>;

function JobActs({ job }: { job: Job }) {
  const [asking, setAsking] = useState(false);
  const allowed = useCan("job_retry");
  const queries = useQueryClient();
  const toast = useToast();
  const act = useMutation({
    mutationFn: (verb: "retry" | "discard") => client.post(verb === "retry" ? api.jobRetry(job.id) : api.jobDiscard(job.id)),
    onSuccess: (_, verb) => {
      setAsking(false);
      invalidateTopics(queries, ["jobs"]);
      toast.done(verb === "retry" ? `${job.kind} is queued again.` : `${job.kind} is discarded. The audit log keeps that it was.`);
    },
    onError: (error, verb) => { if (verb === "retry") toast.failed(`${job.kind} is not queued. ${messageOf(error)}`); },
  });
  if (!allowed) return null;
  return (
    <Group gap={6} justify="flex-end">
      <Button size="compact-sm" variant="default" loading={act.isPending && !asking} aria-label={`Retry ${job.kind} ${job.id}`} onClick={() => act.mutate("retry")}>Retry</Button>
      <Button size="compact-sm" variant="subtle" color="gray" aria-label={`Discard ${job.kind} ${job.id}`} onClick={() => { act.reset(); setAsking(true); }}>Discard</Button>
      <Confirm opened={asking} title={`Discard ${job.kind}`} act="Discard" danger busy={act.isPending} error={act.isError ? messageOf(act.error) : undefined} onClose={() => setAsking(false)} onConfirm={() => act.mutate("discard")}>
        <p>What it was to do stays undone: <span className="mono">{job.kind}</span> is not tried again, and this cannot be taken back.</p>
        {job.last_error ? <p>Its last error: {job.last_error.message}</p> : null}
      </Confirm>
    </Group>
  );
}

function Schedules() {
  const query = useQuery(schedulesQuery());
  return (
    <Panel title="Schedules" note="Work that comes back by the clock." flush>
      <QueryView query={query} what="The schedules">
        {(list: Schedule[]) => list.length === 0 ? <Empty icon={IconStack2} title="No schedules">They appear when the router has an enrollment query.</Empty> : (
          <div className={ui["scrollX"]}>
            <table className={ui["plainTable"]} aria-label="Schedules">
              <thead><tr><th scope="col">Name</th><th scope="col">Every</th><th scope="col">Next</th><th scope="col">Last</th></tr></thead>
              <tbody>{list.map((schedule) => (
                <tr key={schedule.name}><td className="mono">{schedule.name}</td><td className={ui["whole"]}>{duration(schedule.every_seconds)}</td><td>{schedule.next_at ? <Time at={schedule.next_at} due /> : "not planned"}</td><td><Time at={schedule.last_at} ago /></td></tr>
              ))}</tbody>
            </table>
          </div>
        )}
      </QueryView>
    </Panel>
  );
}
