// Fairness: each rep's share of what was routed, with a mark where the weights would have put it.
import { Link } from "react-router";
import type { RepShare } from "../../api/types";
import { count, percent } from "../../lib/format";
import { path } from "../../paths";
import { ShareBar } from "../../ui/facts";
import { Panel } from "../../ui/page";
import ui from "../../ui/ui.module.css";

export function RepShares({ shares }: { shares: RepShare[] }) {
  const sorted = shares.toSorted((a, b) => b.routed - a.routed);
  return (
    <Panel title="Leads by rep" note="Each bar is the rep's share today; the line across it is the share that the weights ask for." flush>
      <div className={ui["scrollX"]}>
        <table className={ui["plainTable"]}>
          <thead>
            <tr><th scope="col">Rep</th><th scope="col">Share against ideal</th><th scope="col" className={ui["num"]}>Routed</th><th scope="col" className={ui["num"]}>Share</th><th scope="col" className={`${ui["num"]} ${ui["wide"]}`}>Ideal</th></tr>
          </thead>
          <tbody>
            {sorted.length === 0 ? <tr><td colSpan={5}>Nobody got a lead yet today.</td></tr> : sorted.map((rep) => (
              <tr key={rep.rep_id}>
                <td><Link to={path.log({ rep: rep.rep_id })}>{rep.name}</Link></td>
                <td width="34%"><div style={{ paddingTop: 7 }}><ShareBar share={rep.share} ideal={rep.ideal_share} label={`${rep.name}: ${percent(rep.share)} of the leads, ideal ${percent(rep.ideal_share)}`} /></div></td>
                <td className={ui["num"]}>{count(rep.routed)}</td>
                <td className={ui["num"]}>{percent(rep.share)}</td>
                <td className={`${ui["num"]} ${ui["wide"]}`}>{percent(rep.ideal_share)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
