// Who serves: the daemons, and the servers of the database.
import type { System } from "../../api/system";
import { count, size } from "../../lib/format";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Status, type Tone } from "../../ui/status";
import ui from "../../ui/ui.module.css";
import { Scrolled } from "./scrolled";
import css from "./system.module.css";
import { held } from "./words";

const ROLES: Record<string, [Tone, string]> = { primary: ["ok", "Primary"], standby: ["info", "Standby"], away: ["bad", "Away"] };

export function Nodes({ system }: { system: System }) {
  const { daemons, database } = system.nodes;
  return (
    <div className={css["halves"]}>
      <Panel title="Daemons" note={daemons.length === 0 ? "Nobody knows of them while the database does not answer." : "Each that works on this database."} flush>
        <Scrolled label="Daemons">
          <table className={ui["plainTable"]} aria-label="Daemons">
            <thead><tr><th scope="col">Name</th><th scope="col">State</th><th scope="col">Version</th><th scope="col">Started</th><th scope="col">Holds</th></tr></thead>
            <tbody>
              {daemons.map((node) => (
                <tr key={node.name}>
                  <td className={css["name"]}>{node.name}{node.asked ? <small> this one</small> : null}</td>
                  <td>{node.state === "alive" ? <Status tone="ok">Alive</Status> : <><Status tone="bad">Silent</Status> <small>since <Time at={node.seen_at} ago /></small></>}</td>
                  <td>{node.version}</td>
                  <td className={ui["whole"]}><Time at={node.started_at} ago /></td>
                  <td>{count(node.jobs)} jobs{held(system.leases ?? [], node) === "" ? null : <small className={css["under"]}>{held(system.leases ?? [], node)}</small>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolled>
      </Panel>
      <Panel title="Database servers" note="One takes writes; a standby follows it." flush>
        <Scrolled label="Database servers">
          <table className={ui["plainTable"]} aria-label="Database servers">
            <thead><tr><th scope="col">Server</th><th scope="col">Role</th><th scope="col">Version</th><th scope="col">Behind</th></tr></thead>
            <tbody>
              {database.map((node) => {
                const [tone, word] = ROLES[node.role] ?? ["idle", node.role];
                return (
                  <tr key={node.host}>
                    <td className={css["name"]}>{node.host}{node.detail ? <small className={css["under"]}>{node.detail}</small> : null}</td>
                    <td><Status tone={tone}>{word}</Status></td>
                    <td>{node.version?.split(" ")[0] ?? "–"}</td>
                    <td className={ui["whole"]}>{node.role === "primary" ? "writes" : node.behind_bytes === null ? "–" : size(node.behind_bytes)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Scrolled>
      </Panel>
    </div>
  );
}
