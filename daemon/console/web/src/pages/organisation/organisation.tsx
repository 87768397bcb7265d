// The organisation itself: its name, whether everybody needs a second factor, and the visits of support.
import { Button, Switch, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { hasCode, Problem, toTell } from "../../api/problem";
import { tenantQuery } from "../../api/queries";
import { useCan, useSessionActions } from "../../api/session";
import type { MemberPage, Tenant } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { CopyId, Time } from "../../ui/facts";
import { Facts, PageHead, Panel } from "../../ui/page";
import { Notice, StateBadge } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "../account/account.module.css";
import { EndSessions } from "./end-sessions";
import { VisitsPanel } from "./visits";

export function Page() {
  const query = useQuery(tenantQuery());
  const mayEdit = useCan("tenant_edit");
  return (
    <>
      <PageHead title="Organisation">What holds for everybody here.</PageHead>
      <QueryView query={query} what="The organisation">
        {(tenant) => (
          <>
            <Panel title="Organisation" actions={<StateBadge state={tenant.state} />}>
              {mayEdit ? <NameForm tenant={tenant} /> : null}
              <Facts items={[
                ...(mayEdit ? [] : [["Name", tenant.name] as [string, string]]),
                ["Owner", tenant.owner?.name ?? "nobody"],
                ...(tenant.trial_ends_at ? [["Trial ends", <Time key="trial" at={tenant.trial_ends_at} />] as [string, React.ReactNode]] : []),
                ["Since", <Time key="since" at={tenant.created_at} />],
                ["Id", <CopyId key="id" value={tenant.id} what="organisation id" />],
              ]} />
            </Panel>
            <Panel title="Second factor" note="Administrators and reviewers always need one. This asks it of every member.">
              <FactorForAll tenant={tenant} mayEdit={mayEdit} />
            </Panel>
            {mayEdit ? (
              <Panel title="Sessions" note="Sign everybody out who is in this organisation now, on every device.">
                <EndSessions
                  address={api.tenantSessionsEnd()} typed={tenant.name} own title="End every session of this organisation" label="End every session"
                  effect="Everybody who is in this organisation is signed out at once, visitors and their programs too. A session that is in another organisation now is not this one's to end."
                />
              </Panel>
            ) : null}
          </>
        )}
      </QueryView>
      <VisitsPanel mayEdit={mayEdit} />
    </>
  );
}

const CONFLICT = "Somebody else changed the organisation while you looked. What you see now is the newest; try again.";

function useSaveTenant(tenant: Tenant, done: (saved: Tenant) => void) {
  const queries = useQueryClient();
  const { reload } = useSessionActions();
  return useMutation({
    mutationFn: (change: { name?: string; factor_for_all?: boolean }) => client.patch<Tenant>(api.tenant(), { ...change, version: tenant.version }),
    onSuccess: (saved) => {
      queries.setQueryData(["tenant"], saved);
      reload().catch(() => undefined);
      done(saved);
    },
    onError: (error) => { if (hasCode(error, "version_conflict")) void queries.invalidateQueries({ queryKey: ["tenant"] }); },
  });
}

const problemOf = (error: unknown): string | undefined => (hasCode(error, "version_conflict") ? CONFLICT : toTell(error));

function NameForm({ tenant }: { tenant: Tenant }) {
  const [name, setName] = useState(tenant.name);
  const toast = useToast();
  const save = useSaveTenant(tenant, (saved) => toast.done(`The organisation is called ${saved.name} now.`));
  const beside = save.error instanceof Problem ? save.error.forField("name") : undefined;
  const problem = beside ? undefined : problemOf(save.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ name: name.trim() });
  };
  return (
    <>
      {problem ? <Notice tone="bad" title="Not saved">{problem}</Notice> : null}
      <form className={css["line"]} onSubmit={submit}>
        <TextInput label="Name" required withAsterisk={false} maxLength={120} value={name} error={beside} onChange={(event) => setName(event.currentTarget.value)} />
        <Button type="submit" loading={save.isPending} disabled={name.trim() === "" || name.trim() === tenant.name}>Save</Button>
      </form>
    </>
  );
}

function FactorForAll({ tenant, mayEdit }: { tenant: Tenant; mayEdit: boolean }) {
  const [asking, setAsking] = useState(false);
  const toast = useToast();
  const counts = useQuery({
    queryKey: ["members", "counts"], queryFn: async ({ signal }) => (await client.get<MemberPage>(api.members({ limit: 1 }), { signal })).counts, enabled: asking,
  });
  const next = !tenant.factor_for_all;
  const save = useSaveTenant(tenant, (saved) => {
    setAsking(false);
    toast.done(saved.factor_for_all ? "Everybody needs a second factor from now on." : "Members may do without a second factor.");
  });
  const without = counts.data?.without_factor;
  return (
    <>
      <Switch
        label="Everybody needs a second factor" checked={tenant.factor_for_all} disabled={!mayEdit} onChange={() => { save.reset(); setAsking(true); }}
        description={tenant.factor_for_all ? "Who has none sees only its set-up." : "Members without one are reminded on every page."}
      />
      <Confirm
        opened={asking} title={next ? "Ask everybody for a second factor" : "Let members do without"} act={next ? "Ask everybody" : "Let them"} danger={!next} busy={save.isPending}
        error={problemOf(save.error)} onClose={() => setAsking(false)} onConfirm={() => save.mutate({ factor_for_all: next })}
      >
        {next
          ? `${without === undefined ? "Members" : plural(without, "member")} without a second factor will see nothing but its set-up at their next click. Nobody is signed out, and nothing of theirs is lost.`
          : "A member's password alone will open their account again, unless they keep the factor they have. Administrators and reviewers still need one."}
      </Confirm>
    </>
  );
}
