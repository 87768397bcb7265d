// Every version of the rules: who published it, when, what it changed; and the way back.
import { Button, Drawer } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { draftQuery, invalidateTopics, OBJECT, ruleVersionQuery, ruleVersionsQuery } from "../../api/queries";
import type { LayerField, RuleDraft, RuleVersion } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { Status } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { Changes } from "./changes";
import css from "./versions.module.css";

interface VersionsProps { opened: boolean; draft: RuleDraft; fields: Map<string, LayerField>; mayEdit: boolean; onClose(): void }

export function VersionsDrawer({ opened, onClose, ...rest }: VersionsProps) {
  return (
    <Drawer opened={opened} onClose={onClose} size={620} title="Versions of the rules" closeButtonProps={{ "aria-label": "Close the versions" }}>
      {opened ? <Versions {...rest} /> : null}
    </Drawer>
  );
}

function Versions({ draft, fields, mayEdit }: Omit<VersionsProps, "opened" | "onClose">) {
  const query = useInfiniteQuery(ruleVersionsQuery());
  const [back, setBack] = useState<RuleVersion>();
  return (
    <QueryView query={query} what="The versions">
      {(data) => (
        <>
          <ol className={css["versions"]}>
            {data.pages.flatMap((page) => page.items).map((version) => (
              <Version key={version.version} version={version} fields={fields} onBack={mayEdit && !version.decides ? () => setBack(version) : undefined} />
            ))}
          </ol>
          {query.hasNextPage ? <Button variant="default" loading={query.isFetchingNextPage} onClick={() => { void query.fetchNextPage(); }}>Earlier versions</Button> : null}
          <RollBack version={back} draft={draft} onClose={() => setBack(undefined)} />
        </>
      )}
    </QueryView>
  );
}

function Version({ version, fields, onBack }: { version: RuleVersion; fields: Map<string, LayerField>; onBack: (() => void) | undefined }) {
  const [open, setOpen] = useState(false);
  const detail = useQuery({ ...ruleVersionQuery(version.version), enabled: open });
  return (
    <li>
      <div className={css["versionHead"]}>
        <strong>Version {version.version}</strong>
        {version.decides ? <Status tone="ok">Decides</Status> : null}
        {version.restores === null ? null : <Status tone="info">{`Brought back ${version.restores}`}</Status>}
        <span>
          <Button size="compact-sm" variant="subtle" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "Hide changes" : "Changes"}</Button>
          {onBack ? <Button size="compact-sm" variant="subtle" onClick={onBack}>Roll back to it</Button> : null}
        </span>
      </div>
      <p className={css["meta"]}>{version.published_by?.name ?? "Revkeep"}, <Time at={version.published_at} />, {plural(version.rules, "rule")}{version.note === "" ? "" : `: ${version.note}`}</p>
      {open ? (
        <QueryView query={detail} what="The version">
          {(data) => (data.changes.length === 0 ? <p className={css["meta"]}>The same as the version before it.</p> : <Changes changes={data.changes} fields={fields} />)}
        </QueryView>
      ) : null}
    </li>
  );
}

function RollBack({ version, draft, onClose }: { version: RuleVersion | undefined; draft: RuleDraft; onClose(): void }) {
  const queries = useQueryClient();
  const toast = useToast();
  const roll = useMutation({
    mutationFn: (to: number) => client.post<RuleVersion>(api.rulesRollBack(OBJECT, to), { draft_version: draft.draft_version }),
    onSuccess: (made) => {
      invalidateTopics(queries, ["router"]);
      toast.done(`Version ${made.version} decides from the next cycle on, with the rules of version ${made.restores ?? ""}.`);
      onClose();
    },
    onError: () => queries.invalidateQueries({ queryKey: draftQuery().queryKey }),
  });
  if (!version) return null;
  const lost = draft.changes.length;
  return (
    <Confirm
      opened title={`Roll back to version ${version.version}`} act="Roll back" danger busy={roll.isPending} error={roll.isError ? messageOf(roll.error) : undefined}
      onClose={() => { roll.reset(); onClose(); }} onConfirm={() => roll.mutate(version.version)}
    >
      Its rules decide from the next cycle on, as a version of their own. Leads that have an owner keep it.
      {lost > 0 ? ` ${plural(lost, "change")} in the draft ${lost === 1 ? "is" : "are"} lost.` : ""}
    </Confirm>
  );
}
