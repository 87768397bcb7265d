import { Button, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useLocation, useNavigate } from "react-router";
import { messageOf, Problem } from "../../api/problem";
import { useSessionActions } from "../../api/session";
import { api, path } from "../../paths";
import { Door } from "../../shell/door";
import { Notice } from "../../ui/status";
import { NewPassword } from "../password/new-password";

export function Page() {
  const token = useLocation().hash.slice(1);
  const { open } = useSessionActions();
  const navigate = useNavigate();
  const [password, setPassword] = useState("");
  const complete = useMutation({
    mutationFn: () => open(api.signUpComplete(), { token, password }),
    onSuccess: () => navigate(path.overview(), { replace: true }),
  });
  const problem = complete.error instanceof Problem ? complete.error : undefined;
  const beside = problem?.forField("password");
  // Whatever is refused without being about the password is about the link.
  const dead = token === "" || (problem?.status === 422 && beside === undefined && !problem.code.startsWith("password_"));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    complete.mutate();
  };
  if (dead) {
    return (
      <Door title="This link does not work any more" lead="It was used, or it is too old.">
        <Button component={Link} to={path.signUp()} fullWidth>Begin again</Button>
      </Door>
    );
  }
  return (
    <Door title="Choose a password" lead="The last step: your organisation opens with it, as its owner.">
      {complete.isError && beside === undefined ? <Notice tone="bad" title="Not opened">{messageOf(complete.error)}</Notice> : null}
      <form onSubmit={submit}>
        <Stack gap="md">
          <NewPassword value={password} error={beside} onChange={setPassword} />
          <Button type="submit" fullWidth loading={complete.isPending} disabled={password === ""}>Open my organisation</Button>
        </Stack>
      </form>
    </Door>
  );
}
