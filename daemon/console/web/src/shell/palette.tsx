// Ctrl-K: pages, commands, rules, reps, and any Salesforce record id. A combobox over one list box.
import { useMantineColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconArrowRight, IconBook, IconBuilding, IconFileSearch, IconListSearch, IconLogout, IconMoon, IconPlus, IconRoute, IconShieldLock, IconTerminal2, IconUser } from "@tabler/icons-react";
import { type ComponentType, type KeyboardEvent, useId, useState } from "react";
import { useNavigate } from "react-router";
import { messageOf } from "../api/problem";
import { repsQuery, rulesQuery } from "../api/queries";
import { useSession, useSessionActions } from "../api/session";
import type { Named, Rep, Rule, SessionInfo } from "../api/types";
import { helpHome, helpSearch } from "../lib/help";
import { path } from "../paths";
import { useToast } from "../ui/toast";
import { navFor } from "./nav";
import css from "./shell.module.css";

interface Entry { key: string; label: string; kind: string; words: string; icon: ComponentType<{ size?: number; "aria-hidden"?: boolean }>; to?: string; run?(): void }

/** Salesforce record ids have 15 or 18 letters and digits. */
const RECORD_ID = /^[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?$/;

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const listId = useId();
  const navigate = useNavigate();
  const entries = useEntries(text.trim());
  const active = Math.min(at, entries.length - 1);

  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    entry.run?.();
    if (entry.to) void navigate(entry.to);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = active + (event.key === "ArrowDown" ? 1 : -1);
      setAt((next + entries.length) % Math.max(1, entries.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(entries[active]);
    }
  };

  return (
    <dialog
      className={css["palette"]}
      aria-label="Search or jump to"
      // The browser's own modal: it takes the focus at once, so that no key after Ctrl-K is lost.
      ref={(node) => { if (node && !node.open) node.showModal(); }}
      onClose={onClose}
      onPointerDown={(event) => { if (event.target === event.currentTarget) onClose(); }}
    >
      <input
        className={css["paletteInput"]}
        autoFocus
        role="combobox"
        aria-label="Search or jump to"
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={entries[active] ? `${listId}-${active}` : undefined}
        placeholder="A page, a rule, a rep, a record id, or words to find in the log"
        value={text}
        onChange={(event) => { setText(event.currentTarget.value); setAt(0); }}
        onKeyDown={onKeyDown}
      />
      <div className={css["paletteList"]} id={listId} role="listbox" aria-label="Results">
        {entries.map((entry, index) => {
          const Icon = entry.icon;
          return (
            <div
              key={entry.key}
              id={`${listId}-${index}`}
              role="option"
              aria-selected={index === active}
              tabIndex={-1}
              className={css["option"]}
              ref={(node) => { if (index === active) node?.scrollIntoView({ block: "nearest" }); }}
              onPointerMove={() => setAt(index)}
              onClick={() => choose(entry)}
              onKeyDown={onKeyDown}
            >
              <Icon size={16} aria-hidden />{entry.label}<small>{entry.kind}</small>
            </div>
          );
        })}
      </div>
    </dialog>
  );
}

