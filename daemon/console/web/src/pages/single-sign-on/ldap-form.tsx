// What Revkeep has to know of a directory: where it is, who may look people up there, and how they are found.
import { PasswordInput, SegmentedControl, Select, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Notice } from "../../ui/status";
import { Buttons, Newcomers } from "./form-parts";
import { ldapChanged, ldapFormOf, ldapInput, ldapMissing, type LdapForm as Form, presetOf, type Preset, SUBJECTS, withPreset } from "./ldap-input";
import { RoleRules } from "./role-rules";
import { type FormProps, useSaveProvider } from "./use-save-provider";

const PRODUCTS = [{ value: "active_directory", label: "Active Directory" }, { value: "openldap", label: "OpenLDAP and others" }];
const WAYS = [{ value: "account", label: "By a service account" }, { value: "person", label: "As the people themselves" }];
const OWN = ["servers", "ca", "bind_dn", "bind_password", "bind_template", "base_dn", "person_filter", "subject_attribute", "email_attribute", "name_attribute", "group_base_dn", "group_filter"] as const;
const FIELDS = ["name", "groups_claim", "role_map", ...OWN.map((field) => `ldap.${field}`)];

export function LdapForm(props: FormProps) {
  const { provider, mayEdit } = props;
  const [form, setForm] = useState(() => ldapFormOf(provider));
  const set = (part: Partial<Form>) => setForm((old) => ({ ...old, ...part }));
  const { save, saving, beside, problem } = useSaveProvider(props, FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save(ldapInput(form, provider));
  };
  const fixed = !mayEdit || saving;
  const text = (key: typeof OWN[number]) => ({
    disabled: fixed, spellCheck: false, autoComplete: "off", value: form[key], error: beside(`ldap.${key}`),
    onChange: (event: { currentTarget: { value: string } }) => set({ [key]: event.currentTarget.value }),
  });
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {provider ? null : (
          <SegmentedControl aria-label="Product" data={PRODUCTS} disabled={fixed} value={presetOf(form)} onChange={(preset) => setForm((old) => withPreset(old, preset as Preset))} />
        )}
        {problem ? <Notice tone="bad" title="Not saved">{problem}</Notice> : null}
        <TextInput label="Name" description="People see it on the sign-in page: Your account in …" placeholder="Acme network" maxLength={100} required withAsterisk={false} disabled={fixed} value={form.name} error={beside("name")} onChange={(event) => set({ name: event.currentTarget.value })} />
        <Textarea label="Servers" description="One a line; the next is asked when one is away. ldap:// means StartTLS: nothing is ever sent in the clear." placeholder="ldaps://dc1.corp.example" required withAsterisk={false} classNames={{ input: "mono" }} autosize minRows={2} {...text("servers")} />
        <Textarea label="Authorities" description="PEM of the authority that signed the servers' certificates. Empty: those that this machine trusts." placeholder="-----BEGIN CERTIFICATE-----" classNames={{ input: "mono" }} rows={3} {...text("ca")} />
        <SegmentedControl aria-label="Who looks people up" data={WAYS} disabled={fixed} value={form.way} onChange={(way) => set({ way: way === "person" ? "person" : "account" })} />
        {form.way === "account" ? (
          <>
            <TextInput label="Service account" description="May read people and groups, and nothing else." placeholder="cn=revkeep,ou=services,dc=corp,dc=example" required withAsterisk={false} {...text("bind_dn")} />
            <PasswordInput
              label="Password of the service account" {...text("bind_password")} autoComplete="new-password" placeholder={provider?.has_secret ? "Stored" : ""} visibilityToggleButtonProps={{ "aria-label": "Show the password of the service account" }}
              description={provider?.has_secret ? "One is stored, sealed by the vault. Type it again when the servers, the authorities or the account change." : "It is sealed by the vault and never shown again."}
            />
          </>
        ) : (
          <TextInput label="Bind name" description="{user} is what somebody types; only plain characters are let in." required withAsterisk={false} {...text("bind_template")} />
        )}
        <TextInput label="Base" description="People are looked for below it." placeholder="dc=corp,dc=example" required withAsterisk={false} {...text("base_dn")} />
        <TextInput label="Filter of people" description="{user} is what somebody types. Exactly one entry must fit." required withAsterisk={false} {...text("person_filter")} />
        <Select
          label="Known by" description={provider ? "Fixed: people are known by it." : "Stays with an entry that is renamed or moved."} data={SUBJECTS} allowDeselect={false} disabled={fixed || provider !== undefined}
          value={form.subject_attribute} error={beside("ldap.subject_attribute")} onChange={(value) => { if (value) set({ subject_attribute: value }); }}
        />
        <TextInput label="Attribute of the address" placeholder="mail" {...text("email_attribute")} />
        <TextInput label="Attribute of the name" placeholder="displayName, or else cn" {...text("name_attribute")} />
        <TextInput label="Attribute of the groups" description="Of the entry of a person." required withAsterisk={false} spellCheck={false} maxLength={200} disabled={fixed} value={form.groups_claim} error={beside("groups_claim")} onChange={(event) => set({ groups_claim: event.currentTarget.value })} />
        <TextInput label="Base of groups" description="To look for groups that name their members as well, nested ones in Active Directory among them. Empty: only the attribute counts." placeholder="ou=groups,dc=corp,dc=example" {...text("group_base_dn")} />
        {form.group_base_dn.trim() === "" ? null : <TextInput label="Filter of groups" description="{dn} is the person's entry." {...text("group_filter")} />}
        <RoleRules value={form.role_map} error={beside("role_map")} disabled={fixed} onChange={(role_map) => set({ role_map })} />
        <Text size="sm" c="dimmed">A group is written as its distinguished name, such as cn=sales,ou=groups,dc=corp,dc=example.</Text>
        <Newcomers checked={form.create_members} disabled={fixed} onChange={(create_members) => set({ create_members })} />
        {mayEdit ? <Buttons existing={provider !== undefined} saving={saving} ready={!ldapMissing(form, provider)} changed={ldapChanged(form, provider)} onUndo={() => setForm(ldapFormOf(provider))} /> : null}
      </Stack>
    </form>
  );
}
