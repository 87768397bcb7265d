// Records without an owner: why, what to do, and another try for one or for all.
import { Button, SegmentedControl, Select } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { IconConfetti, IconFilterOff, IconRefresh } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { failuresQuery, invalidateTopics } from "../../api/queries";
import { useCan } from "../../api/session";
import type { Failure, FailurePage, FailureState } from "../../api/types";
import { count, plural } from "../../lib/format";
import { useFilters, useSearchText } from "../../lib/search-state";
import { api, path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { FilterBar } from "../../ui/filters";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge } from "../../ui/status";
import { type Column, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";
import css from "./failures.module.css";
import { RetryRecord } from "./retry";

const FILTERS = ["state", "reason", "q"] as const;
const STATES: [FailureState, string][] = [["failed", "Failed"], ["given_up", "Given up"], ["waiting", "Waiting"], ["in_doubt", "In doubt"]];

const COLUMNS: Column<Failure>[] = [
  { id: "record", header: "Record", width: "22%", cell: (row) => <Who row={row} /> },
  { id: "reason", header: "Why, and what next", hideBelow: "sm", cell: (row) => <div className={css["why"]}><span>{row.reason}</span><small>{row.next_step}</small></div> },
  { id: "state", header: "State", width: "112px", hideBelow: "sm", cell: (row) => <StateBadge state={row.state} /> },
  { id: "attempts", header: "Tries", width: "88px", right: true, hideBelow: "md", cell: (row) => `${row.attempts} of ${row.max_attempts}` },
  { id: "next", header: "Next try", width: "96px", hideBelow: "lg", cell: (row) => (row.next_attempt_at ? <Time at={row.next_attempt_at} due /> : "none") },
  { id: "seen", header: "Since", width: "96px", hideBelow: "md", cell: (row) => <Time at={row.first_seen_at} ago /> },
  { id: "retry", header: "Again", width: "106px", right: true, cell: (row) => <RetryRecord compact object={row.object} recordId={row.record_id} title={row.record_title ?? row.record_id} /> },
];

/** On a phone the reason stands beneath the name, since its column is hidden there. */
function Who({ row }: { row: Failure }) {
  const name = row.record_title ?? row.record_id;
  return (
    <>
      <TwoLines main={name} sub={<span className={css["wideOnly"]}>{row.record_title ? row.record_id : row.object}</span>} />
      <span className={css["phoneWhy"]}>{row.reason}</span>
    </>
  );
}

export function Page() {
  const navigate = useNavigate();
  const [filters, setFilters] = useFilters(FILTERS);
  const [text, setText] = useSearchText(filters.q, (q) => setFilters({ q }));
  const query = useInfiniteQuery(failuresQuery(filters));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const first = query.data?.pages[0];
  const filtered = Object.keys(filters).length > 0;

  return (
    <>
      <PageHead title="Failures" actions={first ? <RetryAll first={first} state={filters.state} reason={filters.reason} /> : undefined}>
        Leads that matched but have no owner from Revkeep yet. Nothing is dropped: each stays here until it is routed.
      </PageHead>
      <FilterBar
        label="Filter the failures" text={text} placeholder="Record, name or id" onText={setText}
        onClear={filtered ? () => { setText(""); setFilters({ q: null, state: null, reason: null }); } : undefined}
      >
        <StateFilter first={first} value={filters.state} onChange={(state) => setFilters({ state })} />
        <Select
          aria-label="Reason" placeholder="Any reason" clearable searchable value={filters.reason ?? null} onChange={(reason) => setFilters({ reason })} clearButtonProps={{ "aria-label": "Any reason" }}
          data={first?.reasons.map((reason) => ({ value: reason.code, label: `${reason.title} (${count(reason.count)})` })) ?? []} comboboxProps={{ width: 300, position: "bottom-start" }}
        />
      </FilterBar>
      <Panel flush>
        <QueryView query={query} what="The failures">
          {() => rows.length === 0 ? (
            filtered
              ? <Empty icon={IconFilterOff} title="Nothing matches these filters">There may be other records without an owner; clear the filters to see all.</Empty>
              : <Empty icon={IconConfetti} title="Every lead has its owner">Nothing failed, nothing waits. When something does, it stands here with its reason and its next step.</Empty>
          ) : (
            <RecordTable
              label="Failures" rows={rows} columns={COLUMNS} rowKey={(row) => `${row.object}/${row.record_id}`} rowState={(row) => row.updated_at}
              href={(row) => path.record(row.record_id)} onOpen={(row) => { void navigate(path.record(row.record_id)); }}
              more={query.hasNextPage ? { load: () => { void query.fetchNextPage(); }, loading: query.isFetchingNextPage } : undefined}
            />
          )}
        </QueryView>
      </Panel>
    </>
  );
}

function StateFilter({ first, value, onChange }: { first: FailurePage | undefined; value: string | undefined; onChange(state: string | null): void }) {
  const label = (state: FailureState, word: string) => (first ? `${word} ${count(first.counts[state])}` : word);
  return (
    <div className={css["states"]}>
      <SegmentedControl
        aria-label="State" size="sm" value={value ?? ""} onChange={(state) => onChange(state === "" ? null : state)}
        data={[{ value: "", label: "All" }, ...STATES.map(([state, word]) => ({ value: state, label: label(state, word) }))]}
      />
    </div>
  );
}

/** What "all" covers follows the filters of state and reason, and the count is shown before. */
function RetryAll({ first, state, reason }: { first: FailurePage; state: string | undefined; reason: string | undefined }) {
  const [asking, setAsking] = useState(false);
  const allowed = useCan("failure_retry");
  const queries = useQueryClient();
  const toast = useToast();
  const retry = useMutation({
    mutationFn: () => client.post<{ count: number }>(api.failuresRetry(), { ...(state ? { state } : {}), ...(reason ? { reason } : {}) }),
    onSuccess: (done) => {
      setAsking(false);
      toast.done(`${plural(done.count, "record is", "records are")} in line again.`);
      invalidateTopics(queries, ["failures"]);
    },
  });
  const chosen = first.reasons.find((one) => one.code === reason);
  const isState = (text: string | undefined): text is FailureState => STATES.some(([one]) => one === text);
  const covered = chosen && !state ? chosen.count : isState(state) && !reason ? first.counts[state] : first.counts.failed + first.counts.given_up + first.counts.waiting;
  if (!allowed || covered === 0) return null;
  return (
    <>
      <Button leftSection={<IconRefresh size={16} aria-hidden />} onClick={() => { retry.reset(); setAsking(true); }}>{filteredWord(state, reason)}</Button>
      <Confirm
        opened={asking} title="Retry these records" act="Retry" busy={retry.isPending} error={retry.isError ? messageOf(retry.error) : undefined}
        onClose={() => setAsking(false)} onConfirm={() => retry.mutate()}
      >
        <p>
          {state && reason ? `Records in this state with this reason` : `Up to ${plural(covered, "record")}`}{chosen ? ` with the reason “${chosen.title}”` : ""} stand in line again and are decided anew
          by the rules as they are now.
        </p>
      </Confirm>
    </>
  );
}

const filteredWord = (state: string | undefined, reason: string | undefined): string => (state || reason ? "Retry these" : "Retry all");
