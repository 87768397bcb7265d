// How far the log is sealed, by which key, and what to do about it.
import { useQuery } from "@tanstack/react-query";
import { type Integrity, integrityQuery } from "../../api/audit";
import { count, duration, plural } from "../../lib/format";
import type { AuditScope } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { CopyId, Time, useNow } from "../../ui/facts";
import { Facts, Panel } from "../../ui/page";
import { Status, type Tone } from "../../ui/status";
import { LoadingBlock } from "../../ui/states";

/** Sealing is due every few seconds; later than this, somebody should look. */
const LATE_SECONDS = 120;

export function IntegrityPanel({ scope }: { scope: AuditScope }) {
  const query = useQuery(integrityQuery(scope));
  return (
    <Panel title="Seal" note="Entries are bound to signatures by a key that the database does not have, so whoever changes one afterwards is found.">
      <QueryView query={query} what="How far the log is sealed" loading={<LoadingBlock height={96} />}>{(data) => <Sealed data={data} scope={scope} />}</QueryView>
    </Panel>
  );
}

function Sealed({ data, scope }: { data: Integrity; scope: AuditScope }) {
  const now = useNow();
  const behind = data.waiting_since ? Math.max(0, (now - new Date(data.waiting_since).getTime()) / 1000) : 0;
  const [tone, words] = verdict(data, behind);
  const { head } = data;
  return (
    <>
      <p style={{ marginBottom: 12 }}><Status tone={tone}>{words}</Status></p>
      {head ? (
        <Facts items={[
          ["Last head", <>Number {count(head.number)}, over {plural(head.size, "entry", "entries")}, <Time key="at" at={head.at} ago /></>],
          ["Waiting", data.waiting === 0 ? "nothing" : `${plural(data.waiting, "entry", "entries")}${scope === "own" ? " of this organisation" : ""}, for ${duration(behind)}`],
          ["Signed by", <><CopyId key="key" value={head.key} what="public key" /> {keyWord(data)}</>],
          ["Root", <CopyId key="root" value={head.root} what="root of the tree" />],
        ]} />
      ) : null}
    </>
  );
}

function verdict({ head, keys }: Integrity, behind: number): [Tone, string] {
  if (!head) return ["idle", "Nothing is sealed yet. The first head comes within seconds of the first entry."];
  if (!head.signature_holds) return ["bad", "The last head's signature does not hold. Run revkeep audit verify on the machine, and repair nothing before."];
  if (keys && !keys.includes(head.key)) return ["bad", "The last head is signed by a key that Revkeep does not trust. Run revkeep audit verify on the machine."];
  if (behind > LATE_SECONDS) return ["warn", "Sealing is behind. It waits for the secrets backend, or for a long transaction in the database; revkeep status says more."];
  return ["ok", "Sealed and signed"];
}

function keyWord({ head, keys }: Integrity): string {
  if (!keys) return "not checked: the secrets backend is sealed";
  if (!head || !keys.includes(head.key)) return "not trusted";
  return head.key === keys.at(-1) ? "the current key" : "an earlier key";
}
