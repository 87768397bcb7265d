import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { hasCode, messageOf } from "../api/problem";
import { useSessionActions } from "../api/session";
import { Door } from "../shell/door";
import { Notice } from "../ui/status";

const WHY: Record<string, string> = {
  session_expired: "The session ended because it was not used for a while, or reached its age limit. What you were doing is kept at its address; sign in to go on.",
  session_revoked: "This session was ended from elsewhere: by you on another device, by an administrator, or because an old token was presented. If that was not expected, tell your administrator.",
  unauthenticated: "The session ended. Sign in to go on.",
};

function refusal(error: unknown): string {
  return hasCode(error, "invalid_credentials")
    ? "The address and the password do not belong together. Check both; after several wrong tries there is a pause."
    : messageOf(error);
}

export function Page() {
  const { state, signIn } = useSessionActions();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const why = state.kind === "signed_out" && state.reason ? WHY[state.reason] : undefined;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await signIn({ email, password });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <Door title="Sign in" lead="To your organisation's Revkeep.">
      {why && !error ? <Notice tone="info" title="You were signed out">{why}</Notice> : null}
      {error ? <Notice tone="bad" title="Not signed in">{refusal(error)}</Notice> : null}
      <form onSubmit={(event) => { void submit(event); }}>
        <Stack gap="md">
          <TextInput label="Email" type="email" required withAsterisk={false} autoComplete="username" autoFocus value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
          <PasswordInput
            label="Password" required withAsterisk={false} autoComplete="current-password" value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
          />
          <Button type="submit" loading={busy} fullWidth>Sign in</Button>
        </Stack>
      </form>
    </Door>
  );
}
