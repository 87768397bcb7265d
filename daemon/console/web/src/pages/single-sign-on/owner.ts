// Whose providers a page is about: the organisation's own, or those of the appliance. The same panels and forms serve both.
import { createContext, useContext } from "react";
import type { ProviderKind } from "../../api/sso";
import { api, path } from "../../paths";

export interface Owner {
  appliance: boolean;
  providers(): string;
  provider(id: string): string;
  providerTest(id: string): string;
  directoryTest(id: string): string;
  samlMetadata(): string;
  domains(): string;
  domain(domain: string): string;
  page(): string;
  providerPage(id: string): string;
  providerNewPage(kind: ProviderKind): string;
}

export const TENANT: Owner = {
  appliance: false, providers: api.ssoProviders, provider: api.ssoProvider, providerTest: api.ssoProviderTest, directoryTest: api.ssoProviderTestDirectory, samlMetadata: api.ssoSamlMetadata, domains: api.ssoDomains, domain: api.ssoDomain,
  page: path.singleSignOn, providerPage: path.ssoProvider, providerNewPage: path.ssoProviderNew,
};

export const APPLIANCE: Owner = {
  appliance: true, providers: api.platformSsoProviders, provider: api.platformSsoProvider, providerTest: api.platformSsoProviderTest, directoryTest: api.platformSsoProviderTestDirectory,
  samlMetadata: api.platformSsoSamlMetadata, domains: api.platformSsoDomains, domain: api.platformSsoDomain, page: path.applianceSso, providerPage: path.applianceSsoProvider, providerNewPage: path.applianceSsoProviderNew,
};

export const OwnerContext = createContext(TENANT);
export const useOwner = (): Owner => useContext(OwnerContext);

/** A provider of the appliance makes no members and gives no roles, whatever a form holds. */
export function ownedBy<T extends { create_members: boolean; role_map: unknown[] }>(owner: Owner, input: T): T {
  return owner.appliance ? { ...input, create_members: false, role_map: [] } : input;
}
