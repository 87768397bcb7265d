// Pools share leads by weight; reps come from Salesforce and can be paused here.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconPlus, IconUsersGroup } from "@tabler/icons-react";
import { Link, useNavigate, useParams } from "react-router";
import { poolsQuery, repsQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { Pool } from "../../api/types";
import { count, percent, plural } from "../../lib/format";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { SubNav } from "../../shell/sub-nav";
import { ShareBar, Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Status } from "../../ui/status";
import ui from "../../ui/ui.module.css";
import { PoolDrawer } from "./pool-drawer";
import css from "./pools.module.css";
import { firstBack, PresenceBadge } from "./presence";
import { RepDrawer } from "./rep-drawer";
import { QueuesPanel, RepsPanel } from "./reps";

export function Page() {
  const { id, rep } = useParams();
  const navigate = useNavigate();
  const mayEdit = useCan("pool_edit");
  const pools = useQuery(poolsQuery());
  const reps = useQuery(repsQuery());
  return (
    <>
      <PageHead
        title="Pools and reps"
        actions={mayEdit ? <Button component={Link} to={path.poolNew()} leftSection={<IconPlus size={16} aria-hidden />}>New pool</Button> : undefined}
      >
        A pool hands out leads in turns, by weight. Whoever is off, away, inactive or has a cap used up is passed over, and their turn is not saved up.
      </PageHead>
      <SubNav label="Pools and reps" items={[{ to: path.pools(), label: "Pools and reps" }, { to: path.calendars(), label: "Holidays" }]} />
      <QueryView query={pools} what="The pools">
        {(list) => (
          <>
            {list.length === 0 ? (
              <Panel title="Pools">
                <Empty icon={IconUsersGroup} title="No pools yet" action={mayEdit ? <Button component={Link} to={path.poolNew()}>Make a pool</Button> : undefined}>
                  Put reps who share one kind of lead into a pool, give each a weight, and let a rule point to it.
                </Empty>
              </Panel>
            ) : <div className={css["pools"]}>{list.map((pool) => <PoolCard key={pool.id} pool={pool} mayEdit={mayEdit} />)}</div>}
            <PoolDrawer id={id} pools={list} reps={reps.data ?? []} mayEdit={mayEdit} onClose={() => { void navigate(path.pools()); }} />
          </>
        )}
      </QueryView>
      <QueryView query={reps} what="The reps">{(list) => (
        <>
          <RepsPanel reps={list} mayEdit={mayEdit} />
          <RepDrawer id={rep} reps={list} mayEdit={mayEdit} onClose={() => { void navigate(path.pools()); }} />
        </>
      )}</QueryView>
      <QueuesPanel />
    </>
  );
}

/** Why it is this member's turn or not: who is owed most is next. */
function owed(leads: number): string {
  const amount = Math.abs(leads).toFixed(1);
  if (amount === "0.0") return "Has its share";
  return leads > 0 ? `Is owed ${amount} of a lead` : `Had ${amount} of a lead ahead`;
}

function PoolCard({ pool, mayEdit }: { pool: Pool; mayEdit: boolean }) {
  const available = pool.members.filter((member) => member.presence.state === "available").length;
  const back = firstBack(pool.members.map((member) => member.presence));
  return (
    <Panel
      title={pool.name}
      note={pool.used_by.length === 0 ? "No rule points here yet." : `Used by ${pool.used_by.map((rule) => rule.name).join(", ")}.`}
      actions={
        <>
          {available === 0 ? <Status tone={back ? "warn" : "bad"}>Nobody available{back ? <> until <Time at={back} /></> : null}</Status> : <Status tone="ok">{available} of {pool.members.length} available</Status>}
          <Button component={Link} to={path.pool(pool.id)} size="xs" variant="default" aria-label={`${mayEdit ? "Edit" : "Show"} pool ${pool.name}`}>{mayEdit ? "Edit" : "Show"}</Button>
        </>
      }
      flush
    >
      <div className={ui["scrollX"]}>
        <table className={ui["plainTable"]} aria-label={`Members of ${pool.name}`}>
          <thead>
            <tr><th scope="col">Rep</th><th scope="col" className={`${ui["num"]} ${ui["wide"]}`}>Weight</th><th scope="col">Share against ideal, 7 days</th><th scope="col" className={ui["num"]}>Leads</th></tr>
          </thead>
          <tbody>
            {pool.members.map((member) => (
              <tr key={member.rep_id}>
                <td>
                  <Link to={path.rep(member.rep_id)}>{member.name}</Link>
                  {member.presence.state === "available" ? null : <> <PresenceBadge presence={member.presence} /></>}
                  {member.next ? <> <Status tone="info">Next</Status></> : null}
                  {typeof member.owed === "number" ? <small className={css["owed"]}>{owed(member.owed)}</small> : null}
                </td>
                <td className={`${ui["num"]} ${ui["wide"]}`}>{count(member.weight)}</td>
                <td>
                  <div className={css["share"]}>
                    <ShareBar share={member.share_7d} ideal={member.share_ideal} label={`${member.name}: ${percent(member.share_7d)} in 7 days, ideal ${percent(member.share_ideal)}`} />
                    <span>{percent(member.share_7d)} of {percent(member.share_ideal)}</span>
                  </div>
                </td>
                <td className={ui["num"]}><Link to={path.log({ rep: member.rep_id })}>{count(member.assigned_7d)}</Link></td>
              </tr>
            ))}
            {pool.members.length === 0 ? <tr><td colSpan={4}>{plural(0, "member")}. A lead for this pool waits until somebody is in it.</td></tr> : null}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
