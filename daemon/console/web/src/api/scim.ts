// Provisioning (SCIM 2.0) as the API tells it: who may provision, how many people come by it, and what their groups give.
import { queryOptions } from "@tanstack/react-query";
import { api } from "../paths";
import { client } from "./client";
import type { Named } from "./types";

export type ScimTokenState = "active" | "expired" | "revoked";
export interface ScimToken {
  id: string; name: string; prefix: string; state: ScimTokenState; created_at: string; created_by: Named | null;
  expires_at: string | null; last_used_at: string | null;
}
export interface ScimTokenMade extends ScimToken { secret: string }
export interface ScimGroup { id: string; name: string; members: number; roles: string[] }
export interface Scim { base_url: string; tokens: ScimToken[]; users: number; groups: ScimGroup[]; last_request_at: string | null }

export const scimQuery = () => queryOptions({
  queryKey: ["scim"],
  queryFn: ({ signal }) => client.get<Scim>(api.scim(), { signal }),
});
