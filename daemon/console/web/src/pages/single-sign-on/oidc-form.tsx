// What Revkeep has to know of an OpenID provider, beside what the provider has to know of Revkeep.
import { PasswordInput, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Provider } from "../../api/sso";
import { path } from "../../paths";
import { Notice } from "../../ui/status";
import { Copies } from "./copies";
import { Buttons, Newcomers } from "./form-parts";
import { changed, formOf, missing, oidcInput, type OidcForm as Form } from "./oidc-input";
import { useOwner } from "./owner";
import { RoleRules } from "./role-rules";
import css from "./single-sign-on.module.css";
import { type FormProps, useSaveProvider } from "./use-save-provider";

const FIELDS = ["name", "issuer", "client_id", "client_secret", "scopes", "groups_claim", "role_map"];

export function OidcForm(props: FormProps) {
  const { provider, mayEdit } = props;
  const owner = useOwner();
  const [form, setForm] = useState(() => formOf(provider));
  const set = (part: Partial<Form>) => setForm((old) => ({ ...old, ...part }));
  const { save, saving, beside, problem } = useSaveProvider(props, FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save(oidcInput(form, provider));
  };
  const fixed = !mayEdit || saving;
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Registration provider={provider} />
        {problem ? <Notice tone="bad" title="Not saved">{problem}</Notice> : null}
        <TextInput label="Name" description="People see it on the sign-in page: Continue with …" placeholder="Acme account" maxLength={100} required withAsterisk={false} disabled={fixed} value={form.name} error={beside("name")} onChange={(event) => set({ name: event.currentTarget.value })} />
        <TextInput
          label="Issuer" description={provider ? "Fixed: people are known by it. Another issuer is another provider." : "Exactly as the provider writes it, without /.well-known."} placeholder="https://login.acme.example"
          type="url" required withAsterisk={false} disabled={fixed} readOnly={provider !== undefined} value={form.issuer} error={beside("issuer")} onChange={(event) => set({ issuer: event.currentTarget.value })}
        />
        <TextInput label="Client id" required withAsterisk={false} autoComplete="off" spellCheck={false} maxLength={500} disabled={fixed} value={form.client_id} error={beside("client_id")} onChange={(event) => set({ client_id: event.currentTarget.value })} />
        <PasswordInput
          label="Client secret" autoComplete="new-password" disabled={fixed} value={form.secret} error={beside("client_secret")} onChange={(event) => set({ secret: event.currentTarget.value })}
          description={provider?.has_secret ? "One is stored, sealed by the vault, and is not shown again. Type another to replace it." : "It is sealed by the vault and never shown again. Leave it empty for a public client."}
          placeholder={provider?.has_secret ? "Stored" : ""} visibilityToggleButtonProps={{ "aria-label": "Show the client secret" }}
        />
        <TextInput label="Scopes" description="Asked for beside openid. Some providers tell groups only with a scope of their own." spellCheck={false} disabled={fixed} value={form.scopes} error={beside("scopes")} onChange={(event) => set({ scopes: event.currentTarget.value })} />
        <TextInput label="Groups claim" description="Where the provider lists a person's groups." required withAsterisk={false} spellCheck={false} maxLength={200} disabled={fixed} value={form.groups_claim} error={beside("groups_claim")} onChange={(event) => set({ groups_claim: event.currentTarget.value })} />
        {owner.appliance ? null : <RoleRules value={form.role_map} error={beside("role_map")} disabled={fixed} onChange={(role_map) => set({ role_map })} />}
        {owner.appliance ? null : <Newcomers checked={form.create_members} disabled={fixed} onChange={(create_members) => set({ create_members })} />}
        {mayEdit ? <Buttons existing={provider !== undefined} saving={saving} ready={!missing(form)} changed={changed(form, provider)} onUndo={() => setForm(formOf(provider))} /> : null}
      </Stack>
    </form>
  );
}

/** What the provider has to know, to send people back to the right place. */
function Registration({ provider }: { provider: Provider | undefined }) {
  const { origin } = window.location;
  return (
    <section className={css["part"]} aria-label="At the provider">
      <h3>At the provider</h3>
      <p>Register a web application there (authorization code, with PKCE) and enter these addresses. It gives you a client id and a secret.</p>
      <Copies items={[
        { label: "Redirect URI", value: provider?.redirect_uri ?? `${origin}${path.ssoOidc()}` },
        { label: "Where to go after signing out", value: `${origin}${path.signIn()}` },
      ]} />
    </section>
  );
}
