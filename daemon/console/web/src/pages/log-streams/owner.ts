// Whose log the page is about: the organisation's own, or the appliance's whole. The same panels and forms serve both.
import { createContext, useContext } from "react";
import type { Transport } from "../../api/siem";
import { api, path } from "../../paths";

export interface Owner {
  appliance: boolean;
  transports: Transport[];
  targets(): string;
  target(id: string): string;
  test(id: string): string;
  page(): string;
  targetPage(id: string): string;
}

const NETWORK: Transport[] = ["syslog_tls", "relp_tls", "https", "relp", "syslog_tcp", "syslog_udp"];

export const TENANT: Owner = {
  appliance: false, transports: NETWORK, targets: api.siemTargets, target: api.siemTarget, test: api.siemTargetTest, page: path.logStreams, targetPage: path.logStream,
};
export const APPLIANCE: Owner = {
  appliance: true, transports: [...NETWORK, "file", "journal"], targets: api.platformSiemTargets, target: api.platformSiemTarget, test: api.platformSiemTargetTest,
  page: path.applianceLogStreams, targetPage: path.applianceLogStream,
};

export const OwnerContext = createContext(TENANT);
export const useOwner = (): Owner => useContext(OwnerContext);
