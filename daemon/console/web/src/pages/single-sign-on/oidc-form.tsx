// What Revkeep has to know of an OpenID provider, beside what the provider has to know of Revkeep.
import { Button, Group, PasswordInput, Stack, Switch, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { hasCode, Problem, toTell } from "../../api/problem";
import type { Provider } from "../../api/sso";
import { api, path } from "../../paths";
import { Notice } from "../../ui/status";
import { Copies } from "./copies";
import { changed, formOf, missing, oidcInput, type OidcForm as Form } from "./oidc-input";
import { RoleRules } from "./role-rules";
import css from "./single-sign-on.module.css";

const CONFLICT = "Somebody else changed this provider while you looked. Close it and open it again; what you typed is still here until then.";
const FIELDS = ["name", "issuer", "client_id", "client_secret", "scopes", "groups_claim", "role_map"];

interface OidcFormProps { provider: Provider | undefined; mayEdit: boolean; onBusy(busy: boolean): void; onSaved(saved: Provider): void }

export function OidcForm({ provider, mayEdit, onBusy, onSaved }: OidcFormProps) {
  const [form, setForm] = useState(() => formOf(provider));
  const set = (part: Partial<Form>) => setForm((old) => ({ ...old, ...part }));
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => (provider
      ? client.put<Provider>(api.ssoProvider(provider.id), oidcInput(form, provider))
      : client.post<Provider>(api.ssoProviders(), oidcInput(form, undefined), { create: true })),
    onMutate: () => onBusy(true),
    onSuccess: async (saved) => {
      await queries.invalidateQueries({ queryKey: ["sso"] });
      onSaved(saved);
    },
    onSettled: () => onBusy(false),
  });
  const beside = (field: string) => (save.error instanceof Problem ? save.error.forField(field) : undefined);
  const problem = FIELDS.some(beside) ? undefined : hasCode(save.error, "version_conflict") ? CONFLICT : toTell(save.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const fixed = !mayEdit || save.isPending;
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
        <RoleRules value={form.role_map} error={beside("role_map")} disabled={fixed} onChange={(role_map) => set({ role_map })} />
        <Switch
          label="Let newcomers in" description={form.create_members ? "Whoever the provider lets through becomes a member at their first sign-in." : "Only people who were invited or provisioned get in."}
          disabled={fixed} checked={form.create_members} onChange={(event) => set({ create_members: event.currentTarget.checked })}
        />
        {mayEdit ? (
          <Group gap="xs">
            <Button type="submit" loading={save.isPending} disabled={missing(form) || !changed(form, provider)}>{provider ? "Save" : "Save, and go on to the test"}</Button>
            {provider && changed(form, provider) ? <Button variant="default" disabled={save.isPending} onClick={() => setForm(formOf(provider))}>Undo</Button> : null}
          </Group>
        ) : null}
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
