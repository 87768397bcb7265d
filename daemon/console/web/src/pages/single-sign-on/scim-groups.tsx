import { Button, Modal, MultiSelect, Group, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconUsersGroup } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import type { ScimGroup } from "../../api/scim";
import { plural } from "../../lib/format";
import { roleTitles } from "../../lib/roles";
import { api } from "../../paths";
import { Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Notice, Status } from "../../ui/status";
import { useToast } from "../../ui/toast";
import rows from "../factors/factors.module.css";
import { ROLE_CHOICES } from "./role-rules";

export function ScimGroups({ groups, mayEdit }: { groups: ScimGroup[]; mayEdit: boolean }) {
  const mapped = groups.some(({ roles }) => roles.length > 0);
  const note = mapped
    ? "Provisioned people hold the roles of their groups together, and are members where no group gives one. The owner's roles never change."
    : "No group gives a role: administrators give roles under People.";
  return (
    <Panel title="Groups" note={groups.length === 0 ? undefined : note} flush>
      {groups.length === 0
        ? <Empty icon={IconUsersGroup} title="No groups yet">Groups that your provider provisions stand here, and each can give roles to its people.</Empty>
        : <ul className={rows["rows"]} aria-label="Groups">{groups.map((group) => <Row key={group.id} group={group} first={!mapped} mayEdit={mayEdit} />)}</ul>}
    </Panel>
  );
}

function Row({ group, first, mayEdit }: { group: ScimGroup; first: boolean; mayEdit: boolean }) {
  const [editing, setEditing] = useState(false);
  return (
    <li>
      <div className={rows["rowText"]}>
        <strong>{group.name} {group.roles.length > 0 ? <Status tone="info">{roleTitles(group.roles)}</Status> : <Status tone="idle">Gives no role</Status>}</strong>
        <small>{plural(group.members, "person", "people")}</small>
      </div>
      {mayEdit ? <div className={rows["rowActs"]}><Button size="xs" variant="default" aria-label={`Roles of ${group.name}`} onClick={() => setEditing(true)}>Roles</Button></div> : null}
      {editing ? <GroupRoles group={group} first={first} onClose={() => setEditing(false)} /> : null}
    </li>
  );
}

function GroupRoles({ group, first, onClose }: { group: ScimGroup; first: boolean; onClose(): void }) {
  const [roles, setRoles] = useState(group.roles);
  const queries = useQueryClient();
  const toast = useToast();
  const save = useMutation({
    mutationFn: () => client.put<ScimGroup>(api.scimGroup(group.id), { roles }),
    onSuccess: (saved) => {
      onClose();
      toast.done(saved.roles.length > 0 ? `${saved.name} gives ${roleTitles(saved.roles)} now.` : `${saved.name} gives no role any more.`);
      void queries.invalidateQueries({ queryKey: ["members"] });
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["scim"] }),
  });
  const problem = toTell(save.error);
  const same = roles.toSorted().join() === group.roles.toSorted().join();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={save.isPending ? () => undefined : onClose} title={`Roles of ${group.name}`} size="md" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          {problem ? <Notice tone="bad" title="Not changed">{problem}</Notice> : null}
          {first && roles.length > 0 ? <Notice tone="warn" title="The first group that gives a role">From then on the roles of everybody who is provisioned follow their groups: who is in none that gives one becomes a plain member.</Notice> : null}
          <MultiSelect label="Roles" description={`Of ${plural(group.members, "person", "people")}, from the next request on.`} data={ROLE_CHOICES} value={roles} onChange={setRoles} clearable data-autofocus />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending} disabled={same}>Save</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
