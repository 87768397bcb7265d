import { Button, SegmentedControl, TextInput, useMantineColorScheme } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { Problem, toTell } from "../../api/problem";
import { useSession, useSessionActions } from "../../api/session";
import type { SessionInfo } from "../../api/types";
import { inWords } from "../../lib/permissions";
import { roleWords } from "../../lib/roles";
import { api } from "../../paths";
import { SCHEMES } from "../../shell/profile-menu";
import { CopyId } from "../../ui/facts";
import { Facts, Panel } from "../../ui/page";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "./account.module.css";
import { AccountHead } from "./account-head";
import { OwnData } from "./own-data";

export function Page() {
  const session = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { sees, changes } = inWords(session.permissions);
  return (
    <>
      <AccountHead section="Profile" />
      <Panel title="You">
        <NameForm name={session.user.name} />
        <Facts items={[
          ["Email", session.user.email ?? "cannot be read while the vault is sealed"],
          ["Signed in", session.sso ? `through ${session.sso.name}, your organisation's own sign-in` : "with a password or a passkey"],
          ["Id", <CopyId key="id" value={session.user.id} what="user id" />],
        ]} />
      </Panel>
      <Panel title={`In ${session.tenant.name}`} note="What your roles allow. An administrator can change them.">
        <Facts items={[
          ["Roles", <>{session.roles.map((role) => <div key={role}>{roleWords(role).title}. {roleWords(role).may}</div>)}{session.owner ? <div>Owner of this organisation.</div> : null}</>],
          ["You see", sees.join(", ") || "nothing here"],
          ["You change", changes.join(", ") || "nothing here"],
        ]} />
      </Panel>
      <OwnData />
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

function NameForm({ name }: { name: string }) {
  const { adopt } = useSessionActions();
  const [text, setText] = useState(name);
  const toast = useToast();
  const save = useMutation({
    mutationFn: () => client.patch<SessionInfo>(api.me(), { name: text.trim() }),
    onSuccess: (session) => {
      adopt(session);
      setText(session.user.name);
      toast.done("Your name is changed. Others see it from now on.");
    },
  });
  const beside = save.error instanceof Problem ? save.error.forField("name") : undefined;
  const problem = toTell(save.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form className={css["line"]} onSubmit={submit}>
      {problem && !beside ? <Notice tone="bad" title="Not saved">{problem}</Notice> : null}
      <TextInput label="Name" autoComplete="name" required withAsterisk={false} maxLength={120} value={text} error={beside} onChange={(event) => setText(event.currentTarget.value)} />
      <Button type="submit" loading={save.isPending} disabled={text.trim() === "" || text.trim() === name}>Save</Button>
    </form>
  );
}
