// "Which of the last 200 records would match": asked of the server, which decides as the router would.
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { IconEye } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { OBJECT } from "../../api/queries";
import type { Condition, RulePreview, GiveTo } from "../../api/types";
import { count, plural } from "../../lib/format";
import { api, path } from "../../paths";
import { Panel } from "../../ui/page";
import { Notice, Status } from "../../ui/status";
import css from "./rules.module.css";

interface PreviewProps { condition: Condition | undefined; target: GiveTo | null; ruleId: string | undefined }

export function RulePreviewPanel({ condition, target, ruleId }: PreviewProps) {
  const [of, setOf] = useState("");
  const preview = useMutation({
    mutationFn: (body: { condition: Condition; target?: GiveTo; rule_id?: string }) => client.post<RulePreview>(api.rulesPreview(OBJECT), body),
  });
  const asked = JSON.stringify(condition);
  const ask = () => {
    if (!condition) return;
    setOf(asked);
    preview.mutate({ condition, ...(target ? { target } : {}), ...(ruleId ? { rule_id: ruleId } : {}) });
  };
  const stale = preview.data !== undefined && of !== asked;
  return (
    <Panel
      title="Preview"
      note="Which of the last 200 records would match. Nothing is written."
      actions={<Button size="xs" variant="default" leftSection={<IconEye size={14} aria-hidden />} disabled={!condition} loading={preview.isPending} onClick={ask}>{preview.data ? "Preview again" : "Preview"}</Button>}
    >
      {preview.isError ? <Notice tone="bad" title="No preview">{messageOf(preview.error)}</Notice> : null}
      {preview.data ? <Result data={preview.data} stale={stale} /> : preview.isError ? null : <p>{condition ? "Press Preview to see it before you save." : "Finish the condition to preview it."}</p>}
    </Panel>
  );
}

function Result({ data, stale }: { data: RulePreview; stale: boolean }) {
  if (data.considered === 0) return <p>The layer holds no records yet. They come with the first import after Salesforce is connected.</p>;
  return (
    <div role="status">
      {stale ? <Notice tone="info" title="The condition changed since this preview">Preview again to see what it matches now.</Notice> : null}
      <p>
        <strong>{count(data.matching)} of {plural(data.considered, "record")} match.</strong>
        {data.taken_by_earlier > 0 ? ` ${count(data.taken_by_earlier)} of them are taken by an earlier rule, so this one would get ${count(data.matching - data.taken_by_earlier)}.` : ""}
      </p>
      <ul className={css["preview"]} aria-label="Previewed records">
        {data.items.map((item) => (
          <li key={item.record_id}>
            <span><Link to={path.record(item.record_id)}>{item.title || item.record_id}</Link></span>
            {item.matches
              ? item.taken_by ? <Status tone="warn">Taken by {item.taken_by.name}</Status> : <Status tone="ok">Matches</Status>
              : <Status tone="idle">Does not match</Status>}
          </li>
        ))}
      </ul>
    </div>
  );
}
