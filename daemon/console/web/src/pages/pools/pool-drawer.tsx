// One pool: its name, its members, and the share that their weights mean.
import { ActionIcon, Button, Drawer, NumberInput, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconX } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { hasCode, messageOf, Problem } from "../../api/problem";
import { calendarsQuery, invalidateTopics } from "../../api/queries";
import type { Caps, Pool, PoolInput, Rep } from "../../api/types";
import { percent } from "../../lib/format";
import { api } from "../../paths";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { CapsFields } from "./caps-fields";
import css from "./pools.module.css";

interface PoolDrawerProps { id: string | undefined; pools: Pool[]; reps: Rep[]; mayEdit: boolean; onClose(): void }
interface Member { rep_id: string; weight: number | string }

const MOST = 1000;

export function PoolDrawer({ id, pools, reps, mayEdit, onClose }: PoolDrawerProps) {
  const pool = pools.find((one) => one.id === id);
  return (
    <Drawer opened={id !== undefined} onClose={onClose} size={520} closeOnClickOutside={false} title={id === "new" ? "New pool" : (pool?.name ?? "Pool")} closeButtonProps={{ "aria-label": "Close the pool" }}>
      {id === undefined ? null : id !== "new" && !pool
        ? <Notice tone="warn" title="This pool no longer exists">It was deleted, or the link is from another organisation.</Notice>
        : <PoolForm key={id} pool={pool} reps={reps} mayEdit={mayEdit} onClose={onClose} />}
    </Drawer>
  );
}

