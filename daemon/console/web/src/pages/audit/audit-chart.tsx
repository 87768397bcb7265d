// Entries over time, as bars or as the table behind them.
import { SegmentedControl } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import type { AuditChart } from "../../api/audit";
import { count, duration, localTime, plural } from "../../lib/format";
import { Panel } from "../../ui/page";
import { LoadingBlock } from "../../ui/states";
import ui from "../../ui/ui.module.css";

const Bars = lazy(() => import("./audit-bars"));

export interface Bar { at: string; when: string; done: number; refused: number }

/** Every interval of the span, those without entries too. */
function bars(chart: AuditChart): Bar[] {
  const step = chart.step_seconds * 1000;
  const found = new Map(chart.bars.map((bar) => [new Date(bar.at).getTime(), bar]));
  const all: Bar[] = [];
  for (let at = new Date(chart.from).getTime(); at <= new Date(chart.to).getTime() && all.length < 400; at += step) {
    const bar = found.get(at);
    const iso = new Date(at).toISOString();
    all.push({ at: iso, when: localTime(iso), done: bar?.done ?? 0, refused: (bar?.refused ?? 0) + (bar?.failed ?? 0) });
  }
  return all;
}

export function AuditChartPanel({ chart }: { chart: AuditChart }) {
  const [as, setAs] = useState("chart");
  const rows = bars(chart);
  const done = rows.reduce((sum, bar) => sum + bar.done, 0);
  const refused = rows.reduce((sum, bar) => sum + bar.refused, 0);
  const since = chart.counted_from ? `More than can be counted at once; since ${localTime(chart.counted_from)}` : `Since ${localTime(chart.from)}`;
  return (
    <Panel
      title="Entries over time" note={`${since}: ${count(done)} done, ${count(refused)} refused or failed, by ${duration(chart.step_seconds)}.`}
      actions={<SegmentedControl size="xs" aria-label="Entries over time as" value={as} onChange={setAs} data={[{ value: "chart", label: "Chart" }, { value: "table", label: "Table" }]} />}
    >
      {as === "chart" ? (
        <div role="img" aria-label={`Bars: ${plural(done, "entry", "entries")} done and ${count(refused)} refused or failed. Choose Table for the figures.`}>
          <Suspense fallback={<LoadingBlock height={150} />}><Bars rows={rows} /></Suspense>
        </div>
      ) : (
        <div className={ui["scrollX"]}>
          <table className={ui["plainTable"]}>
            <thead><tr><th scope="col">From</th><th scope="col" className={ui["num"]}>Done</th><th scope="col" className={ui["num"]}>Refused or failed</th></tr></thead>
            <tbody>{rows.filter((bar) => bar.done + bar.refused > 0).map((bar) => <tr key={bar.at}><td>{bar.when}</td><td className={ui["num"]}>{count(bar.done)}</td><td className={ui["num"]}>{count(bar.refused)}</td></tr>)}</tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
