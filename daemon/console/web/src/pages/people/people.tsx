// The members: what they may do, whether a second factor keeps their account, when they were here last.
import { Select } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { IconFilterOff, IconUsers } from "@tabler/icons-react";
import { useMemo } from "react";
import { useLocation, useNavigate, useParams } from "react-router";
import { membersQuery } from "../../api/queries";
import { useSession } from "../../api/session";
import type { Member, MemberPage } from "../../api/types";
import { count } from "../../lib/format";
import { roleTitles } from "../../lib/roles";
import { useFilters, useSearchText } from "../../lib/search-state";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { FilterBar } from "../../ui/filters";
import { Panel, Stat, Stats } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge } from "../../ui/status";
import { type Column, RecordTable, TwoLines } from "../../ui/table";
import { FactorBadge } from "./factor-badge";
import { MemberDrawer } from "./member-drawer";
import { Invite, PeopleHead } from "./people-head";

const STATES = [{ value: "active", label: "Active" }, { value: "deactivated", label: "Deactivated" }];

export function Page() {
  const { id } = useParams();
  const navigate = useNavigate();
  const { search } = useLocation();
  const me = useSession().user.id;
  const [filters, setFilters] = useFilters(["q", "state"] as const);
  const [text, setText] = useSearchText(filters.q, (q) => setFilters({ q }));
  const query = useInfiniteQuery(membersQuery(filters));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const filtered = Object.keys(filters).length > 0;
  const open = (member: Member) => { void navigate(path.member(member.id, search)); };
  return (
    <>
      <PeopleHead section="Members" />
      {query.data?.pages[0] ? <Counts counts={query.data.pages[0].counts} /> : null}
      <FilterBar
        label="Filter the members" text={text} placeholder="Name or email" onText={setText}
        onClear={filtered ? () => { setText(""); setFilters({ q: null, state: null }); } : undefined}
      >
        <Select aria-label="State" placeholder="Any state" data={STATES} clearable value={filters.state ?? null} onChange={(state) => setFilters({ state })} />
      </FilterBar>
      <Panel flush>
        <QueryView query={query} what="The members">
          {() => rows.length === 0 ? (
            filtered
              ? <Empty icon={IconFilterOff} title="Nobody matches these filters">Clear the filters to see everyone.</Empty>
              : <Empty icon={IconUsers} title="Nobody is here yet" action={<Invite />}>Invite the people who run routing with you.</Empty>
          ) : (
            <RecordTable
              label="Members" rows={rows} columns={columns(me)} rowKey={(member) => member.id} rowState={(member) => String(member.version)}
              href={(member) => path.member(member.id, search)} onOpen={open} selected={id}
              more={query.hasNextPage ? { load: () => { void query.fetchNextPage(); }, loading: query.isFetchingNextPage } : undefined}
            />
          )}
        </QueryView>
      </Panel>
      <MemberDrawer id={id} members={query.data ? rows : undefined} onClose={() => { void navigate({ pathname: path.people(), search }); }} />
    </>
  );
}

function Counts({ counts }: { counts: MemberPage["counts"] }) {
  const without = counts.without_factor;
  return (
    <Stats>
      <Stat label="Active" value={count(counts.active)} />
      <Stat label="Deactivated" value={count(counts.deactivated)} />
      {without === undefined ? null : (
        <Stat label="Without a second factor" tone={without > 0 ? "bad" : undefined} value={count(without)} {...(without > 0 ? { note: "A stolen password opens these accounts" } : {})} />
      )}
    </Stats>
  );
}

const columns = (me: string): Column<Member>[] => [
  { id: "name", header: "Person", cell: (member) => <TwoLines main={`${member.name}${member.id === me ? " (you)" : ""}`} sub={member.email ?? ""} /> },
  { id: "roles", header: "Roles", width: "220px", hideBelow: "sm", cell: (member) => <TwoLines main={roleTitles(member.roles)} sub={[member.owner ? "Owner" : "", member.sso ? "Single sign-on" : ""].filter(Boolean).join(", ")} /> },
  { id: "factor", header: "Second factor", width: "170px", cell: (member) => <FactorBadge member={member} /> },
  { id: "seen", header: "Last seen", width: "120px", hideBelow: "md", cell: (member) => <Time at={member.last_seen_at} ago /> },
  { id: "state", header: "State", width: "130px", hideBelow: "lg", cell: (member) => <StateBadge state={member.state} /> },
];
