// Who of the appliance's operators came into this organisation, why, and until when; a visit can be ended at once.
import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconHeartHandshake } from "@tabler/icons-react";
import { client } from "../../api/client";
import { messageOf, toTell } from "../../api/problem";
import { supportVisitsQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { SupportVisit } from "../../api/types";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Time, useNow } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge, Status } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "../factors/factors.module.css";

export function VisitsPanel({ mayEdit }: { mayEdit: boolean }) {
  const allowed = useCan("member_read");
  const query = useQuery({ ...supportVisitsQuery(), enabled: allowed });
  if (!allowed) return null;
  return (
    <Panel title="Support visits" note="The appliance's operator can come in for an hour, with a reason. Writing needs the owner's consent." flush>
      <QueryView query={query} what="The visits">
        {(visits) => visits.length === 0
          ? <Empty icon={IconHeartHandshake} title="Nobody visited">When an operator comes in, the owner gets a mail, and the visit stands here with its reason.</Empty>
          : <ul className={css["rows"]} aria-label="Support visits">{visits.map((visit) => <Visit key={visit.id} visit={visit} mayEdit={mayEdit} />)}</ul>}
      </QueryView>
    </Panel>
  );
}

const hasEnded = (visit: SupportVisit, now: number): boolean => visit.left_at !== null || new Date(visit.ends_at).getTime() <= now;

function Visit({ visit, mayEdit }: { visit: SupportVisit; mayEdit: boolean }) {
  const queries = useQueryClient();
  const toast = useToast();
  const ended = hasEnded(visit, useNow());
  const asksToWrite = !ended && visit.mode === "write" && !visit.writes;
  const act = useMutation({
    mutationFn: (verb: "consent" | "end") => client.post(api.supportVisitVerb(visit.id, verb)),
    onSuccess: (_, verb) => toast.done(verb === "end" ? `The visit of ${visit.by.name} has ended.` : `${visit.by.name} may write until the visit ends.`),
    onError: (error) => { if (toTell(error)) toast.failed(messageOf(error)); },
    onSettled: () => queries.invalidateQueries({ queryKey: ["support-visits"] }),
  });
  return (
    <li>
      <div className={css["rowText"]}>
        <strong>
          {visit.by.name} <StateBadge state={ended ? "ended" : "visit_open"} />
          {asksToWrite ? <Status tone="warn">Asks to write</Status> : visit.writes ? <Status tone="warn">{ended ? "Could write" : "May write"}</Status> : <Status tone="idle">Reads only</Status>}
          {visit.break_glass ? <Status tone="bad">Without consent</Status> : null}
        </strong>
        <small>{visit.reason} From <Time at={visit.started_at} /> to <Time at={visit.left_at ?? visit.ends_at} />.</small>
      </div>
      {mayEdit && !ended ? (
        <div className={css["rowActs"]}>
          {asksToWrite ? <Button size="xs" loading={act.isPending && act.variables === "consent"} onClick={() => act.mutate("consent")}>Let them write</Button> : null}
          <Button size="xs" variant="default" loading={act.isPending && act.variables === "end"} onClick={() => act.mutate("end")}>End visit</Button>
        </div>
      ) : null}
    </li>
  );
}
