// The first factor is added by whoever knows the password: it is asked for again when the sign-in was a while ago.
import { Button, PasswordInput, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { hasCode, messageOf } from "../../api/problem";

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
      </Stack>
    </form>
  );
}
