// Routed and failed by hour, as bars or as the table behind them.
import "@mantine/charts/styles.css";
import { BarChart } from "@mantine/charts";
import { SegmentedControl } from "@mantine/core";
import { useReducedMotion } from "@mantine/hooks";
import { useState } from "react";
import type { HourBucket } from "../../api/types";
import { count, localClock, localTime } from "../../lib/format";
import { Panel } from "../../ui/page";
import ui from "../../ui/ui.module.css";

const SERIES = [
  { name: "routed", label: "Routed", color: "var(--rk-chart-1)" },
  { name: "failed", label: "Failed", color: "var(--rk-chart-2)" },
];

export default function HourChart({ hours }: { hours: HourBucket[] }) {
  const [as, setAs] = useState("chart");
  const still = useReducedMotion();
  const rows = hours.map((bucket) => ({ ...bucket, at: localClock(bucket.hour) }));
  const routed = hours.reduce((sum, bucket) => sum + bucket.routed, 0);
  const failed = hours.reduce((sum, bucket) => sum + bucket.failed, 0);
  const since = hours[0] ? `Since ${localTime(hours[0].hour)}: ` : "";
  return (
    <Panel
      title="Leads by hour"
      note={`${since}${count(routed)} routed, ${count(failed)} failed.`}
      actions={<SegmentedControl size="xs" aria-label="Leads by hour as" value={as} onChange={setAs} data={[{ value: "chart", label: "Chart" }, { value: "table", label: "Table" }]} />}
    >
      {as === "chart" ? (
        <>
          <div className={ui["chartHead"]}>
            <div className={ui["legend"]}>{SERIES.map((series) => <span key={series.name}><i style={{ background: series.color }} />{series.label}</span>)}</div>
          </div>
          <div role="img" aria-label={`Bars: ${count(routed)} leads routed and ${count(failed)} failed. Choose Table for the figures.`}>
            <BarChart
              h={220} data={rows} dataKey="at" type="stacked" series={SERIES} withTooltip
              gridColor="rk-chart-grid" gridProps={{ stroke: "var(--rk-chart-grid)" }}
              yAxisProps={{ allowDecimals: false, width: 44 }} xAxisProps={{ interval: "preserveStartEnd", minTickGap: 24 }}
              barProps={{ isAnimationActive: !still, radius: 2 }} maxBarWidth={22} yAxisLabel="leads" valueFormatter={count}
            />
          </div>
        </>
      ) : (
        <div className={ui["scrollX"]}>
          <table className={ui["plainTable"]}>
            <thead><tr><th scope="col">Hour from</th><th scope="col" className={ui["num"]}>Routed</th><th scope="col" className={ui["num"]}>Failed</th></tr></thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.hour}><td>{row.at}</td><td className={ui["num"]}>{count(row.routed)}</td><td className={ui["num"]}>{count(row.failed)}</td></tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
