import { Button, Group } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconMail, IconSend, IconX } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { client } from "../../api/client";
import { messageOf, toTell } from "../../api/problem";
import { invitationsQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { Invitation } from "../../api/types";
import { roleTitles } from "../../lib/roles";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { StateBadge, stateWord } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { useToast } from "../../ui/toast";
import css from "./people.module.css";
import { Invite, PeopleHead } from "./people-head";

const COLUMNS: Column<Invitation>[] = [
  { id: "email", header: "Invited", cell: (one) => <TwoLines main={one.email ?? (one.state === "revoked" ? "Address forgotten" : "cannot be read while the vault is sealed")} sub={<><OnPhone>{stateWord(one.state)}, </OnPhone>by {one.invited_by?.name ?? "somebody who left"}</>} /> },
  { id: "roles", header: "Roles", width: "200px", hideBelow: "md", cell: (one) => roleTitles(one.roles) },
  { id: "state", header: "State", width: "130px", hideBelow: "sm", cell: (one) => <StateBadge state={one.state} /> },
  { id: "sent", header: "Sent", width: "120px", hideBelow: "lg", cell: (one) => (one.sent_at ? <Time at={one.sent_at} ago /> : "on its way") },
  { id: "expires", header: "Expires", width: "120px", hideBelow: "md", cell: (one) => <Time at={one.expires_at} due /> },
  { id: "acts", header: "Acts", width: "clamp(104px, 24vw, 190px)", right: true, cell: (one) => <Acts invitation={one} /> },
];

export function Page() {
  const query = useQuery(invitationsQuery());
  return (
    <>
      <PeopleHead section="Invitations" />
      <Panel flush>
        <QueryView query={query} what="The invitations">
          {(list) => list.length === 0
            ? <Empty icon={IconMail} title="Nobody is invited" action={<Invite />}>An invitation is a link by mail that works once, within seven days.</Empty>
            : <RecordTable label="Invitations" rows={list} columns={COLUMNS} rowKey={(one) => one.id} rowState={(one) => `${one.state}${one.sent_at ?? ""}${one.expires_at}`} />}
        </QueryView>
      </Panel>
    </>
  );
}

function Acts({ invitation }: { invitation: Invitation }) {
  const [asking, setAsking] = useState(false);
  const allowed = useCan("member_edit");
  const queries = useQueryClient();
  const toast = useToast();
  const who = invitation.email ?? "this person";
  const act = useMutation({
    mutationFn: (verb: "resend" | "revoke") => (verb === "resend" ? client.post(api.invitationResend(invitation.id)) : client.delete(api.invitation(invitation.id))),
    onSuccess: (_, verb) => {
      setAsking(false);
      toast.done(verb === "resend" ? `A new link to ${who} is on its way. The old one no longer works.` : `The invitation of ${who} is taken back.`);
    },
    onError: (error, verb) => {
      const text = toTell(error);
      if (verb === "resend" && text) toast.failed(`Not sent again. ${messageOf(error)}`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["invitations"] }),
  });
  if (!allowed || invitation.state === "accepted" || invitation.state === "revoked") return null;
  return (
    <Group gap={6} justify="flex-end" wrap="nowrap">
      <Button size="compact-sm" variant="default" loading={act.isPending && !asking} aria-label={`Send again to ${who}`} onClick={() => act.mutate("resend")}><Shrinking icon={<IconSend size={16} aria-hidden />}>Send again</Shrinking></Button>
      {invitation.state === "pending" ? <Button size="compact-sm" variant="subtle" color="gray" aria-label={`Revoke the invitation of ${who}`} onClick={() => { act.reset(); setAsking(true); }}><Shrinking icon={<IconX size={16} aria-hidden />}>Revoke</Shrinking></Button> : null}
      <Confirm opened={asking} title="Take the invitation back" act="Revoke" danger busy={act.isPending} error={toTell(act.error)} onClose={() => setAsking(false)} onConfirm={() => act.mutate("revoke")}>
        The link that {who} got stops working at once.
      </Confirm>
    </Group>
  );
}

/** A word that makes room for the address on a phone; the button keeps its label for who does not see it. */
function Shrinking({ icon, children }: { icon: ReactNode; children: string }) {
  return <><span className={css["wordy"]}>{children}</span><span className={css["iconic"]}>{icon}</span></>;
}
