// Where the record would go now, without writing anything: by the rules that decide, or by the draft.
import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconRoute } from "@tabler/icons-react";
import { useState } from "react";
import { whatIfQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { WhatIf } from "../../api/types";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Notice } from "../../ui/status";
import css from "./what-if.module.css";

export function WhatIfPanel({ id }: { id: string }) {
  const may = useCan("rule_read");
  const [asked, setAsked] = useState<"published" | "draft">();
  const query = useQuery({ ...whatIfQuery(id, asked === "draft"), enabled: asked !== undefined });
  if (!may) return null;
  return (
    <Panel title="Route it now, without writing" note="Decides as things stand: who is there, whose turn it is, what the rules say. Nobody's turn is spent.">
      <Group gap={8}>
        <Button variant="default" leftSection={<IconRoute size={16} aria-hidden />} loading={query.isFetching && asked === "published"} onClick={() => { setAsked("published"); if (asked === "published") void query.refetch(); }}>By the rules that decide</Button>
        <Button variant="default" loading={query.isFetching && asked === "draft"} onClick={() => { setAsked("draft"); if (asked === "draft") void query.refetch(); }}>By the draft</Button>
      </Group>
      {asked === undefined ? null : <QueryView query={query} what="The decision">{(data) => <Answer data={data} />}</QueryView>}
    </Panel>
  );
}

function Answer({ data }: { data: WhatIf }) {
  return (
    <div className={css["answer"]} role="status">
      <Notice tone={data.outcome === "failed" ? "bad" : data.outcome === "waiting" ? "warn" : "ok"} title={title(data)}>
        {data.until ? <>Until <Time at={data.until} />.</> : null}
      </Notice>
      <ol className={css["said"]}>{data.said.map((line, index) => <li key={index}>{line}</li>)}</ol>
    </div>
  );
}

function title(data: WhatIf): string {
  const by = data.version === null ? "by the draft" : `by version ${data.version}`;
  const who = data.rep?.name ?? data.target?.name ?? "nobody";
  switch (data.outcome) {
    case "assigned": return `It would go to ${who}, ${by}`;
    case "already_owner": return `It would stay with ${who}, ${by}`;
    case "waiting": return `It would wait, ${by}`;
    default: return `It would fail, ${by}`;
  }
}
