// Identity providers of the appliance, for its operators: set up and tested like an organisation's, and linked to one's own account.
import { useQuery } from "@tanstack/react-query";
import { useLocation, useNavigate, useParams } from "react-router";
import { useCan } from "../../api/session";
import { applianceProvidersQuery } from "../../api/sso";
import { plural } from "../../lib/format";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { PageHead } from "../../ui/page";
import { Notice } from "../../ui/status";
import { DomainsPanel } from "../single-sign-on/domains";
import { APPLIANCE, OwnerContext } from "../single-sign-on/owner";
import { ProviderDrawer } from "../single-sign-on/provider-drawer";
import { AddProvider, ProvidersPanel } from "../single-sign-on/providers";
import { claimOf } from "./claim";
import { ConfirmLink, LinksPanel } from "./links";

export function Page() {
  const { id } = useParams();
  const { state } = useLocation();
  const navigate = useNavigate();
  const mayEdit = useCan("appliance_sso_edit");
  const query = useQuery(applianceProvidersQuery());
  const claim = claimOf(state);
  const home = () => { void navigate(path.applianceSso(), { replace: true, state: null }); };
  return (
    <OwnerContext value={APPLIANCE}>
      <PageHead title="Appliance sign-in" actions={mayEdit && query.data && query.data.items.length > 0 ? <AddProvider /> : undefined}>
        Identity providers for people of several organisations, and for those who operate this appliance. Each organisation decides whether it lets them in.
      </PageHead>
      <QueryView query={query} what="The appliance's sign-in">
        {({ items, relied_on_by }) => (
          <>
            {relied_on_by > 0 ? <Notice tone="info" title={`It is the only way into ${plural(relied_on_by, "organisation")}`}>If you disable the providers, only the owners there can still sign in, with their passwords.</Notice> : null}
            <ProvidersPanel providers={items} mayEdit={mayEdit} />
            {items.length > 0 ? <DomainsPanel providers={items} mayEdit={mayEdit} /> : null}
            {items.length > 0 ? <LinksPanel providers={items} mayEdit={mayEdit} /> : null}
          </>
        )}
      </QueryView>
      <ProviderDrawer id={id} providers={query.data?.items} mayEdit={mayEdit} onClose={home} />
      {claim ? <ConfirmLink claim={claim} onClose={home} /> : null}
    </OwnerContext>
  );
}
