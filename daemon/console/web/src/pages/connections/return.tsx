// Where Salesforce comes back to: hands code and state to the server once, then shows the connection.
import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { client } from "../../api/client";
import { messageOf, Problem, requestIdOf } from "../../api/problem";
import { invalidateTopics } from "../../api/queries";
import type { Connection } from "../../api/types";
import { api, path } from "../../paths";
import { PageHead } from "../../ui/page";
import { Fault, LoadingRows } from "../../ui/states";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { useAuthorize } from "./use-authorize";

/** A code is good once; a second hand-over (a remounted page) must not happen. */
const handed = new Set<string>();

const NEXT: Record<string, [string, string]> = {
  state_invalid: ["This return does not belong to a connection that you began", "It was begun in another session, used already, or made up by somebody else. Begin again."],
  state_expired: ["The consent took longer than 10 minutes", "Nothing was connected. Begin again."],
  organisation_mismatch: ["This is another Salesforce organisation than before", "Rules and the log belong to the organisation that was connected first. Connect with a user of that one, or start over with the new one on purpose."],
  grant_refused: ["Salesforce did not grant access", "Consent was denied, or the integration user may not use the External Client App. Check its permission set, then try again."],
  host_refused: ["Salesforce answered from an address that is not allowed", "The instance is outside the hosts that Revkeep trusts for this environment. Check production, sandbox or My Domain in the set-up."],
};

export function Page() {
  const [params] = useSearchParams();
  const [answer] = useState(() => ({ state: params.get("state") ?? "", code: params.get("code"), error: params.get("error") }));
  const navigate = useNavigate();
  const queries = useQueryClient();
  const toast = useToast();
  const again = useAuthorize();
  const complete = useMutation({
    mutationFn: () => client.post<Connection>(api.salesforceComplete(), answer.code === null ? { error: answer.error ?? "missing", state: answer.state } : { code: answer.code, state: answer.state }),
    onSuccess: (connection) => {
      invalidateTopics(queries, ["connection"]);
      toast.done(`Salesforce is connected${connection.org_id ? ` to organisation ${connection.org_id}` : ""}.`);
      void navigate(path.connections(), { replace: true });
    },
  });
  const { mutate } = complete;
  useEffect(() => {
    // The code leaves the address bar and the history before anything else is done.
    window.history.replaceState(window.history.state, "", path.connectSalesforce());
    if (answer.state === "" || handed.has(answer.state)) return;
    handed.add(answer.state);
    mutate();
  }, [answer, mutate]);

  const code = complete.error instanceof Problem ? complete.error.code : undefined;
  const told = code === undefined ? undefined : NEXT[code];
  return (
    <>
      <PageHead title="Connecting Salesforce" />
      {answer.state === "" ? <Notice tone="warn" title="There is nothing to finish here">Salesforce brings you to this page by itself after consent. Begin on the page Connections.</Notice> : null}
      {complete.isPending ? <LoadingRows rows={2} label="Finishing the connection" /> : null}
      {complete.isError ? (
        told ? (
          <Notice
            tone="bad" title={told[0]}
            actions={
              <>
                <Button size="xs" loading={again.isPending} onClick={() => again.mutate({})}>Begin again</Button>
                {code === "organisation_mismatch" ? <Button size="xs" variant="default" onClick={() => again.mutate({ new_organisation: true })}>Connect the new organisation on purpose</Button> : null}
              </>
            }
          >
            {told[1]}
          </Notice>
        ) : <Fault title="Salesforce is not connected" message={messageOf(complete.error)} requestId={requestIdOf(complete.error)} />
      ) : null}
      <Link to={path.connections()}>To the connections</Link>
    </>
  );
}
