// Address and password, then the second factor; or a passkey alone. Also stands in the page of an invitation.
import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconArrowLeft, IconFingerprint } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client";
import { passkeysWork, provePasskey } from "../../api/passkey";
import { messageOf } from "../../api/problem";
import { signInOptionsQuery } from "../../api/queries";
import { useSessionActions } from "../../api/session";
import type { FactorProof, PasskeyRequest } from "../../api/types";
import { api, path } from "../../paths";
import { FactorForm } from "../../shell/factor-form";
import css from "../../shell/shell.module.css";
import { Notice } from "../../ui/status";
import { challenged, FIRST_STEP, passwordProblem, refused, type SignInStep } from "./steps";

interface SignInFormProps { step: SignInStep; onStep(step: SignInStep): void; /** The address is given and cannot be changed. */ fixedEmail?: string }

export function useSignInStep() {
  return useState<SignInStep>(FIRST_STEP);
}

export function SignInForm({ step, onStep, fixedEmail }: SignInFormProps) {
  // Kept here, so that a sign-in that begins again asks for the password alone.
  const [email, setEmail] = useState(fixedEmail ?? "");
  return step.kind === "password"
    ? <PasswordStep notice={step.notice} onStep={onStep} email={email} onEmail={setEmail} fixed={fixedEmail !== undefined} />
    : <FactorStep step={step} onStep={onStep} />;
}

interface PasswordStepProps { notice: string | undefined; email: string; fixed: boolean; onEmail(email: string): void; onStep(step: SignInStep): void }

function PasswordStep({ notice, email, fixed, onEmail, onStep }: PasswordStepProps) {
  const { signIn } = useSessionActions();
  const [known] = useState(email !== "");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const offers = useQuery(signInOptionsQuery()).data;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      const challenge = await signIn({ email: email.trim(), password });
      if (challenge) onStep(challenged(challenge));
    } catch (error) {
      setProblem(passwordProblem(error));
      setBusy(false);
    }
  };

  return (
    <>
      {notice && !problem ? <Notice tone="warn" title="Begin again">{notice}</Notice> : null}
      {problem ? <Notice tone="bad" title="Not signed in">{problem}</Notice> : null}
      <form onSubmit={(event) => { void submit(event); }}>
        <Stack gap="md">
          <TextInput
            label="Email" type="email" required withAsterisk={false} autoComplete="username webauthn" autoFocus={!known} readOnly={fixed}
            value={email} onChange={(event) => onEmail(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password" required withAsterisk={false} autoComplete="current-password" autoFocus={known} value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
          />
          <Button type="submit" loading={busy} fullWidth>Sign in</Button>
          {offers?.passkey && passkeysWork() ? <PasskeySignIn busy={busy} onProblem={setProblem} /> : null}
          <div className={css["beside"]}>
            <Link to={path.reset()}>Forgot your password?</Link>
            {offers?.sign_up && !fixed ? <Link to={path.signUp()}>Start a trial</Link> : null}
          </div>
        </Stack>
      </form>
    </>
  );
}

function PasskeySignIn({ busy, onProblem }: { busy: boolean; onProblem(problem: string | undefined): void }) {
  const { open } = useSessionActions();
  const [asking, setAsking] = useState(false);
  const begin = async () => {
    setAsking(true);
    onProblem(undefined);
    try {
      const { publicKey } = await client.knock<{ publicKey: PasskeyRequest }>(api.sessionPasskeyBegin(), {});
      await open(api.sessionPasskey(), { credential: await provePasskey(publicKey) });
    } catch (error) {
      onProblem(messageOf(error));
      setAsking(false);
    }
  };
  return (
    <>
      <div className={css["or"]}>or</div>
      <Button variant="default" fullWidth loading={asking} disabled={busy} leftSection={<IconFingerprint size={18} aria-hidden />} onClick={() => { void begin(); }}>Sign in with a passkey</Button>
    </>
  );
}

function FactorStep({ step, onStep }: { step: Extract<SignInStep, { kind: "factor" }>; onStep(step: SignInStep): void }) {
  const { open } = useSessionActions();
  const [busy, setBusy] = useState(false);
  const prove = async (proof: FactorProof) => {
    setBusy(true);
    try {
      await open(api.sessionFactor(), proof);
    } catch (error) {
      setBusy(false);
      onStep(refused(step, error));
    }
  };
  return (
    <>
      <FactorForm
        factors={step.challenge.factors} passkey={step.challenge.passkey?.publicKey ?? null} busy={busy} problem={step.problem} tries={step.tries}
        onProof={(proof) => { void prove(proof); }} onProblem={(error) => onStep(refused(step, error))}
      />
      <Button mt="md" size="compact-sm" variant="subtle" color="gray" leftSection={<IconArrowLeft size={14} aria-hidden />} disabled={busy} onClick={() => onStep(FIRST_STEP)}>
        Another account
      </Button>
    </>
  );
}
