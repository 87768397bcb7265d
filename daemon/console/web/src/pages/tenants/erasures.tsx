// Organisations that were erased, by their ids alone, each with its certificate.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { erasuresQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { Certificate } from "../../api/types";
import { plural } from "../../lib/format";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { CopyId, Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { StateBadge } from "../../ui/status";
import rows from "../factors/factors.module.css";

export function Erasures() {
  const mayRead = useCan("tenant_read");
  const query = useQuery({ ...erasuresQuery(), enabled: mayRead });
  // Most appliances never erase one: there is nothing to teach.
  if (query.data?.length === 0 || (!query.data && !query.isError)) return null;
  return (
    <Panel title="Erased organisations" note="What was erased names nobody any more. The certificate says what, when, and until when backups may still hold it." flush>
      <QueryView query={query} what="The erasures">
        {(list) => <ul className={rows["rows"]} aria-label="Erased organisations">{list.map((one) => <Row key={one.tenant} erasure={one} />)}</ul>}
      </QueryView>
    </Panel>
  );
}

function Row({ erasure: { tenant, begun_at, finished_at, counts } }: { erasure: Certificate }) {
  const erased = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return (
    <li>
      <div className={rows["rowText"]}>
        <strong><CopyId value={tenant} what="organisation id" /><StateBadge state={finished_at ? "done" : "running"} /></strong>
        <small>{plural(erased, "row")} erased{finished_at ? "," : " so far,"} from <Time at={begun_at} />{finished_at ? <> to <Time at={finished_at} /></> : null}.</small>
      </div>
      {finished_at ? <div className={rows["rowActs"]}><Button component={Link} to={`${path.erasure()}#${tenant}`} size="xs" variant="default" aria-label={`Certificate of ${tenant}`}>Certificate</Button></div> : null}
    </li>
  );
}
