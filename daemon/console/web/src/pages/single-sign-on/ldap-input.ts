// The form of a directory, its presets, and what is sent of it. Pure.
import type { LdapInput, LdapSettings, Provider, RoleRule } from "../../api/sso";

export interface LdapForm {
  name: string; /** One a line. */ servers: string; ca: string;
  /** A service account looks people up, or they bind under their own name. */
  way: "account" | "person";
  bind_dn: string; /** Empty: the stored one stays. */ bind_password: string; bind_template: string;
  base_dn: string; person_filter: string; subject_attribute: string; email_attribute: string; name_attribute: string;
  groups_claim: string; group_base_dn: string; group_filter: string; role_map: RoleRule[]; create_members: boolean;
}

/** Attributes that stay with an entry when it is renamed or moved. */
export const SUBJECTS = [
  { value: "objectGUID", label: "objectGUID: Active Directory" },
  { value: "entryUUID", label: "entryUUID: OpenLDAP, ApacheDS, OpenDJ" },
  { value: "nsUniqueId", label: "nsUniqueId: 389 Directory Server" },
  { value: "ipaUniqueID", label: "ipaUniqueID: FreeIPA" },
  { value: "ibm-entryUUID", label: "ibm-entryUUID: IBM" },
];

export type Preset = "active_directory" | "openldap";

export const PRESETS: Record<Preset, Pick<LdapForm, "person_filter" | "subject_attribute" | "groups_claim" | "group_filter" | "bind_template">> = {
  active_directory: {
    person_filter: "(&(objectCategory=person)(objectClass=user)(sAMAccountName={user}))", subject_attribute: "objectGUID",
    groups_claim: "memberOf", group_filter: "(member:1.2.840.113556.1.4.1941:={dn})", bind_template: "{user}@corp.example",
  },
  openldap: {
    person_filter: "(&(objectClass=inetOrgPerson)(uid={user}))", subject_attribute: "entryUUID",
    groups_claim: "memberOf", group_filter: "(&(objectClass=groupOfNames)(member={dn}))", bind_template: "uid={user},ou=people,dc=corp,dc=example",
  },
};

export const NEW_LDAP: LdapForm = {
  name: "", servers: "", ca: "", way: "account", bind_dn: "", bind_password: "", base_dn: "", email_attribute: "", name_attribute: "",
  group_base_dn: "", role_map: [], create_members: true, ...PRESETS.active_directory,
};

/** A preset changes what depends on the product, and nothing that was typed of one's own network. */
export const withPreset = (form: LdapForm, preset: Preset): LdapForm => ({ ...form, ...PRESETS[preset] });

export const presetOf = ({ subject_attribute }: LdapForm): Preset => (subject_attribute === "objectGUID" ? "active_directory" : "openldap");

export function ldapFormOf(provider: Provider | undefined): LdapForm {
  if (!provider?.ldap) return NEW_LDAP;
  const { name, ldap, groups_claim, role_map, create_members } = provider;
  const preset = PRESETS[ldap.subject_attribute === "objectGUID" ? "active_directory" : "openldap"];
  return {
    name, servers: ldap.servers.join("\n"), ca: ldap.ca ?? "", way: ldap.bind_dn === null ? "person" : "account", bind_dn: ldap.bind_dn ?? "", bind_password: "",
    bind_template: ldap.bind_template ?? preset.bind_template, base_dn: ldap.base_dn, person_filter: ldap.person_filter, subject_attribute: ldap.subject_attribute,
    email_attribute: ldap.email_attribute ?? "", name_attribute: ldap.name_attribute ?? "", groups_claim, group_base_dn: ldap.group_base_dn ?? "",
    group_filter: ldap.group_filter ?? preset.group_filter, role_map, create_members,
  };
}

const orNull = (text: string): string | null => (text.trim() === "" ? null : text.trim());

const serversIn = (text: string): string[] => text.split(/[\s,]+/).filter((server) => server !== "");

/** A new provider begins switched off, so that nobody meets it before it is tested. */
export function ldapInput(form: LdapForm, provider: Provider | undefined): LdapInput {
  const account = form.way === "account";
  const base = orNull(form.group_base_dn);
  const ldap: LdapSettings = {
    servers: serversIn(form.servers), ca: orNull(form.ca), bind_dn: account ? orNull(form.bind_dn) : null, bind_template: account ? null : orNull(form.bind_template),
    base_dn: form.base_dn.trim(), person_filter: form.person_filter.trim(), subject_attribute: form.subject_attribute,
    email_attribute: orNull(form.email_attribute), name_attribute: orNull(form.name_attribute),
    group_base_dn: base, group_filter: base === null ? null : orNull(form.group_filter),
  };
  return {
    kind: "ldap",
    name: form.name.trim(),
    enabled: provider?.enabled ?? false,
    groups_claim: form.groups_claim.trim(),
    role_map: form.role_map.map(({ group, roles }) => ({ group: group.trim(), roles })),
    create_members: form.create_members,
    ldap: { ...ldap, ...(account && form.bind_password !== "" ? { bind_password: form.bind_password } : {}) },
    ...(provider ? { version: provider.version } : {}),
  };
}

export function ldapMissing(form: LdapForm, provider: Provider | undefined): boolean {
  const bind = form.way === "person" ? [form.bind_template] : [form.bind_dn, provider?.has_secret ? "stored" : form.bind_password];
  return [form.name, form.servers, form.base_dn, form.person_filter, form.groups_claim, ...bind].some((text) => text.trim() === "")
    || form.role_map.some(({ group, roles }) => group.trim() === "" || roles.length === 0);
}

export const ldapChanged = (form: LdapForm, provider: Provider | undefined): boolean => JSON.stringify(form) !== JSON.stringify(ldapFormOf(provider));
