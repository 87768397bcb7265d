// Single sign-on as the API tells it: where an address leads, the organisation's identity providers and mail domains.
import { queryOptions } from "@tanstack/react-query";
import { api } from "../paths";
import { client } from "./client";

/** The same for a domain that is nobody's and for one without single sign-on. */
export interface Discovery { sso: boolean; provider: string | null; kind: ProviderKind | null; name: string | null; only: boolean }
/** Where a sign-in goes on: at the provider, or here with the name and password of a directory. */
export type Started = { authorize_url: string } | { directory: string };

export type ProviderKind = "oidc" | "saml" | "ldap";
export interface RoleRule { group: string; roles: string[] }
export interface MailDomain { domain: string; verified: boolean; verified_at: string | null }
export interface Provider {
  id: string; kind: ProviderKind; name: string; enabled: boolean; issuer: string; client_id: string; has_secret: boolean; scopes: string[];
  groups_claim: string; role_map: RoleRule[]; create_members: boolean; domains: MailDomain[]; redirect_uri: string; version: number;
  created_at: string; updated_at: string;
  /** Of one that speaks SAML; its entity id is the issuer. */
  saml?: SamlSettings | null;
  /** Of a directory. */
  ldap?: LdapSettings | null;
}
/** `certificate` is DER in base64. */
export interface Certificate { certificate: string; subject: string; not_after: string; fingerprint: string }
export interface SamlSettings {
  sign_in_url: string; sign_out_url: string | null; certificates: Certificate[]; email_attribute: string | null; name_attribute: string | null;
  /** What Revkeep is called at the provider. */
  entity_id: string; acs_url: string; metadata_url: string;
}
/** A directory is asked as a service account (`bind_dn`) or as the people themselves (`bind_template`). */
export interface LdapSettings {
  servers: string[]; /** PEM. */ ca: string | null; bind_dn: string | null; bind_template: string | null; base_dn: string; person_filter: string;
  subject_attribute: string; email_attribute: string | null; name_attribute: string | null; group_base_dn: string | null; group_filter: string | null;
}
interface Common { name: string; enabled: boolean; groups_claim: string; role_map: RoleRule[]; create_members: boolean; version?: number }
/** What is sent; without a secret the stored one stays. */
export interface OidcInput extends Common { kind: "oidc"; issuer: string; client_id: string; client_secret?: string; scopes: string[] }
/** Metadata stands for the addresses and the certificates in it. */
export interface SamlInput extends Common {
  kind: "saml";
  saml: { metadata?: string; issuer?: string; sign_in_url?: string; sign_out_url?: string | null; certificates?: string[]; email_attribute: string | null; name_attribute: string | null };
}
/** Without a password the stored one stays. */
export interface LdapInput extends Common { kind: "ldap"; ldap: LdapSettings & { bind_password?: string } }
export type ProviderInput = OidcInput | SamlInput | LdapInput;
/** What an OpenID provider says of itself; of a SAML provider, what is set. */
export interface Probe { issuer: string; authorization_endpoint: string; token_endpoint: string | null; keys: number; logout: boolean }
/** What was tried of a directory, in order, up to the step that failed. */
export interface DirectoryProbe {
  steps: { step: string; code: string | null; message: string | null }[];
  person: { subject: string; email: string | null; name: string | null; groups: string[] } | null;
}
export interface SsoSettings { only: boolean }
/** What stands at the address of a SAML provider's metadata. */
export interface FoundMetadata { issuer: string; sign_in_url: string; sign_out_url: string | null; certificates: Certificate[] }
/** The appliance's providers as an organisation meets them. */
export interface ApplianceSso { providers: { id: string; kind: ProviderKind; name: string }[]; allowed: boolean; /** Allowed, and no provider of its own is enabled. */ opens: boolean }
/** Whom a provider of the appliance says that a super_admin is, to be confirmed. */
export interface Claim { provider: string; provider_name: string; issuer: string; subject: string; email: string | null }
export interface Link { provider: string; issuer: string; subject: string; confirmed_at: string; last_used_at: string }
export interface ApplianceProviders { items: Provider[]; /** Organisations that nothing else opens. */ relied_on_by: number }
export interface WaitingDomain { tenant: string; tenant_name: string; domain: string; created_at: string }

export const providersQuery = () => queryOptions({
  queryKey: ["sso", "providers"],
  queryFn: async ({ signal }) => (await client.get<{ items: Provider[] }>(api.ssoProviders(), { signal })).items,
});

export const ssoSettingsQuery = () => queryOptions({
  queryKey: ["sso", "settings"],
  queryFn: ({ signal }) => client.get<SsoSettings>(api.ssoSettings(), { signal }),
});

export const applianceSsoQuery = () => queryOptions({
  queryKey: ["sso", "appliance"],
  queryFn: ({ signal }) => client.get<ApplianceSso>(api.ssoAppliance(), { signal }),
});

export const applianceProvidersQuery = () => queryOptions({
  queryKey: ["sso", "appliance-providers"],
  queryFn: ({ signal }) => client.get<ApplianceProviders>(api.platformSsoProviders(), { signal }),
});

export const linksQuery = () => queryOptions({
  queryKey: ["sso", "links"],
  queryFn: async ({ signal }) => (await client.get<{ items: Link[] }>(api.platformSsoLinks(), { signal })).items,
});

export const waitingDomainsQuery = () => queryOptions({
  queryKey: ["platform-sso-domains"],
  queryFn: async ({ signal }) => (await client.get<{ items: WaitingDomain[] }>(api.platformSsoDomains(), { signal })).items,
});

/** What a change of a provider is made from: all that it is, without what only the server says. */
export function inputOf({ name, enabled, issuer, client_id, scopes, groups_claim, role_map, create_members, version, saml, ldap }: Provider): ProviderInput {
  const common = { name, enabled, groups_claim, role_map, create_members, version };
  if (ldap) return { kind: "ldap", ...common, ldap };
  if (!saml) return { kind: "oidc", ...common, issuer, client_id, scopes };
  const { sign_in_url, sign_out_url, email_attribute, name_attribute } = saml;
  return { kind: "saml", ...common, saml: { issuer, sign_in_url, sign_out_url, certificates: saml.certificates.map(({ certificate }) => certificate), email_attribute, name_attribute } };
}
