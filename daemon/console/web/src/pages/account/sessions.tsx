// Where one is signed in: device, place on the network, last use; end one, or all but this.
import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconDeviceDesktop, IconTerminal2 } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "../../api/client";
import { messageOf, toTell } from "../../api/problem";
import { mySessionsQuery } from "../../api/queries";
import type { MySession } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Status } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "../factors/factors.module.css";
import { AccountHead } from "./account-head";

export function Page() {
  const query = useQuery(mySessionsQuery());
  return (
    <>
      <AccountHead section="Sessions" />
      <QueryView query={query} what="Your sessions">
        {(sessions) => (
          <Panel
            title="Where you are signed in" note="One that you do not know? End it, then change your password." flush
            actions={sessions.length > 1 ? <EndOthers count={sessions.length - 1} /> : undefined}
          >
            <ul className={css["rows"]} aria-label="Sessions">
              {sessions.toSorted((a, b) => Number(b.current) - Number(a.current)).map((session) => <SessionRow key={session.id} session={session} />)}
            </ul>
          </Panel>
        )}
      </QueryView>
    </>
  );
}

function deviceOf({ client: kind, device }: MySession): string {
  if (kind === "command_line") return "Command line";
  const { browser, system } = device ?? { browser: null, system: null };
  return browser && system ? `${browser} on ${system}` : (browser ?? system ?? "A browser that does not name itself");
}

function SessionRow({ session }: { session: MySession }) {
  const queries = useQueryClient();
  const toast = useToast();
  const end = useMutation({
    mutationFn: () => client.delete(api.mySession(session.id)),
    onSuccess: () => {
      toast.done(`${deviceOf(session)} is signed out.`);
      void queries.invalidateQueries({ queryKey: ["my-sessions"] });
    },
    onError: (error) => toast.failed(`${deviceOf(session)} is still signed in. ${messageOf(error)}`),
  });
  const Icon = session.client === "command_line" ? IconTerminal2 : IconDeviceDesktop;
  return (
    <li>
      <Icon size={20} stroke={1.6} aria-hidden />
      <div className={css["rowText"]}>
        <strong>{deviceOf(session)}{session.current ? <Status tone="ok">This session</Status> : null}</strong>
        <small>
          {session.address ? `From ${session.address}. ` : ""}{session.current ? "In use now" : <>Last used <Time at={session.last_used_at} ago /></>}, signed in <Time at={session.created_at} />,
          ends <Time at={session.expires_at} /> at the latest.{session.tenant ? ` ${session.tenant.name}.` : ""}
        </small>
      </div>
      {session.current ? null : (
        <div className={css["rowActs"]}><Button size="xs" variant="default" loading={end.isPending} aria-label={`End the session ${deviceOf(session)}`} onClick={() => end.mutate()}>End</Button></div>
      )}
    </li>
  );
}

function EndOthers({ count }: { count: number }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const end = useMutation({
    mutationFn: () => client.delete<{ ended: number }>(api.mySessions()),
    onSuccess: ({ ended }) => {
      setAsking(false);
      toast.done(`${plural(ended, "other session has", "other sessions have")} ended.`);
      void queries.invalidateQueries({ queryKey: ["my-sessions"] });
    },
  });
  return (
    <>
      <Button size="xs" variant="default" onClick={() => { end.reset(); setAsking(true); }}>End all others</Button>
      <Confirm opened={asking} title="End all other sessions" act="End them" danger busy={end.isPending} error={toTell(end.error)} onClose={() => setAsking(false)} onConfirm={() => end.mutate()}>
        {plural(count, "session ends", "sessions end")} at once, command lines included. This one stays.
      </Confirm>
    </>
  );
}
