import { Button, Menu, Text } from "@mantine/core";
import { IconLogin2, IconPlus } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Provider } from "../../api/sso";
import { plural } from "../../lib/format";
import { path } from "../../paths";
import { Panel } from "../../ui/page";
import { Status } from "../../ui/status";
import rows from "../factors/factors.module.css";
import css from "./single-sign-on.module.css";

export function ProvidersPanel({ providers, mayEdit }: { providers: Provider[]; mayEdit: boolean }) {
  return (
    <Panel title="Identity providers" note="Where your people's accounts are kept: Entra ID, Okta, Keycloak, Google Workspace or another." flush>
      {providers.length === 0 ? <FirstSteps mayEdit={mayEdit} /> : (
        <ul className={rows["rows"]} aria-label="Identity providers">{providers.map((provider) => <Row key={provider.id} provider={provider} />)}</ul>
      )}
    </Panel>
  );
}

export function AddProvider() {
  return (
    <Menu position="bottom" width={320}>
      <Menu.Target><Button leftSection={<IconPlus size={16} aria-hidden />}>Add a provider</Button></Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component={Link} to={path.ssoProviderNew("oidc")}>OpenID Connect<Text size="sm">For most: Entra ID, Okta, Google, Keycloak.</Text></Menu.Item>
        <Menu.Item component={Link} to={path.ssoProviderNew("saml")}>SAML 2.0<Text size="sm">For a provider that speaks nothing newer.</Text></Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** What stands between an empty page and the first person who signs in. */
function FirstSteps({ mayEdit }: { mayEdit: boolean }) {
  return (
    <div className={css["first"]}>
      <IconLogin2 size={32} stroke={1.5} aria-hidden />
      <h3>Three steps to single sign-on</h3>
      <ol>
        <li><strong>Register Revkeep at your provider.</strong> The next page shows the addresses that it asks for.</li>
        <li><strong>Enter what it gives you, and test.</strong> Nobody is affected until you enable it.</li>
        <li><strong>Name your mail domains.</strong> Once the operator of this appliance has verified them, an address alone leads your people to your sign-in.</li>
      </ol>
      {mayEdit ? <AddProvider /> : <p>An administrator can set it up.</p>}
    </div>
  );
}

const hostOf = (address: string): string => (URL.canParse(address) ? new URL(address).host : address);

function Row({ provider }: { provider: Provider }) {
  const verified = provider.domains.filter((domain) => domain.verified).length;
  return (
    <li>
      <div className={rows["rowText"]}>
        <strong><Link className={css["open"]} to={path.ssoProvider(provider.id)}>{provider.name}</Link><ProviderState provider={provider} /></strong>
        <small>{KIND_WORDS[provider.kind]} at {hostOf(provider.issuer)}. {provider.domains.length === 0 ? "No mail domain leads here yet." : `Verified: ${verified} of ${plural(provider.domains.length, "mail domain")}.`}</small>
      </div>
      <div className={rows["rowActs"]}><Button size="xs" variant="default" component={Link} to={path.ssoProvider(provider.id)} aria-label={`Open ${provider.name}`}>Open</Button></div>
    </li>
  );
}

export const KIND_WORDS: Record<Provider["kind"], string> = { oidc: "OpenID Connect", saml: "SAML 2.0" };

export function ProviderState({ provider }: { provider: Provider }) {
  return provider.enabled ? <Status tone="ok">Enabled</Status> : <Status tone="idle">Not enabled</Status>;
}
