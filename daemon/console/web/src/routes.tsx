// The pages and their addresses. Each page is its own chunk, loaded when it is first opened.
import type { ComponentType } from "react";
import { createBrowserRouter, type RouteObject } from "react-router";
import { PageFault } from "./shell/page-fault";
import { Root } from "./shell/root";
import { Shell } from "./shell/shell";

type Loaded = Promise<{ Page: ComponentType }>;

function page(path: string, load: () => Loaded): RouteObject {
  return { path, lazy: async () => ({ Component: (await load()).Page }) };
}

export const router = createBrowserRouter([
  {
    Component: Root,
    ErrorBoundary: PageFault,
    HydrateFallback: () => null,
    children: [
      page("/sign-in", () => import("./pages/sign-in/sign-in")),
      page("/setup", () => import("./pages/setup")),
      page("/reset", () => import("./pages/password/reset")),
      page("/invitation", () => import("./pages/joining/invitation")),
      page("/sso/oidc", () => import("./pages/sso/oidc")),
      page("/sso/saml", () => import("./pages/sso/saml")),
      page("/erasure", () => import("./pages/data/certificate")),
      page("/sign-up", () => import("./pages/joining/sign-up")),
      page("/sign-up/complete", () => import("./pages/joining/sign-up-complete")),
      {
        Component: Shell,
        children: [
          {
            ErrorBoundary: PageFault,
            children: [
              page("/", () => import("./pages/overview/overview")),
              page("/routing/rules/:id?", () => import("./pages/rules/rules")),
              page("/routing/territories", () => import("./pages/territories/territories")),
              page("/routing/pools/:id?", () => import("./pages/pools/pools")),
              page("/routing/reps/:rep", () => import("./pages/pools/pools")),
              page("/routing/holidays/:id?", () => import("./pages/holidays/holidays")),
              page("/routing/log/:id?", () => import("./pages/log/log")),
              page("/routing/failures", () => import("./pages/failures/failures")),
              page("/records/:id", () => import("./pages/record/record")),
              page("/machines/data-layer", () => import("./pages/layer/layer")),
              page("/settings/connections", () => import("./pages/connections/connections")),
              page("/connect/salesforce", () => import("./pages/connections/return")),
              page("/trust/audit-log/:id?", () => import("./pages/audit/own")),
              page("/appliance/audit-log/:id?", () => import("./pages/audit/whole")),
              page("/appliance/jobs", () => import("./pages/jobs/jobs")),
              page("/account", () => import("./pages/account/profile")),
              page("/account/password", () => import("./pages/account/password")),
              page("/account/factors", () => import("./pages/account/factors")),
              page("/account/sessions", () => import("./pages/account/sessions")),
              page("/account/programs", () => import("./pages/account/programs")),
              page("/authorize", () => import("./pages/account/authorize")),
              page("/device", () => import("./pages/account/device")),
              page("/people/invitations", () => import("./pages/people/invitations")),
              page("/people/:id?", () => import("./pages/people/people")),
              page("/settings/data", () => import("./pages/data/data")),
              page("/settings/organisation", () => import("./pages/organisation/organisation")),
              page("/settings/single-sign-on/provisioning", () => import("./pages/single-sign-on/provisioning")),
              page("/settings/single-sign-on/:id?", () => import("./pages/single-sign-on/single-sign-on")),
              page("/settings/webhooks/:id?", () => import("./pages/webhooks/webhooks")),
              page("/settings/log-streams/:id?", () => import("./pages/log-streams/log-streams")),
              page("/appliance/log-streams/:id?", () => import("./pages/log-streams/appliance")),
              page("/api-keys/:id/requests", () => import("./pages/api-keys/requests")),
              page("/api-keys", () => import("./pages/api-keys/api-keys")),
              page("/machines/programs", () => import("./pages/programs/programs")),
              page("/machines/proposals", () => import("./pages/proposals/proposals")),
              page("/appliance/tenants", () => import("./pages/tenants/tenants")),
              page("/appliance/single-sign-on/:id?", () => import("./pages/appliance-sso/appliance-sso")),
              page("/appliance/signing-keys", () => import("./pages/signing-keys/signing-keys")),
              page("/appliance/system", () => import("./pages/system/system")),
              page("/appliance/controls", () => import("./pages/controls/controls")),
              page("*", () => import("./pages/not-found")),
            ],
          },
        ],
      },
    ],
  },
]);
