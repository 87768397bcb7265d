// First set-up: the one-time code of `revkeep setup` turns into the first administrator.
import { Button, Code, PasswordInput, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { messageOf, Problem } from "../api/problem";
import { useSessionActions } from "../api/session";
import { Door } from "../shell/door";
import { Notice } from "../ui/status";

const EMPTY = { code: "", organisation: "", name: "", email: "", password: "" };
type Field = keyof typeof EMPTY;

export function Page() {
  const { claim } = useSessionActions();
  const [input, setInput] = useState(EMPTY);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  const bind = (field: Field) => ({
    value: input[field],
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => {
      const { value } = event.currentTarget;
      setInput((before) => ({ ...before, [field]: value }));
    },
    error: error instanceof Problem ? error.forField(field) : undefined,
    required: true,
    withAsterisk: false,
  });
  const beside = error instanceof Problem && (Object.keys(EMPTY) as Field[]).some((field) => error.forField(field) !== undefined);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await claim({ ...input, code: input.code.trim() });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <Door title="Set up Revkeep" lead="Nobody has claimed this appliance yet. You become its first administrator, and owner of its first organisation.">
      {error && !beside ? <Notice tone="bad" title="Not set up">{messageOf(error)}</Notice> : null}
      <form onSubmit={(event) => { void submit(event); }}>
        <Stack gap="md">
          <TextInput label="Set-up code" description={<>Printed once on this machine by <Code>revkeep setup</Code>.</>} autoComplete="off" spellCheck={false} autoFocus {...bind("code")} />
          <TextInput label="Organisation" autoComplete="organization" {...bind("organisation")} />
          <TextInput label="Your name" autoComplete="name" {...bind("name")} />
          <TextInput label="Email" type="email" autoComplete="username" {...bind("email")} />
          <PasswordInput
            label="Password" description="At least 12 characters, of three kinds: small and capital letters, digits, others. A sentence is easier to keep than a puzzle." autoComplete="new-password" minLength={12}
            visibilityToggleButtonProps={{ "aria-label": "Show the password" }} {...bind("password")}
          />
          <Button type="submit" loading={busy} fullWidth>Claim this appliance</Button>
        </Stack>
      </form>
    </Door>
  );
}
