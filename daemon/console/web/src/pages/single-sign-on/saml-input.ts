// The form of a SAML provider, and what is sent of it. Pure.
import type { Certificate, FoundMetadata, Provider, RoleRule, SamlInput } from "../../api/sso";

export interface SamlForm {
  name: string;
  /** Metadata stands for the four after it. */
  way: "metadata" | "fields";
  metadata: string; issuer: string; sign_in_url: string; sign_out_url: string; certificates: string;
  email_attribute: string; name_attribute: string; groups_claim: string; role_map: RoleRule[]; create_members: boolean;
}

const NEW_FORM: SamlForm = {
  name: "", way: "metadata", metadata: "", issuer: "", sign_in_url: "", sign_out_url: "", certificates: "",
  email_attribute: "", name_attribute: "", groups_claim: "groups", role_map: [], create_members: true,
};

export function samlFormOf(provider: Provider | undefined): SamlForm {
  if (!provider?.saml) return NEW_FORM;
  const { name, issuer, saml, groups_claim, role_map, create_members } = provider;
  return {
    name, way: "fields", metadata: "", issuer, sign_in_url: saml.sign_in_url, sign_out_url: saml.sign_out_url ?? "",
    certificates: saml.certificates.map(({ certificate }) => certificate).join("\n\n"),
    email_attribute: saml.email_attribute ?? "", name_attribute: saml.name_attribute ?? "", groups_claim, role_map, create_members,
  };
}

/** What was found at an address, in the fields, to be looked at before it is saved. */
export const filledFrom = ({ issuer, sign_in_url, sign_out_url, certificates }: FoundMetadata): Partial<SamlForm> => ({
  way: "fields", metadata: "", issuer, sign_in_url, sign_out_url: sign_out_url ?? "", certificates: certificates.map(({ certificate }) => certificate).join("\n\n"),
});

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** PEM blocks in a row, or base64 with empty lines between. */
export function certificatesIn(text: string): string[] {
  const blocks = text.match(PEM) ?? text.split(/\n\s*\n/);
  return blocks.map((block) => block.trim()).filter((block) => block !== "");
}

const orNull = (text: string): string | null => (text.trim() === "" ? null : text.trim());

/** A new provider begins switched off, so that nobody meets it before it is looked at. */
export function samlInput(form: SamlForm, provider: Provider | undefined): SamlInput {
  const attributes = { email_attribute: orNull(form.email_attribute), name_attribute: orNull(form.name_attribute) };
  return {
    kind: "saml",
    name: form.name.trim(),
    enabled: provider?.enabled ?? false,
    groups_claim: form.groups_claim.trim(),
    role_map: form.role_map.map(({ group, roles }) => ({ group: group.trim(), roles })),
    create_members: form.create_members,
    saml: form.way === "metadata"
      ? { metadata: form.metadata, ...attributes }
      : { issuer: form.issuer.trim(), sign_in_url: form.sign_in_url.trim(), sign_out_url: orNull(form.sign_out_url), certificates: certificatesIn(form.certificates), ...attributes },
    ...(provider ? { version: provider.version } : {}),
  };
}

export function samlMissing(form: SamlForm): boolean {
  const needed = form.way === "metadata" ? [form.metadata] : [form.issuer, form.sign_in_url, form.certificates];
  return [form.name, form.groups_claim, ...needed].some((text) => text.trim() === "")
    || form.role_map.some(({ group, roles }) => group.trim() === "" || roles.length === 0);
}

export const samlChanged = (form: SamlForm, provider: Provider | undefined): boolean => JSON.stringify(form) !== JSON.stringify(samlFormOf(provider));

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;

/** How a certificate's date stands. It is trusted until it is taken out; its end only tells when the provider will have changed. */
export function certificateStanding({ not_after }: Pick<Certificate, "not_after">, now: number): "good" | "soon" | "over" {
  const left = new Date(not_after).getTime() - now;
  return left <= 0 ? "over" : left < SOON_DAYS * DAY_MS ? "soon" : "good";
}
