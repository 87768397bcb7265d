import "@mantine/charts/styles.css";
import { BarChart } from "@mantine/charts";
import { useReducedMotion } from "@mantine/hooks";
import { count } from "../../lib/format";
import ui from "../../ui/ui.module.css";
import type { Bar } from "./audit-chart";

const SERIES = [
  { name: "done", label: "Done", color: "var(--rk-chart-1)" },
  { name: "refused", label: "Refused or failed", color: "var(--rk-chart-2)" },
];

export default function AuditBars({ rows }: { rows: Bar[] }) {
  const still = useReducedMotion();
  return (
    <>
      <div className={ui["chartHead"]}>
        <div className={ui["legend"]}>{SERIES.map((series) => <span key={series.name}><i style={{ background: series.color }} />{series.label}</span>)}</div>
      </div>
      <BarChart
        h={150} data={rows} dataKey="when" type="stacked" series={SERIES} withTooltip
        gridColor="rk-chart-grid" gridProps={{ stroke: "var(--rk-chart-grid)" }}
        yAxisProps={{ allowDecimals: false, width: 44 }} xAxisProps={{ interval: "preserveStartEnd", minTickGap: 48 }}
        barProps={{ isAnimationActive: !still, radius: 2 }} maxBarWidth={22} valueFormatter={count}
      />
    </>
  );
}
