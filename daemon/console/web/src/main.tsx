import "@mantine/core/styles.css";
import "virtual:theme.css";
import "./global.css";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router";
import { Problem } from "./api/problem";
import { SessionProvider } from "./api/session";
import { router } from "./routes";
import { StepUpHost } from "./shell/step-up-host";
import { theme } from "./theme";
import { ToastProvider } from "./ui/toast";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // An answer that says no will say no again; only silence and overload are worth another try.
      retry: (tries, error) => tries < 2 && !(error instanceof Problem && error.status < 500),
    },
  },
});

const root = document.querySelector("#root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
        <QueryClientProvider client={queries}>
          <SessionProvider>
            <ToastProvider>
              <RouterProvider router={router} />
              <StepUpHost />
            </ToastProvider>
          </SessionProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
