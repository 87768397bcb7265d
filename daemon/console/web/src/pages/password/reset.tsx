// A forgotten password: ask for a link, and, with the link's token in the fragment, set a new one.
import { Button, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useLocation } from "react-router";
import { client } from "../../api/client";
import { hasCode, messageOf, Problem } from "../../api/problem";
import { api, path } from "../../paths";
import { Door } from "../../shell/door";
import { Notice } from "../../ui/status";
import { NewPassword } from "./new-password";

export function Page() {
  const token = useLocation().hash.slice(1);
  return token === "" ? <AskForLink /> : <SetPassword key={token} token={token} />;
}

const back = <Link to={path.signIn()}>Back to sign-in</Link>;

function AskForLink() {
  const [email, setEmail] = useState("");
  const ask = useMutation({ mutationFn: () => client.knock(api.passwordReset(), { email: email.trim() }) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate();
  };
  if (ask.isSuccess) {
    return (
      <Door title="Look into your mail" lead={<>If {email.trim()} belongs to somebody here, a link is on its way. It works once, within an hour.</>} foot={back}>
        <p>Nothing after some minutes? Look among the unwanted mail, or check the address and <Linked onClick={() => ask.reset()} />. If your organisation signs in elsewhere, ask your administrator.</p>
      </Door>
    );
  }
  return (
    <Door title="Forgot your password?" lead="Tell us your address, and we send a link with which you set a new one." foot={back}>
      {ask.isError ? <Notice tone="bad" title="Not sent">{messageOf(ask.error)}</Notice> : null}
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput label="Email" type="email" required withAsterisk={false} autoComplete="username" autoFocus value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
          <Button type="submit" fullWidth loading={ask.isPending}>Send the link</Button>
        </Stack>
      </form>
    </Door>
  );
}

function Linked({ onClick }: { onClick(): void }) {
  return <Button variant="transparent" size="compact-sm" p={0} fw={400} td="underline" onClick={onClick}>ask again</Button>;
}

function SetPassword({ token }: { token: string }) {
  const [password, setPassword] = useState("");
  const set = useMutation({ mutationFn: () => client.knock(api.passwordResetComplete(), { token, password }) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    set.mutate();
  };
  if (set.isSuccess) {
    return (
      <Door title="Your password is changed" lead="Every session of yours has ended. Sign in with the new password; your second factor stays as it is.">
        <Button component={Link} to={path.signIn()} fullWidth>Sign in</Button>
      </Door>
    );
  }
  if (hasCode(set.error, "reset_link_invalid")) {
    return (
      <Door title="This link does not work any more" lead="It was used, it is older than an hour, or a newer one was sent." foot={back}>
        <Button component={Link} to={path.reset()} fullWidth>Ask for a new link</Button>
      </Door>
    );
  }
  const beside = set.error instanceof Problem ? set.error.forField("password") : undefined;
  return (
    <Door title="Set a new password" lead="Your sessions on all devices end with it." foot={back}>
      {set.isError && beside === undefined ? <Notice tone="bad" title="Not changed">{messageOf(set.error)}</Notice> : null}
      <form onSubmit={submit}>
        <Stack gap="md">
          <NewPassword label="New password" value={password} error={beside} onChange={setPassword} />
          <Button type="submit" fullWidth loading={set.isPending} disabled={password === ""}>Set the password</Button>
        </Stack>
      </form>
    </Door>
  );
}
