// The first factor is added by whoever knows the password: it is asked for again when the sign-in was a while ago.
import { Button, PasswordInput, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useLocation } from "react-router";
import { hasCode, messageOf } from "../../api/problem";
import { useSession } from "../../api/session";
import css from "../../shell/shell.module.css";
import { Notice } from "../../ui/status";
import { leaveFor } from "../sso/leave";

interface PasswordAgainProps { error: unknown; busy: boolean; onPassword(password: string): void }

/** Whether a refused beginning only lacks the password. */
export function wantsPassword(error: unknown): boolean {
  return hasCode(error, "fresh_password_required") || hasCode(error, "invalid_credentials");
}

export function PasswordAgain({ error, busy, onPassword }: PasswordAgainProps) {
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onPassword(password);
  };
  const wrong = hasCode(error, "invalid_credentials") ? "This is not your password." : undefined;
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <PasswordInput
          label="Your password" description="You signed in a while ago, so it is asked for once more." autoComplete="current-password" autoFocus data-autofocus required withAsterisk={false}
          value={password} error={wrong ?? (wantsPassword(error) ? undefined : messageOf(error))} onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
        />
        <Button type="submit" fullWidth loading={busy} disabled={password === ""}>Go on</Button>
        <ThroughProvider busy={busy} />
      </Stack>
    </form>
  );
}

/** Whose account the organisation's provider made has no password: a new sign-in there says as much. */
function ThroughProvider({ busy }: { busy: boolean }) {
  const { sso } = useSession();
  const { pathname } = useLocation();
  const [problem, setProblem] = useState<string>();
  const [leaving, setLeaving] = useState(false);
  if (!sso) return null;
  const leave = () => {
    setLeaving(true);
    leaveFor(sso.id, pathname).catch((error: unknown) => { setLeaving(false); setProblem(messageOf(error)); });
  };
  return (
    <>
      <div className={css["or"]}>or, where you have none</div>
      <Button variant="default" fullWidth disabled={busy} loading={leaving} onClick={leave}>Sign in again with {sso.name}</Button>
      {problem ? <Notice tone="bad" title="Not begun">{problem}</Notice> : null}
    </>
  );
}