function useEntries(text: string): Entry[] {
  const session = useSession();
  const { signOut, switchTenant } = useSessionActions();
  const toast = useToast();
  const { toggleColorScheme } = useMantineColorScheme();
  const can = session.permissions;
  const rules = useQuery({ ...rulesQuery(), enabled: can.includes("rule_read") }).data?.items ?? [];
  const reps = useQuery({ ...repsQuery(), enabled: can.includes("pool_read") }).data ?? [];
  const commands: Entry[] = [
    ...(can.includes("rule_edit") ? [{ key: "new-rule", label: "Write a new rule", kind: "command", words: "add create", icon: IconPlus, to: path.ruleNew() }] : []),
    ...(can.includes("pool_edit") ? [{ key: "new-pool", label: "Make a new pool", kind: "command", words: "add create", icon: IconPlus, to: path.poolNew() }] : []),
    { key: "account", label: "Your account", kind: "page", words: "profile name me", icon: IconUser, to: path.account() },
    { key: "password", label: "Change your password", kind: "page", words: "account", icon: IconUser, to: path.accountPassword() },
    { key: "factors", label: "Your second factor", kind: "page", words: "account totp passkey recovery codes 2fa mfa", icon: IconShieldLock, to: path.accountFactors() },
    { key: "sessions", label: "Your sessions", kind: "page", words: "account devices sign out everywhere", icon: IconUser, to: path.accountSessions() },
    { key: "device", label: "Connect a command line", kind: "command", words: "cli device code", icon: IconTerminal2, to: path.device() },
    ...(can.includes("member_read") ? [{ key: "invitations", label: "Invitations", kind: "page", words: "invite people members", icon: IconArrowRight, to: path.invitations() }] : []),
    { key: "help", label: "Documentation", kind: "page", words: "help manual guide handbook", icon: IconBook, run: () => openHelp(helpHome) },
    { key: "scheme", label: "Switch between light and dark", kind: "command", words: "theme appearance", icon: IconMoon, run: toggleColorScheme },
    { key: "sign-out", label: "Sign out", kind: "command", words: "log out leave", icon: IconLogout, run: () => { void signOut(); } },
  ];
  const move = (to: Named) => { switchTenant(to.id).catch((error: unknown) => toast.failed(`Still in ${session.tenant.name}. ${messageOf(error)}`)); };
  const tenants = session.tenants.filter(({ id }) => id !== session.tenant.id)
    .map((other): Entry => ({ key: other.id, label: `Go to ${other.name}`, kind: "organisation", words: "switch tenant", icon: IconBuilding, run: () => move(other) }));
  const all = [...pages(session), ...commands, ...tenants, ...rules.map(ruleEntry), ...reps.map(repEntry)];
  const found = all.filter((entry) => matches(entry, text)).slice(0, 40);
  const inLog = can.includes("log_read") ? logEntries(text) : [];
  // What was typed is most likely meant as what it looks like: an id is a record, words are first of all a name.
  return RECORD_ID.test(text) ? [...inLog, ...found] : [...found, ...inLog, ...inHelp(text)];
}

function pages(session: SessionInfo): Entry[] {
  return navFor(session.permissions).flatMap((section) => section.items).map((item) => ({
    key: item.to, label: item.label, kind: "page", words: item.also, icon: IconArrowRight, to: item.to,
  }));
}

const ruleEntry = (rule: Rule): Entry => ({ key: rule.id, label: rule.name, kind: "rule", words: rule.id, icon: IconRoute, to: path.rule(rule.id) });
const repEntry = (rep: Rep): Entry => ({ key: rep.id, label: rep.name, kind: "rep, in the log", words: rep.salesforce_user_id, icon: IconUser, to: path.log({ rep: rep.id }) });

function logEntries(text: string): Entry[] {
  if (text.length < 2) return [];
  const search: Entry = { key: "search", label: `Find “${text}” in the routing log`, kind: "search", words: "", icon: IconListSearch, to: path.log({ q: text }) };
  if (!RECORD_ID.test(text)) return [search];
  return [{ key: "record", label: `The story of record ${text}`, kind: "record", words: "", icon: IconFileSearch, to: path.record(text) }, search];
}

function inHelp(text: string): Entry[] {
  if (text.length < 2) return [];
  return [{ key: "help-search", label: `Find “${text}” in the documentation`, kind: "search", words: "", icon: IconBook, run: () => openHelp(helpSearch(text)) }];
}

/** Beside the console, which stays as it is. */
const openHelp = (address: string) => { window.open(address, "_blank", "noreferrer"); };

function matches(entry: Entry, text: string): boolean {
  const hay = `${entry.label} ${entry.words} ${entry.kind}`.toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => hay.includes(word));
}
