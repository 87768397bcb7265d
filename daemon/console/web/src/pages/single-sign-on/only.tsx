// Whether the organisation's provider is the only way in. Its owner keeps a password, for the day on which the provider is away.
import { Switch } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { tenantQuery } from "../../api/queries";
import { applianceSsoQuery, type Provider, type SsoSettings, ssoSettingsQuery } from "../../api/sso";
import { useSession } from "../../api/session";
import type { MemberPage } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Facts, Panel } from "../../ui/page";
import { LoadingBlock } from "../../ui/states";
import { useToast } from "../../ui/toast";
import { onlyEffect, onlyWarnings } from "./only-words";
import css from "./single-sign-on.module.css";

export function OnlyPanel({ providers, mayEdit }: { providers: Provider[]; mayEdit: boolean }) {
  const query = useQuery(ssoSettingsQuery());
  return (
    <Panel title="Passwords" note="Whether a password opens this organisation as well.">
      <QueryView query={query} what="The setting" loading={<LoadingBlock height={48} />}>
        {(settings) => <Only settings={settings} providers={providers} mayEdit={mayEdit} />}
      </QueryView>
    </Panel>
  );
}

function Only({ settings, providers, mayEdit }: { settings: SsoSettings; providers: Provider[]; mayEdit: boolean }) {
  const [asking, setAsking] = useState(false);
  const session = useSession();
  const owner = useQuery(tenantQuery()).data?.owner?.name;
  const members = useQuery({
    queryKey: ["members", "counts"], queryFn: async ({ signal }) => (await client.get<MemberPage>(api.members({ limit: 1 }), { signal })).counts, enabled: asking,
  });
  const queries = useQueryClient();
  const toast = useToast();
  const enabled = providers.filter((provider) => provider.enabled);
  const appliance = useQuery(applianceSsoQuery()).data;
  const through = enabled.length > 0 ? enabled : appliance?.opens ? appliance.providers : [];
  const next = !settings.only;
  const save = useMutation({
    mutationFn: () => client.put<SsoSettings>(api.ssoSettings(), { only: next }),
    onSuccess: (saved) => {
      queries.setQueryData(ssoSettingsQuery().queryKey, saved);
      setAsking(false);
      toast.done(saved.only ? "Single sign-on alone opens this organisation now." : "Passwords open this organisation again.");
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["sso"] }),
  });
  const warnings = next ? onlyWarnings(enabled, session, through.length > enabled.length) : [];
  return (
    <>
      <Switch
        label="Single sign-on alone" checked={settings.only} disabled={!mayEdit || (next && through.length === 0)} onChange={() => { save.reset(); setAsking(true); }}
        description={settings.only ? "No password opens this organisation, but for its owner's." : through.length === 0 ? "Set up, test and enable a provider first; otherwise nobody could sign in." : "Passwords and single sign-on both work."}
      />
      {settings.only ? (
        <div className={css["keeps"]}>
          <Facts items={[
            ["Keeps a password", `${owner ?? "The owner"}, the owner, to break the glass when the provider is away`],
            ["When it is used", "It stands in the audit log as break_glass, and in the log of the server as a warning"],
          ]} />
        </div>
      ) : null}
      <Confirm
        opened={asking} title={next ? "Let single sign-on alone in" : "Let passwords in again"} act={next ? "Let it alone in" : "Let passwords in"} danger={next} typed={next ? session.tenant.name : undefined}
        busy={save.isPending} error={toTell(save.error)} onClose={() => setAsking(false)} onConfirm={() => save.mutate()}
      >
        {next ? (
          <div className={css["lead"]}>
            <p>{onlyEffect(through, owner, members.data ? plural(members.data.active, "active member") : undefined)}</p>
            {warnings.length > 0 ? <ul className={css["warnings"]} aria-label="Mind">{warnings.map((warning) => <li key={warning}>{warning}</li>)}</ul> : null}
          </div>
        ) : "Who still has a password can use it again; the others ask for one by “Forgot your password?”. Nobody is signed out."}
      </Confirm>
    </>
  );
}
