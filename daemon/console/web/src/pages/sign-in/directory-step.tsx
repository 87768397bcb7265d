import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useSessionActions } from "../../api/session";
import { api } from "../../paths";
import { Linkish } from "../../shell/factor-form";
import css from "../../shell/shell.module.css";
import { Notice } from "../../ui/status";
import { directoryProblem, type SignInStep } from "./steps";

interface DirectoryStepProps { step: Extract<SignInStep, { kind: "directory" }>; onPassword(): void; onOther(): void }

/** The name and password of the organisation's directory. Revkeep passes them on and keeps neither. */
export function DirectoryStep({ step, onPassword, onOther }: DirectoryStepProps) {
  const { open } = useSessionActions();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await open(api.ssoLdapSignIn(), { provider: step.provider, user: user.trim(), password });
    } catch (error) {
      setProblem(directoryProblem(error));
      setBusy(false);
    }
  };
  return (
    <>
      {problem ? <Notice tone="bad" title="Not signed in">{problem}</Notice> : null}
      <form onSubmit={(event) => { void submit(event); }}>
        <Stack gap="md">
          <TextInput
            label="User name" description={step.name === "" ? undefined : `Your account in ${step.name}.`} required withAsterisk={false} autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus
            value={user} onChange={(event) => setUser(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password" required withAsterisk={false} autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)}
            visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
          />
          <Button type="submit" loading={busy} disabled={user.trim() === "" || password === ""} fullWidth>Sign in</Button>
          <div className={css["beside"]}>
            <Linkish onClick={onPassword}>{step.only ? "The owner's way in" : "Use a Revkeep password"}</Linkish>
            <Linkish onClick={onOther}>Another address</Linkish>
          </div>
        </Stack>
      </form>
    </>
  );
}
