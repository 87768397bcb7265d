// Mail domains that organisations have named, for the operator to say whose they are. A wrong word here lets one organisation's
// provider speak for another's people.
import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { hasCode, toTell } from "../../api/problem";
import { useCan } from "../../api/session";
import { type WaitingDomain, waitingDomainsQuery } from "../../api/sso";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { CopyId, Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { useToast } from "../../ui/toast";
import rows from "../factors/factors.module.css";

export function DomainQueue() {
  const mayRead = useCan("tenant_read");
  const query = useQuery({ ...waitingDomainsQuery(), enabled: mayRead });
  // Nothing waits on most days, and then nothing is said.
  if (!query.isError && (query.data === undefined || query.data.length === 0)) return null;
  return (
    <Panel title="Mail domains to verify" note={query.data ? `${plural(query.data.length, "domain waits", "domains wait")} for your word that it is the organisation's own.` : undefined} flush>
      <QueryView query={query} what="The waiting domains">
        {(waiting) => <ul className={rows["rows"]} aria-label="Mail domains to verify">{waiting.map((one) => <Row key={`${one.tenant} ${one.domain}`} waiting={one} />)}</ul>}
      </QueryView>
    </Panel>
  );
}

function Row({ waiting }: { waiting: WaitingDomain }) {
  const mayManage = useCan("tenant_manage");
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const verify = useMutation({
    mutationFn: () => client.post(api.platformSsoDomainVerify(), { tenant: waiting.tenant, domain: waiting.domain }),
    onSuccess: () => {
      setAsking(false);
      toast.done(`${waiting.domain} is verified for ${waiting.tenant_name}.`);
      void queries.invalidateQueries({ queryKey: ["sso"] });
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["platform-sso-domains"] }),
  });
  const problem = hasCode(verify.error, "already_exists") ? `${waiting.domain} is verified for another organisation. That one has to remove it first.` : toTell(verify.error);
  return (
    <li>
      <div className={rows["rowText"]}>
        <strong>{waiting.domain}</strong>
        <small>Named by {waiting.tenant_name} <Time at={waiting.created_at} ago />. <CopyId value={waiting.tenant} what="organisation id" /></small>
      </div>
      {mayManage ? <div className={rows["rowActs"]}><Button size="xs" variant="default" aria-label={`Verify ${waiting.domain}`} onClick={() => { verify.reset(); setAsking(true); }}>Verify</Button></div> : null}
      <Confirm opened={asking} title={`Verify ${waiting.domain}`} typed={waiting.domain} act="Verify" busy={verify.isPending} error={problem} onClose={() => setAsking(false)} onConfirm={() => verify.mutate()}>
        {waiting.tenant_name}'s identity provider is then believed about every address of {waiting.domain}, and whoever types one at sign-in is led there. Be sure that the domain is theirs: they can show it by a mail from its postmaster address, or by a record in its DNS.
      </Confirm>
    </li>
  );
}
