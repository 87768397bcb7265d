// Webhooks of the organisation, and what came of each delivery.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api } from "../paths";
import { client } from "./client";
import type { Page } from "./types";

export interface Webhook {
  id: string; name: string; url: string;
  /** None: all. */
  events: string[];
  enabled: boolean; long_retries: boolean;
  state: "on" | "failing" | "off" | "stopped";
  stopped: string | null; failures: number; failing_since: string | null;
  /** Until when the secret before signs as well. */
  previous_until: string | null;
  version: number; created_at: string; updated_at: string;
}
export interface WebhookInput { name: string; url: string; events: string[]; enabled: boolean; long_retries: boolean; version?: number }
export interface WebhookMade extends Webhook { secret: string }
export interface Rotated { secret: string; previous_until: string | null }
export interface EventType { name: string; title: string }
export interface Attempt { delivered: boolean; status: number | null; code: string | null; milliseconds: number }
export interface Delivery {
  id: string; event: string; at: string; state: "waiting" | "delivered" | "failed"; attempts: number; next_at: string | null;
  status: number | null; code: string | null; tried_at: string | null; milliseconds: number | null; replays: number; body: string;
}
export interface DeliveryQuery { state?: string; event?: string }

const RENEWED = 5_000;

export const webhooksQuery = () => queryOptions({
  queryKey: ["webhooks", "list"],
  queryFn: async ({ signal }) => (await client.get<{ items: Webhook[] }>(api.webhooks(), { signal })).items,
  refetchInterval: RENEWED,
});

export const webhookEventsQuery = () => queryOptions({
  queryKey: ["webhooks", "events"],
  queryFn: async ({ signal }) => (await client.get<{ items: EventType[] }>(api.webhookEvents(), { signal })).items,
  staleTime: Infinity,
});

export const deliveriesQuery = (id: string, query: DeliveryQuery) => infiniteQueryOptions({
  queryKey: ["webhooks", "deliveries", id, query],
  queryFn: ({ pageParam, signal }) => client.get<Page<Delivery>>(api.webhookDeliveries(id, { ...query, cursor: pageParam, limit: 50 }), { signal }),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
  refetchInterval: RENEWED,
});

/** The webhook as it is, for a change of a part of it. */
export const inputOf = (webhook: Webhook): WebhookInput => ({
  name: webhook.name, url: webhook.url, events: webhook.events, enabled: webhook.enabled, long_retries: webhook.long_retries, version: webhook.version,
});
