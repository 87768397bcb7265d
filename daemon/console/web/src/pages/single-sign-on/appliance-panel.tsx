// The appliance's sign-in, which its operator keeps: whether this organisation's people may come in through it.
import { Switch } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { hasCode, toTell } from "../../api/problem";
import { type ApplianceSso, applianceSsoQuery } from "../../api/sso";
import { api } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { Panel } from "../../ui/page";
import { useToast } from "../../ui/toast";
import { applianceState } from "./appliance-words";

export function AppliancePanel({ mayEdit }: { mayEdit: boolean }) {
  const appliance = useQuery(applianceSsoQuery()).data;
  // Where the appliance has none and none was allowed, there is nothing to decide.
  if (!appliance || (appliance.providers.length === 0 && !appliance.allowed)) return null;
  return (
    <Panel title="The appliance's sign-in" note="The operator of this appliance keeps it for several organisations. It makes no members and gives no roles.">
      <Allow appliance={appliance} mayEdit={mayEdit} />
    </Panel>
  );
}

function Allow({ appliance, mayEdit }: { appliance: ApplianceSso; mayEdit: boolean }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const next = !appliance.allowed;
  const save = useMutation({
    mutationFn: () => client.put<ApplianceSso>(api.ssoAppliance(), { allowed: next }),
    onSuccess: (saved) => {
      queries.setQueryData(applianceSsoQuery().queryKey, saved);
      setAsking(false);
      toast.done(saved.allowed ? "People may sign in here through the appliance's provider." : "The appliance's provider opens this organisation no more.");
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["sso"] }),
  });
  const problem = hasCode(save.error, "sso_no_provider")
    ? "Single sign-on alone opens this organisation, and nothing else would: let passwords in again first, or enable a provider of your own."
    : toTell(save.error);
  const names = appliance.providers.map(({ name }) => name).join(" or ");
  return (
    <>
      <Switch
        label="People may sign in here through it" description={applianceState(appliance)} checked={appliance.allowed} disabled={!mayEdit}
        onChange={() => { save.reset(); setAsking(true); }}
      />
      <Confirm
        opened={asking} title={next ? "Let the appliance's sign-in in" : "Shut the appliance's sign-in out"} act={next ? "Let it in" : "Shut it out"} danger={!next}
        busy={save.isPending} error={problem} onClose={() => setAsking(false)} onConfirm={() => save.mutate()}
      >
        {next
          ? `Whom ${names || "the appliance's provider"} knows, and who is a member here, signs in through it. Its operator is trusted then with who is who. A provider of your own that you enable takes its place.`
          : "Everybody who is signed in here through it is signed out at once."}
      </Confirm>
    </>
  );
}
