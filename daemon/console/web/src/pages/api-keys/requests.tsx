// What one key asked in the last 30 days, newest first: which request, what came of it, from where.
import { Button, Group, SegmentedControl } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { IconArrowLeft, IconFilterOff, IconListDetails } from "@tabler/icons-react";
import { Link, useParams } from "react-router";
import { apiKeysQuery, keyRequestsQuery } from "../../api/queries";
import type { KeyRequest } from "../../api/types";
import { useFilters } from "../../lib/search-state";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { DayInput, endOf, startOf, toDay } from "../../ui/day-input";
import { Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Status } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { came } from "./words";

const FILTERS = ["came", "from", "to"] as const;
const CAME = [
  { value: "", label: "All" }, { value: "answered", label: "Answered" }, { value: "refused", label: "Refused" }, { value: "failed", label: "Failed" }, { value: "cut", label: "Cut" },
];

const COLUMNS: Column<KeyRequest>[] = [
  { id: "what", header: "Request", cell: (row) => <TwoLines main={<span className="mono" title={row.path}>{row.method} {row.path}</span>} sub={<><OnPhone><Time at={row.at} />, </OnPhone>{row.milliseconds} ms</>} /> },
  { id: "came", header: "Answer", width: "150px", cell: (row) => <Came row={row} /> },
  { id: "address", header: "From", width: "170px", hideBelow: "md", cell: (row) => <span className="mono">{row.address}</span> },
  { id: "when", header: "When", width: "156px", right: true, hideBelow: "sm", cell: (row) => <Time at={row.at} precise /> },
];

function Came({ row }: { row: KeyRequest }) {
  const look = came(row.status);
  return <Status tone={look.tone}>{row.status === null ? look.word : `${look.word}, ${row.status}`}</Status>;
}

export function Page() {
  const { id = "" } = useParams();
  const [filters, setFilters] = useFilters(FILTERS);
  const key = useQuery(apiKeysQuery()).data?.find((one) => one.id === id);
  const query = useInfiniteQuery(keyRequestsQuery(id, filters));
  const filtered = Object.keys(filters).length > 0;
  const back = <Button variant="default" leftSection={<IconArrowLeft size={16} aria-hidden />} component={Link} to={path.apiKeys()}>API keys</Button>;
  const clear = () => setFilters({ came: null, from: null, to: null });
  return (
    <>
      <PageHead title={key ? `Requests of “${key.name}”` : "Requests of a key"} section="API keys" actions={back}>
        Each request of the last 30 days, within a second. What stood behind the question mark is not kept, because filters name people.
      </PageHead>
      <Group role="search" aria-label="Filter the requests" gap="xs" mb="sm">
        <SegmentedControl aria-label="Answer" size="sm" data={CAME} value={filters.came ?? ""} onChange={(value) => setFilters({ came: value || null })} />
        <DayInput word="From" label="From day" value={toDay(filters.from)} onDay={(day) => setFilters({ from: startOf(day) })} />
        <DayInput word="To" label="To day" value={toDay(filters.to)} onDay={(day) => setFilters({ to: endOf(day) })} />
        {filtered ? <Button variant="subtle" color="gray" onClick={clear}>Clear filters</Button> : null}
      </Group>
      <Panel flush>
        <QueryView query={query} what="The requests">
          {(found) => {
            const rows = found.pages.flatMap((page) => page.items);
            if (rows.length === 0) {
              return filtered
                ? <Empty icon={IconFilterOff} title="Nothing matches these filters">The key may have asked other things; clear the filters to see all.</Empty>
                : <Empty icon={IconListDetails} title="No requests">The key asked nothing in the last 30 days. When it does, each request stands here, whatever came of it.</Empty>;
            }
            return (
              <RecordTable
                label="Requests" rows={rows} columns={COLUMNS} rowKey={(row) => row.id}
                more={query.hasNextPage ? { load: () => { void query.fetchNextPage(); }, loading: query.isFetchingNextPage } : undefined}
              />
            );
          }}
        </QueryView>
      </Panel>
    </>
  );
}
