import { Button, Menu, Text } from "@mantine/core";
import { IconLogin2, IconPlus } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Provider } from "../../api/sso";
import { plural } from "../../lib/format";
import { Panel } from "../../ui/page";
import { Status } from "../../ui/status";
import rows from "../factors/factors.module.css";
import { useOwner } from "./owner";
import css from "./single-sign-on.module.css";

export function ProvidersPanel({ providers, mayEdit }: { providers: Provider[]; mayEdit: boolean }) {
  const owner = useOwner();
  const note = owner.appliance ? "They sign in people of every organisation that allows it; none makes a member or gives a role." : "Where your people's accounts are kept: Entra ID, Okta, Keycloak, Google Workspace, Active Directory or another.";
  return (
    <Panel title="Identity providers" note={note} flush>
      {providers.length === 0 ? <FirstSteps mayEdit={mayEdit} /> : (
        <ul className={rows["rows"]} aria-label="Identity providers">{providers.map((provider) => <Row key={provider.id} provider={provider} />)}</ul>
      )}
    </Panel>
  );
}

export function AddProvider() {
  const owner = useOwner();
  return (
    <Menu position="bottom" width={320}>
      <Menu.Target><Button leftSection={<IconPlus size={16} aria-hidden />}>Add a provider</Button></Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component={Link} to={owner.providerNewPage("oidc")}>OpenID Connect<Text size="sm">For most: Entra ID, Okta, Google, Keycloak.</Text></Menu.Item>
        <Menu.Item component={Link} to={owner.providerNewPage("saml")}>SAML 2.0<Text size="sm">For a provider that speaks nothing newer.</Text></Menu.Item>
        <Menu.Item component={Link} to={owner.providerNewPage("ldap")}>Directory (LDAP / Active Directory)<Text size="sm">For a network without any of these.</Text></Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** What stands between an empty page and the first person who signs in. */
function FirstSteps({ mayEdit }: { mayEdit: boolean }) {
  const owner = useOwner();
  return (
    <div className={css["first"]}>
      <IconLogin2 size={32} stroke={1.5} aria-hidden />
      <h3>Three steps to single sign-on</h3>
      <ol>
        <li><strong>Register Revkeep at your provider.</strong> The next page shows the addresses that it asks for.</li>
        <li><strong>Enter what it gives you, and test.</strong> Nobody is affected until you enable it.</li>
        {owner.appliance
          ? <li><strong>Name the mail domains.</strong> An organisation that has verified one keeps it. Each organisation then decides whether its people sign in here.</li>
          : <li><strong>Name your mail domains.</strong> Once the operator of this appliance has verified them, an address alone leads your people to your sign-in.</li>}
      </ol>
      {mayEdit ? <AddProvider /> : <p>An administrator can set it up.</p>}
    </div>
  );
}

const hostOf = (address: string): string => (URL.canParse(address) ? new URL(address).host : address);

function Row({ provider }: { provider: Provider }) {
  const verified = provider.domains.filter((domain) => domain.verified).length;
  const owner = useOwner();
  return (
    <li>
      <div className={rows["rowText"]}>
        <strong><Link className={css["open"]} to={owner.providerPage(provider.id)}>{provider.name}</Link><ProviderState provider={provider} /></strong>
        <small>{KIND_WORDS[provider.kind]} at {hostOf(provider.ldap?.servers[0] ?? provider.issuer)}. {provider.domains.length === 0 ? "No mail domain leads here yet." : `Verified: ${verified} of ${plural(provider.domains.length, "mail domain")}.`}</small>
      </div>
      <div className={rows["rowActs"]}><Button size="xs" variant="default" component={Link} to={owner.providerPage(provider.id)} aria-label={`Open ${provider.name}`}>Open</Button></div>
    </li>
  );
}

export const KIND_WORDS: Record<Provider["kind"], string> = { oidc: "OpenID Connect", saml: "SAML 2.0", ldap: "Directory" };

export function ProviderState({ provider }: { provider: Provider }) {
  return provider.enabled ? <Status tone="ok">Enabled</Status> : <Status tone="idle">Not enabled</Status>;
}
