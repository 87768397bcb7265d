import { Button, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client";
import { hasCode, messageOf, Problem } from "../../api/problem";
import { signInOptionsQuery } from "../../api/queries";
import { api, path } from "../../paths";
import { Door } from "../../shell/door";
import { Notice } from "../../ui/status";

const EMPTY = { organisation: "", name: "", email: "" };
type Field = keyof typeof EMPTY;

const foot = <>Have an account? <Link to={path.signIn()}>Sign in</Link></>;

export function Page() {
  const offers = useQuery(signInOptionsQuery()).data;
  const [input, setInput] = useState(EMPTY);
  const ask = useMutation({ mutationFn: () => client.knock(api.signUp(), { organisation: input.organisation.trim(), name: input.name.trim(), email: input.email.trim() }) });
  const problem = ask.error instanceof Problem ? ask.error : undefined;
  const beside = (Object.keys(EMPTY) as Field[]).some((field) => problem?.forField(field) !== undefined);
  const bind = (field: Field) => ({
    value: input[field], error: problem?.forField(field), required: true, withAsterisk: false,
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => {
      const { value } = event.currentTarget;
      setInput((before) => ({ ...before, [field]: value }));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate();
  };

  if (offers?.sign_up === false || hasCode(ask.error, "sign_up_off")) {
    return <Door title="By invitation only" lead="Nobody can sign up at this appliance by themselves. Ask an administrator of your organisation for an invitation." foot={foot}>{null}</Door>;
  }
  if (ask.isSuccess) {
    return (
      <Door title="Look into your mail" lead={<>A link to {input.email.trim()} is on its way. It opens {input.organisation.trim()} and lets you choose a password.</>} foot={foot}>
        <p>Nothing after some minutes? Look among the unwanted mail. If the address has an account already, the mail says so.</p>
      </Door>
    );
  }
  return (
    <Door title="Start a trial" lead="Fourteen days with everything. Afterwards your organisation can still be read, and nothing is deleted." foot={foot}>
      {ask.isError && !beside ? <Notice tone="bad" title="Not sent">{messageOf(ask.error)}</Notice> : null}
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput label="Organisation" autoComplete="organization" autoFocus maxLength={120} {...bind("organisation")} />
          <TextInput label="Your name" autoComplete="name" maxLength={120} {...bind("name")} />
          <TextInput label="Email" type="email" autoComplete="username" {...bind("email")} />
          <Button type="submit" fullWidth loading={ask.isPending}>Send me the link</Button>
        </Stack>
      </form>
    </Door>
  );
}
