// Background work: what waits, what was given up, and what takes long with how far it is.
import { Anchor, Progress } from "@mantine/core";
import { Link } from "react-router";
import type { Queue, Work } from "../../api/system";
import { count } from "../../lib/format";
import { path } from "../../paths";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { StateBadge } from "../../ui/status";
import ui from "../../ui/ui.module.css";
import { Scrolled } from "./scrolled";
import css from "./system.module.css";

const WORK: Record<Work["what"], string> = { controls: "Verifying the controls", rewrap: "Sealing everything anew" };

export function QueuePanel({ queue, work }: { queue: Queue | null; work: Work[] }) {
  const kinds = queue?.kinds ?? [];
  return (
    <Panel title="Work" note="Background jobs of all organisations that are not done." actions={<Anchor component={Link} to={path.jobs()} size="sm">Jobs</Anchor>} flush>
      {work.map((one) => (
        <div key={one.what + one.since} className={css["work"]} role="status">
          <span>{WORK[one.what]}: {count(one.done)} of {count(one.total)}, begun <Time at={one.since} ago /></span>
          <Progress value={(one.done / Math.max(1, one.total)) * 100} aria-label={`${WORK[one.what]}: ${one.done} of ${one.total}`} />
        </div>
      ))}
      {kinds.length === 0 ? <p className={css["quiet"]}>{queue === null ? "Not known while the database does not answer." : "Nothing waits, runs or was given up."}</p> : (
        <Scrolled label="Jobs by kind">
          <table className={ui["plainTable"]} aria-label="Jobs by kind">
            <thead><tr><th scope="col">Kind</th><th scope="col">State</th><th scope="col" className={ui["num"]}>Jobs</th><th scope="col" className={ui["num"]}>Due</th><th scope="col">Oldest</th></tr></thead>
            <tbody>
              {kinds.map((kind) => (
                <tr key={kind.kind + kind.state}>
                  <td className="mono">{kind.kind}</td>
                  <td><StateBadge state={kind.state} /></td>
                  <td className={ui["num"]}>{count(kind.jobs)}</td>
                  <td className={ui["num"]}>{kind.state === "queued" ? count(kind.due) : "–"}</td>
                  <td className={ui["whole"]}>{kind.oldest === null ? "–" : <Time at={kind.oldest} ago />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
    </Panel>
  );
}
