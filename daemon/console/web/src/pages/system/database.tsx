// The database: how large it is, who is connected, which tables grow and which wait for a vacuum.
import type { Database } from "../../api/system";
import { count, duration, percent, size } from "../../lib/format";
import { Time } from "../../ui/facts";
import { Facts, Panel } from "../../ui/page";
import { Notice, Status } from "../../ui/status";
import ui from "../../ui/ui.module.css";
import { Scrolled } from "./scrolled";
import css from "./system.module.css";
import { bloated } from "./words";

export function DatabasePanel({ database }: { database: Database | null }) {
  if (database === null) return <Panel title="Database"><Notice tone="bad" title="The database does not answer">Nothing is known of it until it does. <code>systemctl status postgresql</code> on its machine says more.</Notice></Panel>;
  const { migrations } = database;
  const pending = migrations.pending.length > 0 ? `, ${count(migrations.pending.length)} to be run` : "";
  const unknown = migrations.unknown.length > 0 ? `, ${count(migrations.unknown.length)} of a newer version` : "";
  return (
    <Panel title="Database" note={<>PostgreSQL {database.version.split(" ")[0]}, up since <Time at={database.up_since} />.</>} flush>
      <div className={css["padded"]}>
        <Facts
          items={[
            ["Size", size(database.bytes)],
            ["Connections", `${count(database.connections)} of ${count(database.most_connections)}`],
            ["Longest transaction", duration(database.longest_seconds)],
            ["Read from memory", database.cached === null ? "–" : percent(database.cached)],
            ["Deadlocks", count(database.deadlocks)],
            ["Migrations", `${count(migrations.run)} run${pending}${unknown}`],
          ]}
        />
      </div>
      <Scrolled label="Largest tables">
        <table className={ui["plainTable"]} aria-label="Largest tables">
          <thead><tr><th scope="col">Largest tables</th><th scope="col" className={ui["num"]}>Size</th><th scope="col" className={ui["num"]}>Rows, about</th><th scope="col" className={ui["num"]}>Dead rows</th><th scope="col" className={ui["wide"]}>Vacuumed</th></tr></thead>
          <tbody>
            {database.tables.map((table) => (
              <tr key={table.name}>
                <td className="mono">{table.name}</td>
                <td className={`${ui["num"]} ${ui["whole"]}`}>{size(table.bytes)}</td>
                <td className={ui["num"]}>{count(table.rows)}</td>
                <td className={ui["num"]}>{bloated(table) ? <Status tone="warn">{count(table.dead)}</Status> : count(table.dead)}</td>
                <td className={`${ui["wide"]} ${ui["whole"]}`}>{table.vacuumed_at === null ? "not yet" : <Time at={table.vacuumed_at} ago />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolled>
    </Panel>
  );
}
