// The connection to Salesforce: its state, what it may do, how much of the API's budget is used, and how to set it up.
import { Button, Progress } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconPlugConnected, IconPlugConnectedX } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { connectionsQuery, invalidateTopics } from "../../api/queries";
import { useCan } from "../../api/session";
import type { Connection } from "../../api/types";
import { count, percent } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { CopyId, Time } from "../../ui/facts";
import { Facts, PageHead, Panel } from "../../ui/page";
import { Notice, StateBadge } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { ConnectionForm } from "./connection-form";
import css from "./connections.module.css";
import { SetupHelp } from "./setup-help";
import { useAuthorize } from "./use-authorize";

export function Page() {
  const query = useQuery(connectionsQuery());
  const mayEdit = useCan("connection_edit");
  return (
    <>
      <PageHead title="Connections">Outside systems that Revkeep may talk to. Tokens are sealed in the vault; nobody can read them here.</PageHead>
      <QueryView query={query} what="The connections">
        {(list) => {
          const salesforce = list.find((one) => one.provider === "salesforce");
          return (
            <>
              {salesforce && salesforce.state !== "unconfigured" ? <ConnectionPanel connection={salesforce} mayEdit={mayEdit} /> : null}
              {mayEdit ? <ConnectionForm connection={salesforce} /> : null}
              <SetupHelp open={!salesforce || salesforce.state === "unconfigured"} />
            </>
          );
        }}
      </QueryView>
    </>
  );
}

function ConnectionPanel({ connection, mayEdit }: { connection: Connection; mayEdit: boolean }) {
  const authorize = useAuthorize();
  const { state, broken } = connection;
  const connectWord = state === "broken" ? "Reconnect" : state === "authorizing" ? "Open Salesforce again" : "Connect to Salesforce";
  const connect = mayEdit && state !== "connected"
    ? <Button loading={authorize.isPending} leftSection={<IconPlugConnected size={16} aria-hidden />} onClick={() => authorize.mutate({})}>{connectWord}</Button>
    : undefined;
  return (
    <Panel title="Salesforce, for routing" note="Read enrolled leads, write their owner. Nothing else." actions={<><StateBadge state={state} />{connect}</>}>
      {authorize.isError ? <Notice tone="bad" title="Salesforce was not opened">{messageOf(authorize.error)}</Notice> : null}
      {broken ? (
        <Notice tone="bad" title={broken.message}>
          Since <Time at={broken.since} />. {broken.next_step} Until then, leads wait; nothing is lost.
        </Notice>
      ) : null}
      {connection.limits ? <Limits limits={connection.limits} /> : null}
      <Facts items={[
        ["Organisation", connection.org_id ? <CopyId key="org" value={connection.org_id} what="organisation id" /> : "not known before the first connection"],
        ["Signs in at", connection.login_host],
        ["Instance", connection.instance_host ?? "not known before the first connection"],
        ["Acts as user", connection.user_id ? <CopyId key="user" value={connection.user_id} what="user id" /> : "nobody yet"],
        ["Scopes", connection.scopes.length > 0 ? connection.scopes.join(", ") : "none yet"],
        ["Consumer key", connection.consumer_key_tail ? `ends with ${connection.consumer_key_tail}` : "not set"],
        ["Connected", <Time key="at" at={connection.connected_at} />],
        ["Token renewed", <Time key="refresh" at={connection.last_refresh_at} ago />],
      ]} />
      {mayEdit && (state === "connected" || state === "broken") ? <Disconnect /> : null}
    </Panel>
  );
}

function Limits({ limits }: { limits: NonNullable<Connection["limits"]> }) {
  const share = limits.max > 0 ? limits.used / limits.max : 0;
  const atBudget = limits.used >= limits.budget;
  return (
    <div className={css["limits"]}>
      <div className={css["limitsText"]}>
        <span>API requests in 24 hours</span>
        <span><strong>{count(limits.used)}</strong> of {count(limits.max)} ({percent(share)}), as of <Time at={limits.at} ago /></span>
      </div>
      <Progress value={Math.min(100, share * 100)} color={atBudget ? "red.7" : "accent"} aria-label={`API requests used: ${percent(share)}`} />
      <p>{atBudget ? "Revkeep's budget is used up. Routing goes on when the count falls; it falls by the hour." : `Revkeep stops at ${count(limits.budget)}, so that your other tools keep their share.`}</p>
    </div>
  );
}

function Disconnect() {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const disconnect = useMutation({
    mutationFn: () => client.post<Connection>(api.salesforceDisconnect(), { confirm: "disconnect" }),
    onSuccess: () => {
      setAsking(false);
      invalidateTopics(queries, ["connection"]);
      toast.done("Disconnected. The token is revoked at Salesforce and deleted here.");
    },
  });
  return (
    <div className={css["foot"]}>
      <Button variant="subtle" color="gray" c="var(--mantine-color-error)" leftSection={<IconPlugConnectedX size={16} aria-hidden />} onClick={() => { disconnect.reset(); setAsking(true); }}>Disconnect</Button>
      <Confirm
        opened={asking} title="Disconnect Salesforce" typed="disconnect" act="Disconnect" danger busy={disconnect.isPending}
        error={disconnect.isError ? messageOf(disconnect.error) : undefined} onClose={() => setAsking(false)} onConfirm={() => disconnect.mutate()}
      >
        Routing stops at once and new leads wait. The token is revoked at Salesforce and deleted here. Rules, pools and the log stay.
      </Confirm>
    </div>
  );
}
