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
      page("/sign-in", () => import("./pages/sign-in")),
      page("/setup", () => import("./pages/setup")),
      {
        Component: Shell,
        children: [
          {
            ErrorBoundary: PageFault,
            children: [
              page("/", () => import("./pages/overview/overview")),
              page("/routing/rules/:id?", () => import("./pages/rules/rules")),
              page("/routing/pools/:id?", () => import("./pages/pools/pools")),
              page("/routing/log/:id?", () => import("./pages/log/log")),
              page("/routing/failures", () => import("./pages/failures/failures")),
              page("/records/:id", () => import("./pages/record/record")),
              page("/machines/data-layer", () => import("./pages/layer/layer")),
              page("/settings/connections", () => import("./pages/connections/connections")),
              page("/connect/salesforce", () => import("./pages/connections/return")),
              page("/appliance/jobs", () => import("./pages/jobs/jobs")),
              page("/me", () => import("./pages/me")),
              page("*", () => import("./pages/not-found")),
            ],
          },
        ],
      },
    ],
  },
]);
