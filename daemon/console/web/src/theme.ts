// The one theme: neutral greys with one accent. vite.config.ts turns it into a style sheet at build time, because
// the content security policy admits no style element and Mantine would otherwise insert one.
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const accent: MantineColorsTuple = [
  "#eef0fd", "#dde1fa", "#bcc3f4", "#99a3ee", "#7b87e6", "#5f6bdb", "#4650c8", "#3b44ae", "#313991", "#282f75",
];
const gray: MantineColorsTuple = [
  "#f8f9fa", "#f1f3f5", "#e7eaed", "#dadee3", "#c4cad1", "#9aa2ac", "#666e79", "#4a515b", "#31363e", "#1d2126",
];
const dark: MantineColorsTuple = [
  "#e3e6ea", "#b4bac3", "#949ca7", "#666e79", "#3b414a", "#2d3239", "#22262c", "#191c21", "#131519", "#0c0e11",
];

export const theme = createTheme({
  primaryColor: "accent",
  primaryShade: { light: 6, dark: 5 },
  colors: { accent, gray, dark },
  fontFamily: "'Arimo Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace",
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "20px" },
  headings: {
    fontWeight: "650",
    sizes: {
      h1: { fontSize: "22px", lineHeight: "1.3" },
      h2: { fontSize: "16px", lineHeight: "1.4" },
      h3: { fontSize: "14px", lineHeight: "1.4" },
    },
  },
  defaultRadius: "sm",
  radius: { xs: "4px", sm: "6px", md: "8px", lg: "12px", xl: "16px" },
  spacing: { xs: "8px", sm: "12px", md: "16px", lg: "24px", xl: "32px" },
  respectReducedMotion: true,
  cursorType: "pointer",
  components: {
    // The scroll lock of overlays would insert a style element; the overlay itself keeps the page from being used.
    Modal: { defaultProps: { lockScroll: false, centered: true, radius: "md", overlayProps: { backgroundOpacity: 0.45 } } },
    Drawer: { defaultProps: { lockScroll: false, position: "right", overlayProps: { backgroundOpacity: 0.2 } } },
    // Their heads are <header> elements, which outside of the page's own sections would each count as its banner.
    ModalHeader: { defaultProps: { role: "presentation" } },
    DrawerHeader: { defaultProps: { role: "presentation" } },
    Button: { defaultProps: { size: "sm" } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray" } },
    TextInput: { defaultProps: { size: "sm" } },
    Select: { defaultProps: { size: "sm", checkIconPosition: "right" } },
    Checkbox: { defaultProps: { radius: "xs" } },
    // Nothing but items stands in a menu: the first is focused, not an empty box before it.
    Menu: { defaultProps: { shadow: "md", position: "bottom-end", withInitialFocusPlaceholder: false } },
  },
});

/** Readable (AA) replacements for the defaults, and the names of our own surfaces and statuses. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f7f8f9",
    "--mantine-color-text": "#1d2126",
    "--mantine-color-dimmed": "#59616c",
    "--mantine-color-placeholder": "#666e79",
    "--mantine-color-error": "#b3261e",
    "--mantine-color-default-border": "#d3d8de",
    "--mantine-color-anchor": "#3b44ae",
    "--rk-surface": "#ffffff",
    "--rk-sunken": "#f1f3f5",
    "--rk-line": "#e4e7eb",
    "--rk-hover": "#f3f4f7",
    "--rk-selected": "#eef0fd",
    "--rk-focus": "#4650c8", "--rk-visit": "#7a3a00",
    "--rk-ok": "#1a6b3c", "--rk-ok-bg": "#e3f4ea",
    "--rk-info": "#234f9e", "--rk-info-bg": "#e6effc",
    "--rk-warn": "#7a4a00", "--rk-warn-bg": "#fdf1d8",
    "--rk-bad": "#a3231b", "--rk-bad-bg": "#fdeae8",
    "--rk-idle": "#4a515b", "--rk-idle-bg": "#eceff2",
    "--rk-chart-1": "#4650c8", "--rk-chart-2": "#c2571a", "--rk-chart-grid": "#e4e7eb",
  },
  dark: {
    "--mantine-color-body": "#131519",
    "--mantine-color-text": "#e3e6ea",
    "--mantine-color-dimmed": "#a3abb6",
    "--mantine-color-placeholder": "#949ca7",
    "--mantine-color-error": "#ff9a92",
    "--mantine-color-default-border": "#3b414a",
    "--mantine-color-default": "#1f2329",
    "--mantine-color-anchor": "#a8b1f3",
    "--mantine-color-accent-light-color": "#bcc3f4",
    "--rk-surface": "#191c21",
    "--rk-sunken": "#0f1114",
    "--rk-line": "#2b3038",
    "--rk-hover": "#20242a",
    "--rk-selected": "#262b4b",
    "--rk-focus": "#99a3ee", "--rk-visit": "#7a3a00",
    "--rk-ok": "#7fd8a2", "--rk-ok-bg": "#12301f",
    "--rk-info": "#9cc0ff", "--rk-info-bg": "#16284a",
    "--rk-warn": "#f0c36a", "--rk-warn-bg": "#352808",
    "--rk-bad": "#ffa39c", "--rk-bad-bg": "#431917",
    "--rk-idle": "#b4bac3", "--rk-idle-bg": "#2a2f36",
    "--rk-chart-1": "#8f9aee", "--rk-chart-2": "#f08c4b", "--rk-chart-grid": "#2b3038",
  },
});
