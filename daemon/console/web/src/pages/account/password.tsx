import { Button, PasswordInput, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { Problem, toTell } from "../../api/problem";
import { useSession } from "../../api/session";
import { api } from "../../paths";
import { Panel } from "../../ui/page";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { NewPassword } from "../password/new-password";
import css from "./account.module.css";
import { AccountHead } from "./account-head";

export function Page() {
  const { sso } = useSession();
  return (
    <>
      <AccountHead section="Password" />
      {sso ? <Notice tone="info" title={`You signed in with ${sso.name}`}>If your organisation made your account, it has no password here, and there is nothing to change.</Notice> : null}
      <Panel title="Change your password" note="Your sessions on other devices end, and a mail tells you that it was changed.">
        <PasswordForm />
      </Panel>
    </>
  );
}

function PasswordForm() {
  const { user } = useSession();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const toast = useToast();
  const change = useMutation({
    mutationFn: () => client.put(api.myPassword(), { current, new: next }),
    onSuccess: () => {
      setCurrent("");
      setNext("");
      toast.done("Your password is changed. Your other sessions have ended.");
    },
  });
  const problem = change.error instanceof Problem ? change.error : undefined;
  const currentError = problem?.code === "invalid_credentials" ? "This is not your present password." : problem?.forField("current");
  const newError = problem?.forField("new");
  const elsewhere = currentError === undefined && newError === undefined ? toTell(change.error) : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <form className={css["narrow"]} onSubmit={submit}>
      <Stack gap="md">
        {elsewhere ? <Notice tone="bad" title="Not changed">{elsewhere}</Notice> : null}
        <input className={css["hidden"]} type="email" autoComplete="username" value={user.email ?? ""} readOnly aria-hidden tabIndex={-1} />
        <PasswordInput
          label="Present password" autoComplete="current-password" required withAsterisk={false} value={current} error={currentError}
          onChange={(event) => setCurrent(event.currentTarget.value)} visibilityToggleButtonProps={{ "aria-label": "Show the present password" }}
        />
        <NewPassword label="New password" value={next} error={newError} email={user.email ?? undefined} name={user.name} onChange={setNext} />
        <div><Button type="submit" loading={change.isPending} disabled={current === "" || next === ""}>Change password</Button></div>
      </Stack>
    </form>
  );
}
