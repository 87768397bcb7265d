// The audit log: who did what, was refused what, and read what. Filters live in the address; a drawer shows one entry whole.
import { Button, Menu, Select } from "@mantine/core";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { IconDownload, IconFilterOff, IconHistory, IconRefresh } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useLocation, useNavigate, useParams } from "react-router";
import { type AuditEntry, auditQuery } from "../../api/audit";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { useCan } from "../../api/session";
import { save } from "../../lib/csv";
import { useFilters, useSearchText } from "../../lib/search-state";
import { api, type AuditQuery, type AuditScope, path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { DayInput, endOf, startOf, toDay } from "../../ui/day-input";
import { Time } from "../../ui/facts";
import { FilterBar } from "../../ui/filters";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Status } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";
import { AuditChartPanel } from "./audit-chart";
import { EntryDrawer } from "./entry-drawer";
import { IntegrityPanel } from "./integrity";
import { actionWord, actorWord } from "./words";

const FILTERS = ["q", "actor", "action", "object", "outcome", "from", "to", "tenant"] as const;
type Filters = Partial<Record<(typeof FILTERS)[number], string>>;
const NOTHING = { q: null, actor: null, action: null, object: null, outcome: null, from: null, to: null, tenant: null };

export const OUTCOME = { done: ["ok", "Done"], refused: ["warn", "Refused"], failed: ["bad", "Failed"] } as const;

const INTRO = {
  own: ["Audit log", "Every change in this organisation, every refusal, and every reading of people, keys and this log. Nobody can change an entry, and reading it is an entry too."],
  whole: ["Whole audit log", "Every organisation's entries and the appliance's own. What organisations keep sealed stays sealed here; looking into one takes a visit with a reason."],
} as const;

const columns = (scope: AuditScope): Column<AuditEntry>[] => [
  { id: "action", header: "Action", cell: (row) => <TwoLines main={actionWord(row.action)} sub={<><OnPhone>{actorWord(row.actor)}, <Time at={row.at} ago /></OnPhone> {row.object.type.replaceAll("_", " ")} {row.object.id}</>} /> },
  { id: "outcome", header: "Outcome", width: "128px", cell: (row) => <Status tone={OUTCOME[row.outcome][0]}>{OUTCOME[row.outcome][1]}</Status> },
  { id: "actor", header: "By", width: "22%", hideBelow: "sm", cell: (row) => actorWord(row.actor) },
  ...(scope === "whole" ? [{ id: "tenant", header: "Organisation", width: "18%", hideBelow: "md", cell: (row: AuditEntry) => tenantWord(row.tenant) } as const] : []),
  { id: "sealed", header: "Position", width: "96px", right: true, hideBelow: "md", cell: (row) => row.position === null ? "waits" : row.position },
  { id: "at", header: "When", width: "170px", right: true, hideBelow: "sm", cell: (row) => <Time at={row.at} precise /> },
];

const tenantWord = (tenant: string | null): string => (tenant === `tenant_${"0".repeat(32)}` ? "The appliance" : (tenant ?? ""));

export function AuditLog({ scope }: { scope: AuditScope }) {
  const { id } = useParams();
  const { search } = useLocation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [filters, setFilters] = useFilters(FILTERS);
  const [text, setText] = useSearchText(filters.q, (q) => setFilters({ q }));
  const query = useInfiniteQuery(auditQuery(scope, filters));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const first = query.data?.pages[0];
  const filtered = Object.keys(filters).length > 0;
  const open = (row: AuditEntry) => { void navigate(path.auditEntry(scope, row.id, search), { preventScrollReset: true }); };
  const [title, intro] = INTRO[scope];
  const renew = () => { void queries.resetQueries({ queryKey: ["audit", scope, "list", filters], exact: true }); };

  return (
    <>
      <PageHead
        title={title}
        actions={<>
          <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden />} loading={query.isFetching && !query.isFetchingNextPage} onClick={renew}>Newest</Button>
          <ExportMenu scope={scope} filters={filters} empty={rows.length === 0} />
        </>}
      >{intro}</PageHead>
      <IntegrityPanel scope={scope} />
      <FilterBar
        label="Filter the audit log" text={text} placeholder="Words of an action, or an id" onText={setText}
        onClear={filtered ? () => { setText(""); setFilters(NOTHING); } : undefined}
      >
        <LogFilters filters={filters} rows={rows} actions={first?.actions ?? []} set={setFilters} />
      </FilterBar>
      {first?.chart && rows.length > 0 ? <AuditChartPanel chart={first.chart} /> : null}
      <Panel flush>
        <QueryView query={query} what="The audit log">
          {() => rows.length === 0 ? (
            filtered
              ? <Empty icon={IconFilterOff} title="No entry matches these filters">Widen the filters to find it, or clear them to see every entry.</Empty>
              : <Empty icon={IconHistory} title="Nothing is on record yet">The first change, refusal or reading appears here at once.</Empty>
          ) : (
            <RecordTable
              label={title} rows={rows} columns={columns(scope)} rowKey={(row) => row.id} selected={id}
              href={(row) => path.auditEntry(scope, row.id, search)} onOpen={open}
              more={query.hasNextPage ? { load: () => { void query.fetchNextPage(); }, loading: query.isFetchingNextPage } : undefined}
            />
          )}
        </QueryView>
      </Panel>
      <EntryDrawer
        scope={scope} id={id} onClose={() => { void navigate(path.auditLog(scope) + search, { preventScrollReset: true }); }}
        onOnly={(change) => { void navigate(path.auditLog(scope, change), { preventScrollReset: true }); }}
      />
    </>
  );
}

