// How people of this organisation sign in: its identity providers, its mail domains, and whether passwords still open anything.
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "react-router";
import { providersQuery } from "../../api/sso";
import { useCan } from "../../api/session";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { AppliancePanel } from "./appliance-panel";
import { DomainsPanel } from "./domains";
import { OnlyPanel } from "./only";
import { ProviderDrawer } from "./provider-drawer";
import { AddProvider, ProvidersPanel } from "./providers";
import { SsoHead } from "./sso-head";

export function Page() {
  const { id } = useParams();
  const navigate = useNavigate();
  const mayEdit = useCan("sso_edit");
  const query = useQuery(providersQuery());
  return (
    <>
      <SsoHead section="Sign-in" actions={mayEdit && query.data && query.data.length > 0 ? <AddProvider /> : undefined} />
      <QueryView query={query} what="Single sign-on">
        {(providers) => (
          <>
            <ProvidersPanel providers={providers} mayEdit={mayEdit} />
            {providers.length > 0 ? <DomainsPanel providers={providers} mayEdit={mayEdit} /> : null}
            <AppliancePanel mayEdit={mayEdit} />
            <OnlyPanel providers={providers} mayEdit={mayEdit} />
          </>
        )}
      </QueryView>
      <ProviderDrawer id={id} providers={query.data} mayEdit={mayEdit} onClose={() => { void navigate(path.singleSignOn()); }} />
    </>
  );
}
