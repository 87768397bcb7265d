import { convertCssVariables, DEFAULT_THEME, defaultCssVariablesResolver, mergeMantineTheme } from "@mantine/core";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { theme, variables } from "./src/theme.ts";

const THEME_ID = "virtual:theme.css";

/** Mantine's CSS variables as a file of the build, so that no style element is needed at run time. */
function themeCss(): Plugin {
  return {
    name: "revkeep-theme-css",
    resolveId: (id) => (id === THEME_ID ? `\0${THEME_ID}` : undefined),
    load(id) {
      if (id !== `\0${THEME_ID}`) return undefined;
      const merged = mergeMantineTheme(DEFAULT_THEME, theme);
      const base = defaultCssVariablesResolver(merged);
      const own = variables(merged);
      return convertCssVariables(
        {
          variables: { ...base.variables, ...own.variables },
          light: { "--mantine-color-scheme": "light", ...base.light, ...own.light },
          dark: { "--mantine-color-scheme": "dark", ...base.dark, ...own.dark },
        },
        ":root",
      );
    },
  };
}

export default defineConfig({
  plugins: [react(), themeCss()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // fonts and images come from 'self', never from data:
    chunkSizeWarningLimit: 700,
    manifest: true,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { "/api": { target: process.env["REVKEEP_URL"] ?? "https://127.0.0.1:8443", secure: false, changeOrigin: true } },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