interface LogFiltersProps { filters: Filters; rows: AuditEntry[]; actions: string[]; set(change: Partial<Record<(typeof FILTERS)[number], string | null>>): void }

function LogFilters({ filters, rows, actions, set }: LogFiltersProps) {
  const actors = useMemo(() => {
    const found = new Map(rows.map((row) => [row.actor.id, actorWord(row.actor)]));
    if (filters.actor && !found.has(filters.actor)) found.set(filters.actor, filters.actor);
    return [...found].map(([value, label]) => ({ value, label: label === value ? value : `${label} (${value.slice(0, 13)}…)` }));
  }, [rows, filters.actor]);
  const verbs = filters.action && !actions.includes(filters.action) ? [filters.action, ...actions] : actions;
  return (
    <>
      <Select aria-label="Actor" placeholder="Anybody" clearable searchable value={filters.actor ?? null} data={actors} onChange={(actor) => set({ actor })} clearButtonProps={{ "aria-label": "Anybody" }} />
      <Select aria-label="Action" placeholder="Any action" clearable searchable value={filters.action ?? null} data={verbs.map((value) => ({ value, label: actionWord(value) }))} onChange={(action) => set({ action })} clearButtonProps={{ "aria-label": "Any action" }} />
      <Select aria-label="Outcome" placeholder="Any outcome" clearable value={filters.outcome ?? null} data={Object.entries(OUTCOME).map(([value, [, label]]) => ({ value, label }))} onChange={(outcome) => set({ outcome })} clearButtonProps={{ "aria-label": "Any outcome" }} />
      <DayInput word="From" label="From day" value={toDay(filters.from)} onDay={(day) => set({ from: startOf(day) })} />
      <DayInput word="To" label="To day" value={toDay(filters.to)} onDay={(day) => set({ to: endOf(day) })} />
      {filters.object ? <Button variant="light" color="gray" onClick={() => set({ object: null })} title={filters.object}>Only {filters.object.slice(0, 16)}… ✕</Button> : null}
      {filters.tenant ? <Button variant="light" color="gray" onClick={() => set({ tenant: null })} title={filters.tenant}>Only {tenantWord(filters.tenant).slice(0, 16)} ✕</Button> : null}
    </>
  );
}

function ExportMenu({ scope, filters, empty }: { scope: AuditScope; filters: AuditQuery; empty: boolean }) {
  const own = useCan("audit_export");
  const whole = useCan("platform_audit_read");
  const [busy, setBusy] = useState(false);
  const toast = useToast();
  if (scope === "own" ? !own : !whole) return null;
  const run = async (format: "csv" | "jsonl") => {
    setBusy(true);
    try {
      save(`audit-log-${new Date().toISOString().slice(0, 10)}.${format}`, await client.file(api.auditExport(scope, format, filters)));
      toast.done("The audit log is exported. That it was is an entry of it.");
    } catch (error) {
      toast.failed(`Nothing exported. ${messageOf(error)}`);
    }
    setBusy(false);
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target><Button variant="default" disabled={empty} loading={busy} leftSection={<IconDownload size={16} aria-hidden />}>Export</Button></Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => { void run("csv"); }}>CSV, for a spreadsheet</Menu.Item>
        <Menu.Item onClick={() => { void run("jsonl"); }}>JSON lines, for a program</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
