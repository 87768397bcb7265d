// The story of one record, from fetched to owner written, with every decision about it.
import { useQuery } from "@tanstack/react-query";
import { IconFileSearch } from "@tabler/icons-react";
import { Link, useNavigate, useParams } from "react-router";
import { Problem } from "../../api/problem";
import { recordQuery } from "../../api/queries";
import type { Assignment } from "../../api/types";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { CopyId, Story, Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Notice, StateBadge } from "../../ui/status";
import { type Column, RecordTable, TwoLines } from "../../ui/table";
import { RetryRecord } from "../failures/retry";
import { WhatIfPanel } from "./what-if";

const COLUMNS: Column<Assignment>[] = [
  { id: "owner", header: "Owner", cell: (row) => <TwoLines main={row.rep?.name ?? row.target?.name ?? row.new_owner_id} sub={row.rule?.name ?? "Fallback"} /> },
  { id: "state", header: "State", width: "120px", cell: (row) => <StateBadge state={row.state} /> },
  { id: "when", header: "Decided", width: "156px", right: true, hideBelow: "sm", cell: (row) => <Time at={row.decided_at} /> },
];

export function Page() {
  const { id = "" } = useParams();
  const navigate = useNavigate();
  const query = useQuery({ ...recordQuery(id), retry: false });
  const unknown = query.error instanceof Problem && query.error.status === 404;
  if (unknown) {
    return (
      <>
        <PageHead title="Record" />
        <Panel>
          <Empty icon={IconFileSearch} title={`Revkeep knows no record ${id}`}>
            It was never enrolled, or it belongs to another organisation. Check the id, or look in Salesforce whether the enrollment query matches it.
          </Empty>
        </Panel>
      </>
    );
  }
  const title = query.data?.assignments[0]?.record_title ?? query.data?.record_id ?? id;
  const retryable = query.data && ["failed", "given_up", "waiting"].includes(query.data.state);
  return (
    <>
      <PageHead title={title} actions={query.data && retryable ? <RetryRecord object={query.data.object} recordId={query.data.record_id} title={title} /> : undefined}>
        {query.data ? <>{query.data.object} <CopyId value={query.data.record_id} what="record id" /> <StateBadge state={query.data.state} /></> : null}
      </PageHead>
      <QueryView query={query} what="The record's story">
        {(data) => (
          <>
            {data.reason ? <Notice tone={data.state === "failed" || data.state === "given_up" ? "bad" : "info"} title={data.reason} /> : null}
            <Panel title="Its story">{data.story.length === 0 ? <p>Nothing has happened to it yet. It was read in and stands in line.</p> : <Story steps={data.story} />}</Panel>
            <WhatIfPanel id={data.record_id} />
            <Panel title="Decisions about it" flush>
              {data.assignments.length === 0 ? <Empty icon={IconFileSearch} title="No decision yet">When a rule or the fallback takes it, the decision stands here. <Link to={path.rules()}>See the rules</Link>.</Empty> : (
                <RecordTable label="Decisions" rows={data.assignments} columns={COLUMNS} rowKey={(row) => row.id} href={(row) => path.assignment(row.id)} onOpen={(row) => { void navigate(path.assignment(row.id)); }} />
              )}
            </Panel>
          </>
        )}
      </QueryView>
    </>
  );
}
