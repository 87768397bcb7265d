// One member: who they are, what they may do, and the acts that change it. Each act shows its effect first.
import { Button, Drawer, Group, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client";
import { hasCode, toTell } from "../../api/problem";
import { useCan, useSession } from "../../api/session";
import type { Member } from "../../api/types";
import { ROLES } from "../../lib/roles";
import { api, path } from "../../paths";
import { CopyId, Time } from "../../ui/facts";
import { Facts } from "../../ui/page";
import { LoadingRows } from "../../ui/states";
import { Notice, StateBadge } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { FactorBadge } from "./factor-badge";
import { type Act, MemberAct } from "./member-act";
import css from "./people.module.css";
import { RoleChoice } from "./role-choice";

interface MemberDrawerProps { id: string | undefined; members: Member[] | undefined; onClose(): void }

export function MemberDrawer({ id, members, onClose }: MemberDrawerProps) {
  const member = members?.find((one) => one.id === id);
  // Another dialog stands above: Escape is meant for that one.
  const [busy, setBusy] = useState(false);
  return (
    <Drawer opened={id !== undefined} onClose={onClose} size={520} closeOnEscape={!busy} title={member?.name ?? "Member"} closeButtonProps={{ "aria-label": "Close the member" }}>
      {id === undefined ? null : member ? <Details key={id} member={member} onBusy={setBusy} />
        : members === undefined ? <LoadingRows /> : <Notice tone="warn" title="Nobody here has this address">They left, the filters hide them, or the link is from another organisation.</Notice>}
    </Drawer>
  );
}

function Details({ member, onBusy }: { member: Member; onBusy(busy: boolean): void }) {
  const session = useSession();
  const mayEdit = useCan("member_edit");
  const mayErase = useCan("person_data");
  const own = member.id === session.user.id;
  const [act, setAct] = useState<Act>();
  const ask = (next: Act | undefined) => { setAct(next); onBusy(next !== undefined); };
  const active = member.state === "active";
  return (
    <Stack gap="lg">
      <Facts items={[
        ["Email", member.email ?? "cannot be read while the vault is sealed"],
        ["State", <StateBadge key="state" state={member.state} />],
        ...(member.sso === undefined ? [] : [["Signs in", member.sso ? "through the organisation's single sign-on" : "with a password or a passkey"] as [string, string]]),
        ["Second factor", <FactorBadge key="factor" member={member} />],
        ["Recovery codes", member.factors ? `${member.factors.recovery_remaining} left` : "not known"],
        ["Last seen", <Time key="seen" at={member.last_seen_at} ago />],
        ["Joined", <Time key="joined" at={member.joined_at} />],
        ["Owner", member.owner ? "yes" : "no"],
        ["Id", <CopyId key="id" value={member.id} what="user id" />],
      ]} />
      {own ? <Notice tone="info" title="This is you">Your own roles are changed by another administrator. Your name, password and factors stand under <Link to={path.account()}>your account</Link>.</Notice> : null}
      {mayEdit && !own && active ? <RolesForm key={member.version} member={member} onBusy={onBusy} /> : null}
      {mayEdit && !own ? (
        <section className={css["acts"]} aria-label="Acts">
          {active ? (
            <>
              <Line title="Sign out" note="Everywhere in this organisation, for a device that was lost. They sign in again.">
                <Button size="xs" variant="default" onClick={() => ask("sign-out")}>Sign out</Button>
              </Line>
              <Line title="Reset second factors" note="When phone and recovery codes are lost. They sign in with the password and set up a new one.">
                <Button size="xs" variant="default" onClick={() => ask("reset")}>Reset factors</Button>
              </Line>
              {session.owner && !member.owner ? (
                <Line title="Make owner" note="The organisation then answers to them. You stay an administrator.">
                  <Button size="xs" variant="default" onClick={() => ask("owner")}>Transfer ownership</Button>
                </Line>
              ) : null}
              <Line title="Deactivate" note={member.owner ? "The owner cannot be deactivated. Ownership is transferred first." : "Signed out everywhere at once. What they did stays in the log."}>
                <Button size="xs" variant="default" c="var(--mantine-color-error)" disabled={member.owner} onClick={() => ask("deactivate")}>Deactivate</Button>
              </Line>
            </>
          ) : (
            <Line title="Reactivate" note="They can sign in again, with the roles they had.">
              <Button size="xs" variant="default" onClick={() => ask("reactivate")}>Reactivate</Button>
            </Line>
          )}
          {mayErase && !member.owner && member.email ? (
            <Line title="Erase" note="What is held of them is erased for good, as they may ask for. The log keeps an id that names nobody.">
              <Button size="xs" variant="default" c="var(--mantine-color-error)" onClick={() => ask("erase")}>Erase</Button>
            </Line>
          ) : null}
        </section>
      ) : null}
      <MemberAct act={act} member={member} onClose={() => ask(undefined)} />
    </Stack>
  );
}

function Line({ title, note, children }: { title: string; note: string; children: React.ReactNode }) {
  return <div className={css["act"]}><div><strong>{title}</strong><p>{note}</p></div>{children}</div>;
}

function RolesForm({ member, onBusy }: { member: Member; onBusy(busy: boolean): void }) {
  const given = member.roles.filter((role) => ROLES.some(({ name }) => name === role));
  const others = member.roles.filter((role) => !given.includes(role));
  const [roles, setRoles] = useState(given);
  const queries = useQueryClient();
  const toast = useToast();
  const changed = roles.toSorted().join() !== given.toSorted().join();
  const save = useMutation({
    mutationFn: () => client.patch<Member>(api.member(member.id), { roles: [...roles, ...others], version: member.version }),
    onMutate: () => onBusy(true),
    onSuccess: () => toast.done(`${member.name}'s roles are changed. They count from the next request on.`),
    onSettled: () => {
      onBusy(false);
      return queries.invalidateQueries({ queryKey: ["members"] });
    },
  });
  const problem = toTell(save.error);
  return (
    <Stack gap="sm">
      {problem ? (
        <Notice tone="bad" title="Not changed">
          {hasCode(save.error, "version_conflict") ? "Somebody else changed this member while you looked. What you see now is the newest; choose again." : problem}
        </Notice>
      ) : null}
      <RoleChoice value={roles} disabled={save.isPending} onChange={setRoles} />
      <Group gap="xs">
        <Button size="xs" loading={save.isPending} disabled={!changed || roles.length === 0} onClick={() => save.mutate()}>Save roles</Button>
        {changed ? <Button size="xs" variant="default" onClick={() => setRoles(given)}>Undo</Button> : null}
      </Group>
    </Stack>
  );
}
