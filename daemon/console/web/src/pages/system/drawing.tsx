import "@mantine/charts/styles.css";
import { LineChart } from "@mantine/charts";
import { useReducedMotion } from "@mantine/hooks";
import type { Figure } from "./charts";
import type { Row } from "./series";

export default function Drawing({ rows, figure }: { rows: Row[]; figure: Figure }) {
  const still = useReducedMotion();
  return (
    <LineChart
      h={120} data={rows} dataKey="when" series={figure.series} withTooltip connectNulls={false} withDots={false} curveType="linear" strokeWidth={1.6}
      gridColor="rk-chart-grid" gridProps={{ stroke: "var(--rk-chart-grid)" }} tickLine="none"
      yAxisProps={{ width: 62, tickCount: 3, domain: figure.floating ? ["auto", "auto"] : [0, "auto"] }} xAxisProps={{ interval: "preserveStartEnd", minTickGap: 40 }}
      lineProps={{ isAnimationActive: !still }} valueFormatter={figure.told}
    />
  );
}
