// Provisioning: the organisation's provider makes, changes and deactivates people here by SCIM 2.0, with a token of its own.
import { useQuery } from "@tanstack/react-query";
import { type Scim, scimQuery } from "../../api/scim";
import { useCan } from "../../api/session";
import { count } from "../../lib/format";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { Panel, Stat, Stats } from "../../ui/page";
import { Copies } from "./copies";
import { ScimGroups } from "./scim-groups";
import { ScimTokens } from "./scim-tokens";
import { SsoHead } from "./sso-head";

export function Page() {
  const query = useQuery(scimQuery());
  const mayEdit = useCan("sso_edit");
  return (
    <>
      <SsoHead section="Provisioning" />
      <QueryView query={query} what="Provisioning">{(scim) => <Provisioning scim={scim} mayEdit={mayEdit} />}</QueryView>
    </>
  );
}

function Provisioning({ scim, mayEdit }: { scim: Scim; mayEdit: boolean }) {
  const used = scim.tokens.length > 0 || scim.users > 0;
  return (
    <>
      {used ? (
        <Stats>
          <Stat label="Provisioned people" value={count(scim.users)} />
          <Stat label="Groups" value={count(scim.groups.length)} />
          <Stat label="Tokens in use" value={count(scim.tokens.filter((token) => token.state === "active").length)} />
        </Stats>
      ) : null}
      <Panel title="At the provider" note={<>SCIM 2.0. Your provider makes, changes and deactivates people here as it does at home. Last request: <Time at={scim.last_request_at} ago />.</>}>
        <Copies items={[{ label: "Base URL (tenant URL)", value: scim.base_url }]} />
      </Panel>
      <ScimTokens tokens={scim.tokens} mayEdit={mayEdit} />
      <ScimGroups groups={scim.groups} mayEdit={mayEdit} />
    </>
  );
}
