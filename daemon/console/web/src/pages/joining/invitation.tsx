// An invitation, by the token in the fragment: a new account is made here; who has one signs in and joins.
import { Button, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Link, useLocation, useNavigate } from "react-router";
import { client } from "../../api/client";
import { hasCode, messageOf, Problem, toTell } from "../../api/problem";
import { useSessionActions } from "../../api/session";
import type { InvitationLook } from "../../api/types";
import { roleTitles } from "../../lib/roles";
import { api, path } from "../../paths";
import { Door } from "../../shell/door";
import { Linkish } from "../../shell/factor-form";
import { Splash } from "../../shell/splash";
import { Time } from "../../ui/facts";
import { Notice } from "../../ui/status";
import { NewPassword } from "../password/new-password";
import { SignInForm } from "../sign-in/sign-in-form";
import { PASSWORD_STEP } from "../sign-in/steps";

export function Page() {
  const token = useLocation().hash.slice(1);
  const look = useQuery({
    queryKey: ["invitation-look", token],
    queryFn: ({ signal }) => client.knock<InvitationLook>(api.invitationLook(), { token }, signal),
    enabled: token !== "", staleTime: Infinity, retry: false, refetchOnWindowFocus: false, refetchOnReconnect: false,
  });
  if (token === "" || hasCode(look.error, "invitation_invalid")) return <Invalid />;
  if (look.isError) {
    return (
      <Door title="The invitation could not be read" lead="It may still be good.">
        <Notice tone="bad" title="Not read">{messageOf(look.error)}</Notice>
        <Button fullWidth variant="default" onClick={() => { void look.refetch(); }}>Try again</Button>
      </Door>
    );
  }
  if (!look.data) return <Splash />;
  return look.data.account === "new" ? <NewAccount token={token} look={look.data} /> : <Existing token={token} look={look.data} />;
}

function Invalid() {
  return (
    <Door title="This invitation does not work" lead="It was used or taken back, or it is older than seven days.">
      <p>What to do: ask whoever invited you to send it again.</p>
      <Button component={Link} to={path.signIn()} fullWidth mt="md" variant="default">To sign-in</Button>
    </Door>
  );
}

function leadOf({ invited_by, roles, expires_at }: InvitationLook): ReactNode {
  const who = typeof invited_by === "string" ? invited_by : (invited_by?.name ?? "An administrator");
  return <>{who} invites you as {roleTitles(roles)}. Good until <Time at={expires_at} />.</>;
}

function NewAccount({ token, look }: { token: string; look: InvitationLook }) {
  const { open } = useSessionActions();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const join = useMutation({
    mutationFn: () => open(api.invitationAccept(), { token, name: name.trim(), password }),
    onSuccess: () => navigate(path.overview(), { replace: true }),
  });
  if (hasCode(join.error, "invitation_invalid")) return <Invalid />;
  const field = (named: string) => (join.error instanceof Problem ? join.error.forField(named) : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    join.mutate();
  };
  return (
    <Door title={`Join ${look.organisation}`} lead={leadOf(look)}>
      {join.isError && !field("name") && !field("password") ? <Notice tone="bad" title="Not joined">{messageOf(join.error)}</Notice> : null}
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput label="Email" type="email" readOnly value={look.email} autoComplete="username" />
          <TextInput label="Your name" autoComplete="name" autoFocus required withAsterisk={false} value={name} error={field("name")} onChange={(event) => setName(event.currentTarget.value)} />
          <NewPassword value={password} error={field("password")} email={look.email} name={name} onChange={setPassword} />
          <Button type="submit" fullWidth loading={join.isPending} disabled={name.trim() === "" || password === ""}>Join</Button>
        </Stack>
      </form>
    </Door>
  );
}

function Existing({ token, look }: { token: string; look: InvitationLook }) {
  const { state, signOut } = useSessionActions();
  const [step, setStep] = useState(PASSWORD_STEP);
  if (state.kind !== "signed_in") {
    return (
      <Door title={`Join ${look.organisation}`} lead={<>{leadOf(look)} You have an account here: sign in to accept.</>}>
        <SignInForm step={step} onStep={setStep} fixedEmail={look.email} />
      </Door>
    );
  }
  const { user } = state.session;
  if (user.email !== null && user.email.toLowerCase() !== look.email.toLowerCase()) {
    return (
      <Door title={`Join ${look.organisation}`} lead={<>This invitation is for {look.email}, but you are signed in as {user.email}.</>}>
        <Button fullWidth onClick={() => { void signOut(); }}>Sign out, to sign in as them</Button>
      </Door>
    );
  }
  return <Accept token={token} look={look} />;
}

function Accept({ token, look }: { token: string; look: InvitationLook }) {
  const { move } = useSessionActions();
  const navigate = useNavigate();
  const join = useMutation({ mutationFn: () => move(api.myInvitationAccept(), { token }), onSuccess: () => navigate(path.overview(), { replace: true }) });
  if (hasCode(join.error, "invitation_invalid")) return <Invalid />;
  const problem = toTell(join.error);
  return (
    <Door title={`Join ${look.organisation}`} lead={leadOf(look)} foot={<Linkish onClick={() => { void navigate(path.overview()); }}>Not now</Linkish>}>
      {problem ? <Notice tone="bad" title="Not joined">{problem}</Notice> : null}
      <Button fullWidth loading={join.isPending} onClick={() => join.mutate()}>Join as {look.email}</Button>
    </Door>
  );
}
