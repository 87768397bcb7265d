// One identity provider on the right, at its own address: set up, tested, enabled, in this order; the list stays behind it.
import { Button, Drawer, Stack } from "@mantine/core";
import { useState } from "react";
import { useNavigate } from "react-router";
import type { Provider, ProviderKind } from "../../api/sso";
import { path } from "../../paths";
import { LoadingRows } from "../../ui/states";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { Copies } from "./copies";
import { DirectoryTest } from "./directory-test";
import { LdapForm } from "./ldap-form";
import { OidcForm } from "./oidc-form";
import { useOwner } from "./owner";
import { type Act, ProviderAct } from "./provider-act";
import { ProviderTest } from "./provider-test";
import { KIND_WORDS } from "./providers";
import { SamlForm } from "./saml-form";
import css from "./single-sign-on.module.css";

interface ProviderDrawerProps { id: string | undefined; providers: Provider[] | undefined; mayEdit: boolean; onClose(): void }

const NEW: Record<string, ProviderKind> = { "new-oidc": "oidc", "new-saml": "saml", "new-ldap": "ldap" };

export function ProviderDrawer({ id, providers, mayEdit, onClose }: ProviderDrawerProps) {
  const provider = providers?.find((one) => one.id === id);
  const kind = id === undefined ? undefined : NEW[id];
  // Another dialog stands above: Escape is meant for that one.
  const [busy, setBusy] = useState(false);
  return (
    <Drawer
      opened={id !== undefined} onClose={onClose} size={620} closeOnEscape={!busy} closeOnClickOutside={false}
      title={kind === "ldap" ? "New directory" : kind ? `New ${KIND_WORDS[kind]} provider` : (provider?.name ?? "Identity provider")} closeButtonProps={{ "aria-label": "Close the provider" }}
    >
      {id === undefined ? null
        : provider || (kind && mayEdit) ? <Details key={id} provider={provider} kind={provider?.kind ?? kind ?? "oidc"} mayEdit={mayEdit} onBusy={setBusy} onClose={onClose} />
        : providers === undefined ? <LoadingRows />
        : <Notice tone="warn" title="There is no such provider">It was removed, or the link is from another organisation.</Notice>}
    </Drawer>
  );
}

const FORMS = { oidc: OidcForm, saml: SamlForm, ldap: LdapForm };

interface DetailsProps { provider: Provider | undefined; kind: ProviderKind; mayEdit: boolean; onBusy(busy: boolean): void; onClose(): void }

function Details({ provider, kind, mayEdit, onBusy, onClose }: DetailsProps) {
  const navigate = useNavigate();
  const owner = useOwner();
  const toast = useToast();
  const [act, setAct] = useState<Act>();
  const Form = FORMS[kind];
  const ask = (next: Act | undefined) => { setAct(next); onBusy(next !== undefined); };
  const saved = (made: Provider) => {
    toast.done(provider ? `${made.name} is saved.` : `${made.name} is saved, and not enabled yet. Test it first.`);
    if (!provider) void navigate(owner.providerPage(made.id), { replace: true });
  };
  return (
    <Stack gap="lg">
      {provider && mayEdit && !provider.enabled ? (
        <Notice tone="info" title="Nobody signs in through it yet" actions={<Button size="xs" onClick={() => ask("enable")}>Enable</Button>}>Test it below, then enable it.</Notice>
      ) : null}
      {provider && mayEdit ? (provider.ldap ? <DirectoryTest provider={provider} ldap={provider.ldap} onBusy={onBusy} /> : <ProviderTest provider={provider} onBusy={onBusy} />) : null}
      {provider ? <SignInLink provider={provider} /> : null}
      <Form key={provider?.version ?? 0} provider={provider} mayEdit={mayEdit} onBusy={onBusy} onSaved={saved} />
      {provider && mayEdit ? (
        <section className={css["acts"]} aria-label="Acts">
          {provider.enabled ? (
            <div><div><strong>Disable</strong><p>Nobody signs in through it any more. What you set stays.</p></div><Button size="xs" variant="default" onClick={() => ask("disable")}>Disable</Button></div>
          ) : null}
          <div><div><strong>Remove</strong><p>With its mail domains, and with who is who at it.</p></div><Button size="xs" variant="default" c="var(--mantine-color-error)" onClick={() => ask("remove")}>Remove</Button></div>
        </section>
      ) : null}
      {provider ? <ProviderAct act={act} provider={provider} onClose={() => ask(undefined)} onRemoved={onClose} /> : null}
    </Stack>
  );
}

/** For people whose mail domain leads nowhere, and for a first try in a private window. */
function SignInLink({ provider }: { provider: Provider }) {
  return (
    <section className={css["part"]} aria-label="Sign-in link">
      <h3>Sign-in link</h3>
      <p>{provider.enabled ? "Leads straight to this provider, whatever the mail domain. Try it in a private window." : "Works once the provider is enabled."}</p>
      <Copies items={[{ label: "Link", value: `${window.location.origin}${path.signInThrough(provider.id)}` }]} />
    </section>
  );
}
