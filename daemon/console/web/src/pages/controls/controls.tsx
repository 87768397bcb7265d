// Every promise about security and where it stands on this appliance: tried live, vouched for, the customer's, or not built.
import { Button, Menu, Progress, Select } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconDownload, IconPlayerPlay, IconShieldCheck } from "@tabler/icons-react";
import { client } from "../../api/client";
import { type Control, type ControlRun, type Controls, type ControlStatus, controlsQuery } from "../../api/controls";
import { toTell } from "../../api/problem";
import { useCan } from "../../api/session";
import { download } from "../../lib/csv";
import { duration, plural } from "../../lib/format";
import { useFilters, useSearchText } from "../../lib/search-state";
import { api, path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { FilterBar } from "../../ui/filters";
import { PageHead, Panel, Stat, Stats } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Notice, Status, type Tone } from "../../ui/status";
import { useToast } from "../../ui/toast";
import ui from "../../ui/ui.module.css";
import css from "./controls.module.css";
import { byArea, count, STATUSES, WORDS } from "./list";

const TONES: Record<ControlStatus, Tone> = { failing: "bad", unknown: "warn", enforced: "ok", build_evidence: "info", attested: "info", customer_owned: "info", absent: "idle" };
const FILTERS = ["q", "status"] as const;

export function Page() {
  const query = useQuery(controlsQuery());
  return (
    <>
      <PageHead title="Controls" actions={<><Papers ready={query.data?.last !== null && query.data !== undefined} /><RunNow running={query.data?.running ?? null} /></>}>
        Where each promise about security stands on this appliance. What is enforced was attacked here, by the same roles that serve people, in transactions that are rolled back.
      </PageHead>
      <QueryView query={query} what="The controls">{(controls) => <Runs controls={controls} />}</QueryView>
    </>
  );
}

function Runs({ controls }: { controls: Controls }) {
  const { running, last } = controls;
  return (
    <>
      {running ? (
        <div className={css["run"]} role="status">
          <span>Verifying: {running.done} of {plural(running.total, "probe")}, begun <Time at={running.started_at} ago /></span>
          <Progress className={css["progress"] ?? ""} value={(running.done / Math.max(1, running.total)) * 100} aria-label={`Verified: ${running.done} of ${running.total} probes`} />
        </div>
      ) : null}
      {last ? <Last run={last} /> : (
        <Panel>
          {running
            ? <Empty icon={IconShieldCheck} title="The first run is going on">What it finds stands here as soon as it has ended. You may leave this page.</Empty>
            : <Empty icon={IconShieldCheck} title="Nothing was verified yet">The first run comes within an hour of the first start, and one each day after that. You can begin one now; it takes some seconds and changes nothing.</Empty>}
        </Panel>
      )}
    </>
  );
}

