// The routing log: every decision with its outcome. Filters live in the address; a drawer tells the story of one.
import { Button, Loader, Select } from "@mantine/core";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconDownload, IconListDetails } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useLocation, useNavigate, useParams } from "react-router";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { assignmentsQuery, backToNewest, LIVE_PAGES, repsQuery, rulesQuery } from "../../api/queries";
import type { Assignment, Page as ListPage } from "../../api/types";
import { type CsvColumn, download, toCsv } from "../../lib/csv";
import { count, duration } from "../../lib/format";
import { useFilters, useSearchText } from "../../lib/search-state";
import { api, type AssignmentQuery, path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { DayInput, endOf, startOf, toDay } from "../../ui/day-input";
import { Time } from "../../ui/facts";
import { FilterBar } from "../../ui/filters";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge } from "../../ui/status";
import { type Column, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";
import { AssignmentDrawer } from "./assignment-drawer";
import css from "./log.module.css";

const FILTERS = ["q", "rule", "rep", "state", "from", "to"] as const;
const EXPORT_MOST = 50_000;
const EXPORT_PAGE = 200;

const COLUMNS: Column<Assignment>[] = [
  { id: "record", header: "Record", cell: (row) => <TwoLines main={row.record_title ?? row.record_id} sub={<LogSub row={row} />} /> },
  { id: "state", header: "State", width: "116px", cell: (row) => <StateBadge state={row.state} /> },
  { id: "owner", header: "Owner", width: "17%", hideBelow: "sm", cell: (row) => row.rep?.name ?? row.target?.name ?? row.new_owner_id },
  { id: "rule", header: "Because of", width: "22%", hideBelow: "md", cell: (row) => (row.rule ? `${row.rule.name}, version ${row.rule.version}` : "Fallback: no rule matched") },
  { id: "took", header: "Took", width: "84px", right: true, hideBelow: "md", cell: (row) => (typeof row.seconds_to_owner === "number" ? duration(row.seconds_to_owner) : "") },
  { id: "when", header: "Decided", width: "156px", right: true, hideBelow: "sm", cell: (row) => <Time at={row.decided_at} /> },
];

const CSV: CsvColumn<Assignment>[] = [
  { header: "id", value: (row) => row.id },
  { header: "decided_at", value: (row) => row.decided_at },
  { header: "written_at", value: (row) => row.written_at },
  { header: "object", value: (row) => row.object },
  { header: "record_id", value: (row) => row.record_id },
  { header: "record", value: (row) => row.record_title },
  { header: "state", value: (row) => row.state },
  { header: "rule", value: (row) => row.rule?.name ?? "fallback" },
  { header: "rule_version", value: (row) => row.rule?.version },
  { header: "target", value: (row) => row.target?.name },
  { header: "rep", value: (row) => row.rep?.name },
  { header: "previous_owner_id", value: (row) => row.previous_owner_id },
  { header: "new_owner_id", value: (row) => row.new_owner_id },
  { header: "seconds_to_owner", value: (row) => row.seconds_to_owner },
];

export function Page() {
  const { id } = useParams();
  const { search } = useLocation();
  const navigate = useNavigate();
  const [filters, setFilters] = useFilters(FILTERS);
  const [text, setText] = useSearchText(filters.q, (q) => setFilters({ q }));
  const query = useInfiniteQuery(assignmentsQuery(filters));
  const queries = useQueryClient();
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const filtered = Object.keys(filters).length > 0;
  const open = (row: Assignment) => { void navigate(path.assignment(row.id, search), { preventScrollReset: true }); };

  return (
    <>
      <PageHead title="Routing log" actions={<ExportButton filters={filters} empty={rows.length === 0} />}>Each decision, what was written to Salesforce, and why. Times are yours; hover for UTC.</PageHead>
      <FilterBar
        label="Filter the routing log" text={text} placeholder="Record, name or id" onText={setText}
        onClear={filtered ? () => { setText(""); setFilters({ q: null, rule: null, rep: null, state: null, from: null, to: null }); } : undefined}
      >
        <LogFilters filters={filters} set={setFilters} />
      </FilterBar>
      <Panel flush>
        <QueryView query={query} what="The routing log">
          {(data) => rows.length === 0 ? (
            filtered
              ? <Empty icon={IconListDetails} title="Nothing matches these filters">Widen the filters to find it, or clear them to see every decision.</Empty>
              : <Empty icon={IconListDetails} title="No lead has been routed yet" action={<Button onClick={() => { void navigate(path.rules()); }}>To the rules</Button>}>When the router is active, each decision appears here within seconds, with its reasons.</Empty>
          ) : (
            <RecordTable
              label="Routing log" rows={rows} columns={COLUMNS} rowKey={(row) => row.id} rowState={(row) => row.state} selected={id}
              href={(row) => path.assignment(row.id, search)} onOpen={open} total={data.pages[0]?.total}
              onNewest={data.pages.length > LIVE_PAGES ? () => { void backToNewest(queries, assignmentsQuery(filters).queryKey); } : undefined}
              more={query.hasNextPage ? { load: () => { void query.fetchNextPage(); }, loading: query.isFetchingNextPage } : undefined}
            />
          )}
        </QueryView>
      </Panel>
      <AssignmentDrawer id={id} onClose={() => { void navigate(`/routing/log${search}`, { preventScrollReset: true }); }} />
    </>
  );
}

/** The id; on a phone the owner and the time instead, whose columns are hidden there. */
function LogSub({ row }: { row: Assignment }) {
  return (
    <>
      <span className={css["wideOnly"]}>{row.record_title ? row.record_id : row.object}</span>
      <span className={css["phoneOnly"]}>{row.rep?.name ?? row.target?.name ?? row.new_owner_id}, <Time at={row.decided_at} ago /></span>
    </>
  );
}

type Filters = Partial<Record<(typeof FILTERS)[number], string>>;

function LogFilters({ filters, set }: { filters: Filters; set(change: Partial<Record<(typeof FILTERS)[number], string | null>>): void }) {
  const rules = useQuery(rulesQuery()).data?.items ?? [];
  const reps = useQuery(repsQuery()).data ?? [];
  const states = [["assigned", "Assigned"], ["proposed", "Proposed"], ["in_doubt", "In doubt"], ["failed", "Failed"]] as const;
  return (
    <>
      <Select aria-label="State" placeholder="Any state" clearable value={filters.state ?? null} data={states.map(([value, label]) => ({ value, label }))} onChange={(state) => set({ state })} clearButtonProps={{ "aria-label": "Any state" }} />
      <Select aria-label="Rule" placeholder="Any rule" clearable searchable value={filters.rule ?? null} data={rules.map((rule) => ({ value: rule.id, label: rule.name }))} onChange={(rule) => set({ rule })} clearButtonProps={{ "aria-label": "Any rule" }} />
      <Select aria-label="Rep" placeholder="Any rep" clearable searchable value={filters.rep ?? null} data={reps.map((rep) => ({ value: rep.id, label: rep.name }))} onChange={(rep) => set({ rep })} clearButtonProps={{ "aria-label": "Any rep" }} />
      <DayInput word="From" label="From day" value={toDay(filters.from)} onDay={(day) => set({ from: startOf(day) })} />
      <DayInput word="To" label="To day" value={toDay(filters.to)} onDay={(day) => set({ to: endOf(day) })} />
    </>
  );
}

function ExportButton({ filters, empty }: { filters: AssignmentQuery; empty: boolean }) {
  const [read, setRead] = useState<number>();
  const toast = useToast();
  const queries = useQueryClient();
  const run = async () => {
    const rows: Assignment[] = [];
    let cursor: string | undefined;
    try {
      do {
        setRead(rows.length);
        const page: ListPage<Assignment> = await queries.fetchQuery({
          queryKey: ["export", filters, cursor], gcTime: 0, staleTime: 0,
          queryFn: () => client.get<ListPage<Assignment>>(api.assignments({ ...filters, cursor, limit: EXPORT_PAGE })),
        });
        rows.push(...page.items);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined && rows.length < EXPORT_MOST);
      download(`routing-log-${new Date().toISOString().slice(0, 10)}.csv`, toCsv(rows, CSV));
      toast.done(cursor === undefined ? `${count(rows.length)} decisions exported.` : `The newest ${count(rows.length)} decisions exported; narrow the filters for the rest.`);
    } catch (error) {
      toast.failed(`Nothing exported. ${messageOf(error)}`);
    }
    setRead(undefined);
  };
  return (
    <Button variant="default" disabled={empty || read !== undefined} leftSection={read === undefined ? <IconDownload size={16} aria-hidden /> : <Loader size={14} />} onClick={() => { void run(); }}>
      {read === undefined ? "Export CSV" : `${count(read)} read`}
    </Button>
  );
}
