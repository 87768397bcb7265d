// The form of an OpenID provider, and what is sent of it. Pure.
import { inputOf, type OidcInput, type Provider, type RoleRule } from "../../api/sso";

export interface OidcForm {
  name: string; issuer: string; client_id: string; /** Empty: the stored one stays. */ secret: string; scopes: string; groups_claim: string;
  role_map: RoleRule[]; create_members: boolean;
}

export const NEW_FORM: OidcForm = {
  name: "", issuer: "", client_id: "", secret: "", scopes: "email profile", groups_claim: "groups", role_map: [], create_members: true,
};

export function formOf(provider: Provider | undefined): OidcForm {
  if (!provider) return NEW_FORM;
  const { name, issuer, client_id, groups_claim, role_map, create_members } = provider;
  return { name, issuer, client_id, secret: "", scopes: provider.scopes.join(" "), groups_claim, role_map, create_members };
}

/** A new provider begins switched off, so that nobody meets it before it is tested. */
export function oidcInput(form: OidcForm, provider: Provider | undefined): OidcInput {
  const common = {
    kind: "oidc" as const,
    name: form.name.trim(),
    issuer: form.issuer.trim(),
    client_id: form.client_id.trim(),
    scopes: form.scopes.split(/[\s,]+/).filter((scope) => scope !== "" && scope !== "openid"),
    groups_claim: form.groups_claim.trim(),
    role_map: form.role_map.map(({ group, roles }) => ({ group: group.trim(), roles })),
    create_members: form.create_members,
    ...(form.secret === "" ? {} : { client_secret: form.secret }),
  };
  return provider ? { ...inputOf(provider), ...common } : { ...common, enabled: false };
}

/** What has to be there before the server is asked. */
export function missing(form: OidcForm): boolean {
  return [form.name, form.issuer, form.client_id, form.groups_claim].some((text) => text.trim() === "")
    || form.role_map.some(({ group, roles }) => group.trim() === "" || roles.length === 0);
}

export const changed = (form: OidcForm, provider: Provider | undefined): boolean => JSON.stringify(form) !== JSON.stringify(formOf(provider));
