import { Button, SegmentedControl, useMantineColorScheme } from "@mantine/core";
import { useState } from "react";
import { messageOf } from "../api/problem";
import { useSession, useSessionActions } from "../api/session";
import { SCHEMES } from "../shell/profile-menu";
import { CopyId } from "../ui/facts";
import { Facts, PageHead, Panel } from "../ui/page";
import { Notice } from "../ui/status";

const ROLE: Record<string, string> = {
  super_admin: "Super administrator: the appliance, its tenants and its jobs",
  admin: "Administrator: may change everything in this organisation",
  member: "Member: may read",
  reviewer: "Reviewer: may read, and decide what is put before them",
};

export function Page() {
  const session = useSession();
  const { signOut } = useSessionActions();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const leave = () => {
    setBusy(true);
    signOut().catch((failure: unknown) => { setError(failure); setBusy(false); });
  };
  return (
    <>
      <PageHead title="Profile and session" actions={<Button variant="default" loading={busy} onClick={leave}>Sign out</Button>}>
        Who you are here, what you may do, and how the console looks on this device.
      </PageHead>
      {error ? <Notice tone="bad" title="You are still signed in">{messageOf(error)}</Notice> : null}
      <Panel title="You">
        <Facts items={[
          ["Name", session.user.name],
          ["Email", session.user.email ?? "cannot be read while the vault is sealed"],
          ["Id", <CopyId key="id" value={session.user.id} what="user id" />],
          ["Organisation", session.tenant.name],
          ["Roles", <>{session.roles.map((role) => <div key={role}>{ROLE[role] ?? role}</div>)}{session.owner ? <div>Owner of this organisation</div> : null}</>],
        ]} />
      </Panel>
      <Panel title="This session" note="The access token lives in this tab's memory only; signing out ends the session on the server at once.">
        <Facts items={[["You may", session.permissions.map((permission) => permission.replaceAll("_", " ")).join(", ")]]} />
      </Panel>
      <Panel title="Appearance" note="Kept on this device.">
        <SegmentedControl
          aria-label="Appearance"
          value={colorScheme}
          onChange={(value) => setColorScheme(value as typeof colorScheme)}
          data={SCHEMES.map(({ value, label }) => ({ value, label }))}
        />
      </Panel>
    </>
  );
}
