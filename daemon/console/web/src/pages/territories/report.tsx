// Where two territories claim the same leads, and where nobody does.
import { useQuery } from "@tanstack/react-query";
import { territoryReportQuery } from "../../api/queries";
import type { TerritoryPlace, TerritoryReport } from "../../api/types";
import { plural } from "../../lib/format";
import { QueryView } from "../../shell/query-view";
import { Panel } from "../../ui/page";
import { Status } from "../../ui/status";
import ui from "../../ui/ui.module.css";
import css from "./territories.module.css";

export function ReportPanel() {
  const report = useQuery(territoryReportQuery());
  return (
    <Panel title="Overlaps and gaps" note="Areas of different owners that one lead can lie in, and sizes or postal codes between areas that nobody has." flush>
      <QueryView query={report} what="The report">{(data) => <Report data={data} />}</QueryView>
    </Panel>
  );
}

function Report({ data }: { data: TerritoryReport }) {
  if (data.overlaps.length === 0 && data.gaps.length === 0) return <p className={css["more"]}>No two owners claim the same leads, and no gap stands between areas.</p>;
  return (
    <>
      <div className={ui["scrollX"]}>
        <table className={ui["plainTable"]} aria-label="Overlaps and gaps">
          <thead><tr><th scope="col">Found</th><th scope="col">Territory</th><th scope="col">Other territory, or what nobody has</th></tr></thead>
          <tbody>
            {data.overlaps.filter(({ nested }) => !nested).map((found, index) => (
              <tr key={`overlap ${index}`}><td className={ui["whole"]}><Status tone="bad">Overlap</Status></td><td><Place place={found.first} /></td><td><Place place={found.second} /></td></tr>
            ))}
            {data.gaps.map((found, index) => (
              <tr key={`gap ${index}`}><td className={ui["whole"]}><Status tone="warn">Gap</Status></td><td><Place place={found.like} /></td><td>{found.kind === "postal" ? `Postal codes ${found.gap}` : found.gap}</td></tr>
            ))}
            {data.overlaps.filter(({ nested }) => nested).map((found, index) => (
              <tr key={`exception ${index}`}><td className={ui["whole"]}><Status tone="info">Exception</Status></td><td><Place place={found.first} /></td><td><Place place={found.second} /></td></tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className={css["more"]}>
        An exception is a narrower area inside a wider one: the narrower counts, so it may be meant.
        {data.more_overlaps ? ` Only the first ${plural(data.overlaps.length, "overlap")} are shown.` : ""}{data.more_gaps ? ` Only the first ${plural(data.gaps.length, "gap")} are shown.` : ""}
      </p>
    </>
  );
}

function Place({ place }: { place: TerritoryPlace }) {
  return <>{place.territory} <span className={css["muted"]}>{place.owner_name ?? "no longer there"}</span><br />{place.area}</>;
}
