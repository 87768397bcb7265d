// First set-up: the one-time code of `revkeep setup` turns into the first administrator.
import { Button, Code, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { messageOf, Problem } from "../api/problem";
import { useSessionActions } from "../api/session";
import { api } from "../paths";
import { Door } from "../shell/door";
import { Notice } from "../ui/status";
import { NewPassword } from "./password/new-password";

const EMPTY = { code: "", organisation: "", name: "", email: "", password: "" };
type Field = keyof typeof EMPTY;

export function Page() {
  const { open } = useSessionActions();
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
      await open(api.setup(), { ...input, code: input.code.trim() });
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
          <NewPassword
            value={input.password} error={bind("password").error} email={input.email} name={input.name}
            onChange={(password) => setInput((before) => ({ ...before, password }))}
          />
          <Button type="submit" loading={busy} fullWidth>Claim this appliance</Button>
        </Stack>
      </form>
    </Door>
  );
}
