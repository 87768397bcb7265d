// Every organisation of this appliance, for its operator: make one, activate one, come in with a reason.
import { Button, Group, Select } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { IconBuilding, IconFilterOff, IconPlus } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { platformTenantsQuery } from "../../api/queries";
import { useCan, useSession } from "../../api/session";
import type { PlatformTenant } from "../../api/types";
import { count } from "../../lib/format";
import { useFilters, useSearchText } from "../../lib/search-state";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { FilterBar } from "../../ui/filters";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge, stateWord } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";
import { EndSessions } from "../organisation/end-sessions";
import { CreateTenant } from "./create-tenant";
import { DomainQueue } from "./domain-queue";
import { EnterTenant } from "./enter-tenant";
import { Erasures } from "./erasures";

const STATES = [{ value: "active", label: "Active" }, { value: "trial", label: "Trial" }, { value: "read_only", label: "Read-only" }];

export function Page() {
  const [filters, setFilters] = useFilters(["q", "state"] as const);
  const [text, setText] = useSearchText(filters.q, (q) => setFilters({ q }));
  const mayManage = useCan("tenant_manage");
  const [creating, setCreating] = useState(false);
  // While a visit begins this page is still there for a moment, and the visitor may not read it.
  const mayRead = useCan("tenant_read");
  const query = useInfiniteQuery({ ...platformTenantsQuery(filters), enabled: mayRead });
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const filtered = Object.keys(filters).length > 0;
  const create = mayManage ? <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>New organisation</Button> : undefined;
  return (
    <>
      <PageHead title="Tenants" actions={create}>The organisations on this appliance. None sees another; you see their names, and come in only with a reason that their owner is told.</PageHead>
      <DomainQueue />
      <FilterBar
        label="Filter the tenants" text={text} placeholder="Name" onText={setText}
        onClear={filtered ? () => { setText(""); setFilters({ q: null, state: null }); } : undefined}
      >
        <Select aria-label="State" placeholder="Any state" data={STATES} clearable value={filters.state ?? null} onChange={(state) => setFilters({ state })} clearButtonProps={{ "aria-label": "Any state" }} />
      </FilterBar>
      <Panel flush>
        <QueryView query={query} what="The tenants">
          {() => rows.length === 0 ? (
            filtered
              ? <Empty icon={IconFilterOff} title="No organisation matches these filters">Clear the filters to see all.</Empty>
              : <Empty icon={IconBuilding} title="No organisations yet" action={create}>Its owner gets an invitation by mail.</Empty>
          ) : (
            <RecordTable
              label="Tenants" rows={rows} columns={columns(mayManage)} rowKey={(tenant) => tenant.id} rowState={(tenant) => tenant.state}
              more={query.hasNextPage ? { load: () => { void query.fetchNextPage(); }, loading: query.isFetchingNextPage } : undefined}
            />
          )}
        </QueryView>
      </Panel>
      <Erasures />
      {mayManage ? (
        <Panel title="Sessions" note="Of everybody on this appliance, on every device.">
          <EndSessions
            address={api.platformSessionsEnd()} typed="every session" own title="End every session of this appliance" label="End every session"
            effect="Everybody is signed out at once, in every organisation."
          />
        </Panel>
      ) : null}
      {creating ? <CreateTenant onClose={() => setCreating(false)} /> : null}
    </>
  );
}

const columns = (mayManage: boolean): Column<PlatformTenant>[] => [
  { id: "name", header: "Organisation", cell: (tenant) => <TwoLines main={tenant.name} sub={<><OnPhone>{stateWord(tenant.state)}, </OnPhone>{tenant.owner ? `owner ${tenant.owner.name}` : "without an owner yet"}</>} /> },
  { id: "state", header: "State", width: "190px", hideBelow: "sm", cell: (tenant) => <><StateBadge state={tenant.state} />{tenant.state === "trial" && tenant.trial_ends_at ? <> ends <Time at={tenant.trial_ends_at} due /></> : null}</> },
  { id: "members", header: "Members", width: "90px", right: true, hideBelow: "md", cell: (tenant) => count(tenant.members) },
  { id: "since", header: "Since", width: "150px", hideBelow: "lg", cell: (tenant) => <Time at={tenant.created_at} ago /> },
  ...(mayManage ? [{ id: "acts", header: "Acts", width: "min(290px, 40vw)", right: true, cell: (tenant: PlatformTenant) => <Acts tenant={tenant} /> }] : []),
];

function Acts({ tenant }: { tenant: PlatformTenant }) {
  const session = useSession();
  const [asking, setAsking] = useState<"activate" | "enter">();
  const mine = session.tenant.id === tenant.id || session.tenants.some(({ id }) => id === tenant.id);
  return (
    <Group gap={6} justify="flex-end" py={6}>
      {tenant.state === "active" ? null : <Button size="compact-sm" variant="default" aria-label={`Activate ${tenant.name}`} onClick={() => setAsking("activate")}>Activate</Button>}
      {mine || session.support ? null : <Button size="compact-sm" variant="default" aria-label={`Enter ${tenant.name}`} onClick={() => setAsking("enter")}>Enter</Button>}
      <EndSessions
        size="compact-sm" address={api.platformTenantSessionsEnd(tenant.id)} typed={tenant.name} own={session.tenant.id === tenant.id}
        title={`End sessions of everybody in ${tenant.name}`} label="End sessions" effect={`Everybody who is in ${tenant.name} is signed out at once.`}
      />
      {asking === "activate" ? <Activate tenant={tenant} onClose={() => setAsking(undefined)} /> : null}
      {asking === "enter" ? <EnterTenant tenant={tenant} onClose={() => setAsking(undefined)} /> : null}
    </Group>
  );
}

function Activate({ tenant, onClose }: { tenant: PlatformTenant; onClose(): void }) {
  const queries = useQueryClient();
  const toast = useToast();
  const activate = useMutation({
    mutationFn: () => client.post(api.platformTenantVerb(tenant.id, "activate")),
    onSuccess: () => {
      onClose();
      toast.done(`${tenant.name} is active.`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["platform-tenants"] }),
  });
  return (
    <Confirm opened title={`Activate ${tenant.name}`} act="Activate" busy={activate.isPending} error={toTell(activate.error)} onClose={onClose} onConfirm={() => activate.mutate()}>
      {tenant.state === "trial" ? "The trial ends, and the organisation goes on without a date." : "Its members can change things again, and routing can be resumed."}
    </Confirm>
  );
}
