// Load over time: a small chart for each figure, or the table behind them.
import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { type Series, seriesQuery, type Span } from "../../api/system";
import { count, duration, localClock, localTime, size } from "../../lib/format";
import { useFilters } from "../../lib/search-state";
import { QueryView } from "../../shell/query-view";
import { Panel } from "../../ui/page";
import { LoadingBlock } from "../../ui/states";
import ui from "../../ui/ui.module.css";
import { type Row, rows } from "./series";
import { Scrolled } from "./scrolled";
import css from "./system.module.css";
import { milliseconds } from "./words";

const Drawing = lazy(() => import("./drawing"));

const SPANS: { value: Span; label: string }[] = [{ value: "hour", label: "Hour" }, { value: "day", label: "Day" }, { value: "week", label: "Week" }];

export interface Figure { title: string; series: { name: keyof Row; label: string; color: string }[]; told(value: number): string; /** Sizes change little: their axis need not begin at zero. */ floating?: boolean }

const ONE = "var(--rk-chart-1)";
const TWO = "var(--rk-chart-2)";
export const FIGURES: Figure[] = [
  { title: "Requests a minute", series: [{ name: "requests", label: "Answered", color: ONE }, { name: "errors", label: "Errors (5xx)", color: TWO }], told: count },
  { title: "Time to answer", series: [{ name: "half", label: "Half within", color: ONE }, { name: "most", label: "95 of 100 within", color: TWO }], told: milliseconds },
  { title: "Jobs that are due", series: [{ name: "due", label: "Due", color: ONE }], told: count },
  { title: "Database", series: [{ name: "database", label: "Size", color: ONE }], told: size, floating: true },
  { title: "Free disk", series: [{ name: "disk", label: "Free", color: ONE }], told: size, floating: true },
  { title: "Memory of the daemon", series: [{ name: "memory", label: "In use", color: ONE }], told: size },
];

export function Charts() {
  const [filters, setFilters] = useFilters(["span"] as const);
  const span = SPANS.find(({ value }) => value === filters.span)?.value ?? "day";
  const [as, setAs] = useState("chart");
  const query = useQuery(seriesQuery(span));
  const step = query.data ? `By ${duration(query.data.step_seconds)}; a gap is a time at which no daemon ran.` : "";
  return (
    <Panel
      title="Over time" note={step}
      actions={
        <div className={css["choices"]}>
          <SegmentedControl size="xs" aria-label="How far back" value={span} onChange={(next) => setFilters({ span: next === "day" ? null : next })} data={SPANS} />
          <SegmentedControl size="xs" aria-label="Over time as" value={as} onChange={setAs} data={[{ value: "chart", label: "Charts" }, { value: "table", label: "Table" }]} />
        </div>
      }
    >
      <QueryView query={query} what="The figures over time" loading={<LoadingBlock height={360} />}>
        {(series) => (as === "chart" ? <Drawn series={series} /> : <Numbers series={series} />)}
      </QueryView>
    </Panel>
  );
}

const dated = (series: Series) => (series.step_seconds > 900 ? localTime : localClock);

function Drawn({ series }: { series: Series }) {
  const drawn = rows(series, dated(series));
  if (series.points.length < 2) return <p className={css["quiet"]}>The first figures come within two minutes of the first start, and one each minute after that.</p>;
  return (
    <div className={css["charts"]}>
      {FIGURES.map((figure) => (
        <section key={figure.title} aria-label={figure.title}>
          <h3>{figure.title} <span>{latest(drawn, figure)}</span></h3>
          {figure.series.length > 1 ? <div className={ui["legend"]}>{figure.series.map((one) => <span key={one.name}><i style={{ background: one.color }} />{one.label}</span>)}</div> : null}
          <div role="img" aria-label={`${figure.title}: ${latest(drawn, figure)} at last. Choose Table for the figures.`}>
            <Suspense fallback={<LoadingBlock height={120} />}><Drawing rows={drawn} figure={figure} /></Suspense>
          </div>
        </section>
      ))}
    </div>
  );
}

/** The last that is known. */
function latest(drawn: Row[], figure: Figure): string {
  const name = figure.series[0]?.name;
  const last = name ? drawn.findLast((row) => typeof row[name] === "number")?.[name] : undefined;
  return typeof last === "number" ? figure.told(last) : "–";
}

function Numbers({ series }: { series: Series }) {
  const points = [...series.points].reverse();
  const at = dated(series);
  return (
    <Scrolled label="Figures over time" className={css["numbers"]}>
      <table className={ui["plainTable"]} aria-label="Figures over time">
        <thead>
          <tr>
            {["From", "Daemons", "Answers", "Errors", "95 of 100 within", "Jobs due", "Oldest due", "Dead", "Database", "Connections", "Free disk", "Memory", "Unsealed"].map((head, index) => (
              <th key={head} scope="col" className={index > 0 ? ui["num"] : undefined}>{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points.map((point) => (
            <tr key={point.at}>
              <td className={ui["whole"]}>{at(point.at)}</td>
              {[
                count(point.daemons), count(point.answers), count(point.errors), milliseconds(point.p95_ms), count(point.waiting), duration(point.waited_seconds), count(point.dead),
                size(point.database_bytes), count(point.connections), size(point.disk_free), size(point.memory), count(point.unsealed),
              ].map((text, index) => <td key={index} className={`${ui["num"]} ${ui["whole"]}`}>{text}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}