function PoolForm({ pool, reps, mayEdit, onClose }: { pool: Pool | undefined; reps: Rep[]; mayEdit: boolean; onClose(): void }) {
  const [name, setName] = useState(pool?.name ?? "");
  const [members, setMembers] = useState<Member[]>(() => pool?.members.map(({ rep_id, weight }) => ({ rep_id, weight })) ?? []);
  const [calendar, setCalendar] = useState(pool?.calendar_id ?? null);
  const [caps, setCaps] = useState<Caps>(pool?.caps ?? {});
  const [version, setVersion] = useState(pool?.version);
  const calendars = useQuery(calendarsQuery()).data ?? [];
  const save = useSavePool(pool, onClose);
  const remove = useDeletePool(onClose);
  const total = members.reduce((sum, member) => sum + Number(member.weight), 0);
  const nameOf = (id: string) => reps.find((rep) => rep.id === id)?.name ?? pool?.members.find((member) => member.rep_id === id)?.name ?? id;
  const free = reps.filter((rep) => rep.active && !members.some((member) => member.rep_id === rep.id));
  const nameError = save.error instanceof Problem ? save.error.forField("name") : undefined;
  const conflict = hasCode(save.error, "version_conflict") ? save.error : undefined;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const input = { name: name.trim(), members: members.map((member) => ({ rep_id: member.rep_id, weight: Number(member.weight) })), calendar_id: calendar, caps };
    save.mutate({ ...input, ...(version === undefined ? {} : { version }) });
  };
  const keepMine = () => {
    const { current } = conflict ?? {};
    if (current !== null && typeof current === "object" && "version" in current) setVersion(Number(current.version));
    save.reset();
  };

  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {conflict ? (
          <Notice tone="warn" title="Someone else changed this pool while you were writing" actions={<Button size="xs" variant="default" onClick={keepMine}>Keep mine, then save again</Button>}>
            Saving again replaces their change. To see theirs, close this and open the pool again.
          </Notice>
        ) : save.isError && !nameError ? <Notice tone="bad" title="Not saved">{messageOf(save.error)}</Notice> : null}
        {remove.isError ? (
          <Notice tone="bad" title="Not deleted">
            {hasCode(remove.error, "pool_in_use") ? `Rules point to this pool: ${pool?.used_by.map((rule) => rule.name).join(", ") || "see the rules"}. Point them elsewhere first.` : messageOf(remove.error)}
          </Notice>
        ) : null}
        <TextInput label="Name" placeholder="EMEA West" data-autofocus required withAsterisk={false} disabled={!mayEdit} value={name} error={nameError} onChange={(event) => setName(event.currentTarget.value)} />
        <div role="group" aria-label="Members">
          {members.map((member, index) => (
            <div key={member.rep_id} className={css["member"]}>
              <span>{nameOf(member.rep_id)}</span>
              <NumberInput
                aria-label={`Weight of ${nameOf(member.rep_id)}`} min={1} max={MOST} allowDecimal={false} clampBehavior="strict" disabled={!mayEdit} value={member.weight}
                onChange={(weight) => setMembers(members.map((one, at) => (at === index ? { ...one, weight } : one)))}
              />
              <small>{total > 0 ? `${percent(Number(member.weight) / total)} of the leads` : ""}</small>
              {mayEdit ? <ActionIcon aria-label={`Remove ${nameOf(member.rep_id)}`} onClick={() => setMembers(members.filter((_, at) => at !== index))}><IconX size={16} aria-hidden /></ActionIcon> : <span />}
            </div>
          ))}
        </div>
        {mayEdit ? (
          <Select
            label="Add a rep" placeholder={free.length === 0 ? "Every active rep is in" : "Search by name"} searchable disabled={free.length === 0}
            description={reps.length === 0 ? "There are no reps yet. Read them in from Salesforce first." : "Weight 2 means twice as many turns as weight 1."}
            data={free.map((rep) => ({ value: rep.id, label: rep.name }))} value={null}
            onChange={(rep) => { if (rep !== null) setMembers([...members, { rep_id: rep, weight: 1 }]); }}
          />
        ) : null}
        <CapsFields
          label="Caps for each member" note="Through this pool, by each member’s own clock, beside the member’s own caps." caps={caps} disabled={!mayEdit}
          error={save.error instanceof Problem ? save.error.forField("caps") : undefined} onChange={setCaps}
        />
        <Select
          label="Holidays" description="On these days this pool gives nobody a turn." placeholder="None" clearable disabled={!mayEdit} value={calendar}
          data={calendars.map((one) => ({ value: one.id, label: one.name }))} onChange={setCalendar} clearButtonProps={{ "aria-label": "No holidays" }}
        />
      </Stack>
      {mayEdit ? (
        <div className={css["foot"]}>
          {pool ? <Button variant="subtle" color="gray" c="var(--mantine-color-error)" loading={remove.isPending} onClick={() => remove.mutate(pool)}>Delete</Button> : null}
          <span className={css["grow"]} />
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" loading={save.isPending} disabled={name.trim() === "" || members.some((member) => Number(member.weight) < 1)}>{pool ? "Save pool" : "Add pool"}</Button>
        </div>
      ) : null}
    </form>
  );
}

function useSavePool(pool: Pool | undefined, onSaved: () => void) {
  const queries = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: (input: PoolInput) => (pool ? client.put<Pool>(api.pool(pool.id), input) : client.post<Pool>(api.pools(), input, { create: true })),
    onSuccess: (saved) => {
      invalidateTopics(queries, ["reps"]);
      toast.done(`“${saved.name}” is saved. The next turn goes by these weights.`);
      onSaved();
    },
  });
}

function useDeletePool(onDeleted: () => void) {
  const queries = useQueryClient();
  const toast = useToast();
  const restore = async (pool: Pool) => {
    try {
      await client.post(api.pools(), { name: pool.name, members: pool.members.map(({ rep_id, weight }) => ({ rep_id, weight })), calendar_id: pool.calendar_id ?? null, caps: pool.caps }, { create: true });
      toast.done(`“${pool.name}” is back, with its weights. Its turns start anew.`);
    } catch (error) {
      toast.failed(`“${pool.name}” could not be put back. ${messageOf(error)}`);
    }
    invalidateTopics(queries, ["reps"]);
  };
  return useMutation({
    mutationFn: (pool: Pool) => client.delete(api.pool(pool.id)),
    onSuccess: (_, pool) => {
      onDeleted();
      invalidateTopics(queries, ["reps"]);
      toast.done(`“${pool.name}” is deleted.`, { label: "Undo", run: () => { void restore(pool); } });
    },
  });
}
