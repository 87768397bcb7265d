// The frame of every page behind sign-in: top bar, navigation, live updates.
import { ActionIcon, Drawer, Menu } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { IconBook, IconCheck, IconChevronDown, IconHelp, IconKeyboard, IconMenu2, IconSearch } from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useRef } from "react";
import { Link, NavLink, Outlet, ScrollRestoration, useLocation, useNavigation } from "react-router";
import { gathered, listen } from "../api/live";
import { messageOf } from "../api/problem";
import { invalidateTopics, overviewQuery } from "../api/queries";
import { useSession, useSessionActions } from "../api/session";
import logo from "../assets/revkeep.svg";
import { helpHome } from "../lib/help";
import { path } from "../paths";
import { useToast } from "../ui/toast";
import { Banners, VisitBar } from "./banners";
import { HealthChip } from "./health-chip";
import { navFor } from "./nav";
import { Palette } from "./palette";
import { ProfileMenu } from "./profile-menu";
import css from "./shell.module.css";

const KeyboardHelp = lazy(() => import("./keyboard-help"));

/** While thousands of leads are routed, a page still renews itself once a second only. */
const LIVE_PAUSE_MS = 1_000;

export function Shell() {
  const [navOpen, nav] = useDisclosure(false);
  const [paletteOpen, palette] = useDisclosure(false);
  const [helpOpen, help] = useDisclosure(false);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  useHotkeys([["mod+K", palette.toggle], ["/", palette.open], ["?", help.open]]);
  useLiveUpdates();
  const closeNav = nav.close;
  useEffect(closeNav, [pathname, closeNav]);

  return (
    <>
      <a className={css["skip"]} href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to the page</a>
      <Banners />
      <header className={css["top"]}>
        <span className={css["burger"]}><ActionIcon size="lg" onClick={nav.toggle} aria-label="Navigation" aria-expanded={navOpen}><IconMenu2 size={20} aria-hidden /></ActionIcon></span>
        <Link className={css["brand"]} to={path.overview()} aria-label="Revkeep, to the overview">
          <img src={logo} width={26} height={26} alt="" /><span className={css["brandName"]}>Revkeep</span>
        </Link>
        <span className={css["divider"]} />
        <TenantSwitcher />
        <span className={css["grow"]} />
        <HealthChip />
        <button type="button" className={css["search"]} onClick={palette.open} aria-keyshortcuts="Control+K">
          <IconSearch size={16} aria-hidden /><span>Search or jump to</span><kbd>Ctrl K</kbd>
        </button>
        <HelpMenu onKeyboard={help.open} />
        <ProfileMenu />
      </header>
      <div className={css["frame"]}>
        <div className={css["side"]}><Navigation /></div>
        <main className={css["main"]} id="main" ref={main} tabIndex={-1}><Pending /><Outlet /></main>
      </div>
      <VisitBar />
      <Drawer opened={navOpen} onClose={nav.close} position="left" size={280} title="Revkeep" closeButtonProps={{ "aria-label": "Close navigation" }}>
        <Navigation />
      </Drawer>
      {paletteOpen ? <Palette onClose={palette.close} /> : null}
      <Suspense>
        {helpOpen ? <KeyboardHelp onClose={help.close} /> : null}
      </Suspense>
      <ScrollRestoration getKey={(location) => location.pathname} />
    </>
  );
}

function useLiveUpdates(): void {
  const queries = useQueryClient();
  const tenant = useSession().tenant.id;
  useEffect(() => listen(gathered((topics) => invalidateTopics(queries, topics), LIVE_PAUSE_MS)), [queries, tenant]);
}

/** Tells assistive technology that a page is on its way; sighted people see the old page stay. */
function Pending() {
  const { state } = useNavigation();
  return <span role="status" aria-live="polite" hidden={state === "idle"} aria-label={state === "idle" ? undefined : "Opening the page"} />;
}

function Navigation() {
  const session = useSession();
  const { data } = useQuery({ ...overviewQuery(), enabled: session.permissions.includes("overview_read") });
  const failing = data ? data.today.failed + data.today.given_up : 0;
  return (
    <nav className={css["nav"]} aria-label="Main">
      {navFor(session.permissions).map((section) => (
        <div key={section.title ?? "top"}>
          {section.title ? <p className={css["navTitle"]}>{section.title}</p> : null}
          <ul>
            {section.items.map(({ label, to, icon: Icon }) => (
              <li key={to}>
                <NavLink className={css["item"] ?? ""} to={to} end={to === path.overview()}>
                  <Icon size={17} stroke={1.7} aria-hidden />
                  {label}
                  {to === path.failures() && failing > 0 ? <em aria-label={`${failing} failing`}>{failing}</em> : null}
                </NavLink>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function HelpMenu({ onKeyboard }: { onKeyboard: () => void }) {
  return (
    <span className={css["help"]}>
      <Menu width={200}>
        <Menu.Target><ActionIcon aria-label="Help" size="lg"><IconHelp size={18} aria-hidden /></ActionIcon></Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component="a" href={helpHome} target="_blank" rel="noreferrer" leftSection={<IconBook size={16} aria-hidden />}>Documentation</Menu.Item>
          <Menu.Item leftSection={<IconKeyboard size={16} aria-hidden />} onClick={onKeyboard}>Keyboard</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </span>
  );
}

function TenantSwitcher() {
  const { tenant, tenants } = useSession();
  const { switchTenant } = useSessionActions();
  const toast = useToast();
  if (tenants.length < 2) return <span className={css["tenant"]} title={tenant.name}><span>{tenant.name}</span></span>;
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <button type="button" className={css["tenant"]} aria-label={`Organisation: ${tenant.name}. Switch`}>
          <span>{tenant.name}</span><IconChevronDown size={14} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown className={css["tenants"] ?? ""}>
        <Menu.Label>Organisations</Menu.Label>
        {tenants.map((other) => (
          <Menu.Item
            key={other.id}
            aria-current={other.id === tenant.id ? "true" : undefined}
            rightSection={other.id === tenant.id ? <IconCheck size={14} aria-label="Open now" /> : undefined}
            onClick={() => { if (other.id !== tenant.id) switchTenant(other.id).catch((error: unknown) => toast.failed(`Still in ${tenant.name}. ${messageOf(error)}`)); }}
          >
            {other.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
