// What Revkeep has to know of a SAML provider: its metadata, or the few things in it; and what it is called there.
import { SegmentedControl, Stack, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Certificate, SamlSettings } from "../../api/sso";
import { Time, useNow } from "../../ui/facts";
import { Notice, Status } from "../../ui/status";
import { Copies } from "./copies";
import { Buttons, Newcomers } from "./form-parts";
import { useOwner } from "./owner";
import { RoleRules } from "./role-rules";
import { SamlFetch } from "./saml-fetch";
import { certificateStanding, filledFrom, samlChanged, samlFormOf, samlInput, samlMissing, type SamlForm as Form } from "./saml-input";
import css from "./single-sign-on.module.css";
import { type FormProps, useSaveProvider } from "./use-save-provider";

const WAYS = [{ value: "metadata", label: "Metadata" }, { value: "fields", label: "Fields" }];
const FIELDS = ["name", "saml.metadata", "saml.issuer", "saml.sign_in_url", "saml.sign_out_url", "saml.certificates", "saml.email_attribute", "saml.name_attribute", "groups_claim", "role_map"];

export function SamlForm(props: FormProps) {
  const { provider, mayEdit } = props;
  const owner = useOwner();
  const [form, setForm] = useState(() => samlFormOf(provider));
  const set = (part: Partial<Form>) => setForm((old) => ({ ...old, ...part }));
  const { save, saving, beside, problem } = useSaveProvider(props, FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save(samlInput(form, provider));
  };
  const fixed = !mayEdit || saving;
  const text = (key: "issuer" | "sign_in_url" | "sign_out_url" | "email_attribute" | "name_attribute") => ({
    disabled: fixed, spellCheck: false, value: form[key], error: beside(`saml.${key}`), onChange: (event: { currentTarget: { value: string } }) => set({ [key]: event.currentTarget.value }),
  });
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {provider?.saml ? <Addresses saml={provider.saml} /> : (
          <Notice tone="info" title="The provider's side first">Make a SAML application there, with placeholders for Revkeep's addresses, and bring its metadata. The addresses themselves stand here as soon as this is saved.</Notice>
        )}
        {problem ? <Notice tone="bad" title="Not saved">{problem}</Notice> : null}
        <TextInput label="Name" description="People see it on the sign-in page: Continue with …" placeholder="Acme account" maxLength={100} required withAsterisk={false} disabled={fixed} value={form.name} error={beside("name")} onChange={(event) => set({ name: event.currentTarget.value })} />
        <SegmentedControl aria-label="What you know of the provider" data={WAYS} disabled={fixed} value={form.way} onChange={(way) => set({ way: way === "metadata" ? "metadata" : "fields" })} />
        {mayEdit ? <SamlFetch disabled={fixed} onFound={(found) => set(filledFrom(found))} /> : null}
        {form.way === "metadata" ? (
          <Textarea
            label="Metadata of the provider" description="The XML as the provider publishes it. Revkeep reads it without contacting anybody." placeholder="<EntityDescriptor …" classNames={{ input: "mono" }}
            rows={8} spellCheck={false} disabled={fixed} value={form.metadata} error={beside("saml.metadata")} onChange={(event) => set({ metadata: event.currentTarget.value })}
          />
        ) : (
          <>
            <TextInput label="Entity id of the provider" description={provider ? "Fixed: people are known by it. Another entity id is another provider." : undefined} readOnly={provider !== undefined} {...text("issuer")} />
            <TextInput label="Sign-in address" description="HTTP-Redirect binding." type="url" {...text("sign_in_url")} />
            <TextInput label="Sign-out address" description="Where there is one." type="url" {...text("sign_out_url")} />
            <Textarea
              label="Certificates" description="PEM or base64. Several while the provider changes its key. Each is trusted until you take it out, whatever its date." classNames={{ input: "mono" }} rows={5} spellCheck={false} disabled={fixed}
              value={form.certificates} error={beside("saml.certificates")} onChange={(event) => set({ certificates: event.currentTarget.value })}
            />
          </>
        )}
        {provider?.saml ? <Certificates certificates={provider.saml.certificates} /> : null}
        <TextInput label="Attribute of the address" description="Empty: the usual names are tried." {...text("email_attribute")} />
        <TextInput label="Attribute of the name" description="Empty: the usual names are tried." {...text("name_attribute")} />
        <TextInput label="Attribute of the groups" required withAsterisk={false} spellCheck={false} maxLength={200} disabled={fixed} value={form.groups_claim} error={beside("groups_claim")} onChange={(event) => set({ groups_claim: event.currentTarget.value })} />
        {owner.appliance ? null : <RoleRules value={form.role_map} error={beside("role_map")} disabled={fixed} onChange={(role_map) => set({ role_map })} />}
        {owner.appliance ? null : <Newcomers checked={form.create_members} disabled={fixed} onChange={(create_members) => set({ create_members })} />}
        {mayEdit ? <Buttons existing={provider !== undefined} saving={saving} ready={!samlMissing(form)} changed={samlChanged(form, provider)} onUndo={() => setForm(samlFormOf(provider))} /> : null}
      </Stack>
    </form>
  );
}

function Addresses({ saml }: { saml: SamlSettings }) {
  return (
    <section className={css["part"]} aria-label="At the provider">
      <h3>At the provider</h3>
      <p>Enter these there, or give it the metadata address.</p>
      <Copies items={[
        { label: "Entity id (audience)", value: saml.entity_id },
        { label: "Assertion consumer service (reply URL)", value: saml.acs_url },
        { label: "Metadata", value: saml.metadata_url },
      ]} />
    </section>
  );
}

const STANDING_WORDS = { good: "Good", soon: "Ends soon", over: "Over, still trusted" };

function Certificates({ certificates }: { certificates: Certificate[] }) {
  const now = useNow();
  return (
    <ul className={css["certificates"]} aria-label="Certificates of the provider">
      {certificates.map((certificate) => {
        const standing = certificateStanding(certificate, now);
        return (
          <li key={certificate.fingerprint}>
            <strong>{certificate.subject}</strong> <Status tone={standing === "good" ? "ok" : "warn"}>{STANDING_WORDS[standing]}</Status>
            <small>{standing === "over" ? "Ended" : "Ends"} <Time at={certificate.not_after} due />. SHA-256 <span className="mono">{certificate.fingerprint.slice(0, 16)}…</span></small>
          </li>
        );
      })}
    </ul>
  );
}