function Last({ run }: { run: ControlRun }) {
  const [filters, setFilters] = useFilters(FILTERS);
  const [text, setText] = useSearchText(filters.q, (q) => setFilters({ q }));
  const status = STATUSES.find((one) => one === filters.status);
  const areas = byArea(run.controls, text, status);
  const shown = areas.reduce((sum, [, controls]) => sum + controls.length, 0);
  const failing = run.controls.filter((control) => control.status === "failing");
  return (
    <>
      {failing.length > 0 ? (
        <Notice
          tone="bad" title={failing.length === 1 ? "A control is failing" : `${failing.length} controls are failing`}
          actions={status === "failing"
            ? <Button size="xs" variant="default" onClick={() => setFilters({ status: null })}>Show all</Button>
            : <Button size="xs" variant="default" onClick={() => setFilters({ status: "failing", q: null })}>{failing.length === 1 ? "Show it" : "Show them"}</Button>}
        >
          {failing.map((control) => control.id).join(", ")}. The evidence names what was reached. Mend that, then run again.
        </Notice>
      ) : null}
      <Stats narrow>
        {STATUSES.filter((one) => one !== "unknown" || count(run.controls, one) > 0).map((one) => (
          <Stat
            key={one} label={WORDS[one]} value={String(count(run.controls, one))} tone={one === "failing" && failing.length > 0 ? "bad" : undefined}
            href={withStatus(one)} onOpen={() => setFilters({ status: one, q: null })}
          />
        ))}
      </Stats>
      <div className={css["run"]}><span>Verified <Time at={run.finished_at} ago /> in {duration((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000)}, by Revkeep {run.version}. The result is kept with its signature.</span></div>
      <FilterBar label="Filter the controls" text={text} placeholder="Search id, promise or evidence" onText={setText} onClear={text !== "" || status ? () => { setText(""); setFilters({ q: null, status: null }); } : undefined}
        actions={<span className={css["shown"]} aria-live="polite">{shown} of {plural(run.controls.length, "control")}</span>}
      >
        <Select
          aria-label="Status" placeholder="Any status" clearable value={status ?? null} data={STATUSES.map((one) => ({ value: one, label: WORDS[one] }))}
          onChange={(value) => setFilters({ status: value })} clearButtonProps={{ "aria-label": "Any status" }}
        />
      </FilterBar>
      {areas.length === 0 ? <Empty icon={IconShieldCheck} title="No control matches">Change the words or the status, or clear the filters.</Empty> : null}
      {areas.map(([area, controls]) => <Area key={area} area={area} controls={controls} />)}
    </>
  );
}

function Area({ area, controls }: { area: string; controls: Control[] }) {
  return (
    <Panel title={area[0]?.toUpperCase() + area.slice(1).replaceAll("-", " ")} note={plural(controls.length, "control")} flush>
      <div className={ui["scrollX"]}>
        <table className={`${ui["plainTable"]} ${css["table"]}`} aria-label={`Controls: ${area}`}>
          <thead><tr><th scope="col">Id</th><th scope="col" className={ui["wide"]}>Status</th><th scope="col">Promise and evidence</th><th scope="col" className={ui["wide"]}>Looked at</th></tr></thead>
          <tbody>
            {controls.map((control) => (
              <tr key={control.id}>
                <td className={css["id"]}>{control.id}</td>
                <td className={ui["wide"]}><Standing status={control.status} /></td>
                <td><div className={css["phone"]}><Standing status={control.status} /></div><Evidence control={control} /></td>
                <td className={ui["wide"]}><Time at={control.at} ago /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

const Standing = ({ status }: { status: ControlStatus }) => <Status tone={TONES[status]}>{WORDS[status]}</Status>;

/** The list with this status alone, for a tab of its own. */
const withStatus = (status: ControlStatus): string => `${path.controls()}?status=${status}`;

/** The tests of what was not tried live are many: they stand behind a fold. */
function Evidence({ control }: { control: Control }) {
  const folded = control.status === "build_evidence";
  return (
    <>
      <div className={css["title"]}>{control.title}</div>
      {control.status === "absent" ? null : <div className={css["evidence"]}>{folded ? `Not tried live; ${plural(control.tests.length, "test")} of this version attack${control.tests.length === 1 ? "s" : ""} it.` : control.evidence}</div>}
      {control.tests.length > 0 ? (
        <details className={css["more"]}>
          <summary>{plural(control.tests.length, "test")}</summary>
          <ul>{control.tests.map((test) => <li key={test}><code>{test}</code></li>)}</ul>
        </details>
      ) : null}
    </>
  );
}

function RunNow({ running }: { running: Controls["running"] }) {
  const allowed = useCan("control_verify");
  const queries = useQueryClient();
  const toast = useToast();
  const verify = useMutation({
    mutationFn: () => client.post(api.controlsVerify()),
    onError: (error) => toast.failed(toTell(error) ?? "No run was begun. Try again in a moment."),
    onSettled: () => queries.invalidateQueries({ queryKey: ["controls"] }),
  });
  if (!allowed) return null;
  return <Button leftSection={<IconPlayerPlay size={16} aria-hidden />} loading={verify.isPending} disabled={running !== null} onClick={() => verify.mutate()}>{running ? "Running" : "Run now"}</Button>;
}

const PAPERS = [
  { paper: "matrix", format: "csv", label: "Control matrix (CSV)" },
  { paper: "matrix", format: "markdown", label: "Control matrix (Markdown)" },
  { paper: "questionnaire", format: "csv", label: "Security questionnaire (CSV)" },
  { paper: "questionnaire", format: "markdown", label: "Security questionnaire (Markdown)" },
  { paper: "annex", format: "csv", label: "Data processing annex (CSV)" },
  { paper: "annex", format: "markdown", label: "Data processing annex (Markdown)" },
] as const;

function Papers({ ready }: { ready: boolean }) {
  const toast = useToast();
  const take = useMutation({
    mutationFn: async ({ paper, format }: (typeof PAPERS)[number]) => {
      const { text } = await client.get<{ text: string }>(api.controlsPaper(paper, format));
      const day = new Date().toISOString().slice(0, 10);
      download(`revkeep-${paper}-${day}.${format === "csv" ? "csv" : "md"}`, text, format === "csv" ? "text/csv;charset=utf-8" : "text/markdown;charset=utf-8");
    },
    onError: (error) => toast.failed(toTell(error) ?? "It could not be made. Try again in a moment."),
  });
  return (
    <Menu position="bottom-end">
      <Menu.Target><Button variant="default" disabled={!ready} loading={take.isPending} leftSection={<IconDownload size={16} aria-hidden />}>Download</Button></Menu.Target>
      <Menu.Dropdown>{PAPERS.map((one) => <Menu.Item key={one.label} onClick={() => take.mutate(one)}>{one.label}</Menu.Item>)}</Menu.Dropdown>
    </Menu>
  );
}
