// Whose sign-in it is, then what opens it: a password, the organisation's own sign-in, a passkey; then the second factor.
// Also stands in the page of an invitation, where the address is given.
import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconArrowLeft } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client";
import { passkeysWork } from "../../api/passkey";
import { messageOf } from "../../api/problem";
import { signInOptionsQuery } from "../../api/queries";
import { useSessionActions } from "../../api/session";
import type { Discovery } from "../../api/sso";
import type { FactorProof } from "../../api/types";
import { api, path } from "../../paths";
import { FactorForm, Linkish } from "../../shell/factor-form";
import css from "../../shell/shell.module.css";
import { Notice } from "../../ui/status";
import { PasskeySignIn } from "./passkey-sign-in";
import { DirectoryStep } from "./directory-step";
import { ProviderStep } from "./provider-step";
import { challenged, discovered, FIRST_STEP, PASSWORD_STEP, passwordProblem, refused, type SignInStep } from "./steps";

interface SignInFormProps {
  step: SignInStep;
  onStep(step: SignInStep): void;
  /** The address is given and cannot be changed. */
  fixedEmail?: string;
}

export function SignInForm({ step, onStep, fixedEmail }: SignInFormProps) {
  // Kept here, so that a sign-in that begins again asks for the password alone.
  const [email, setEmail] = useState(fixedEmail ?? "");
  const restart = () => onStep(fixedEmail === undefined ? FIRST_STEP : PASSWORD_STEP);
  switch (step.kind) {
    case "address":
      return <AddressStep notice={step.notice} email={email} onEmail={setEmail} onStep={onStep} />;
    case "password":
      return <PasswordStep notice={step.notice} email={email} onStep={onStep} onOther={fixedEmail === undefined ? restart : undefined} />;
    case "provider":
      return <ProviderStep step={step} email={email} onPassword={() => onStep(email === "" ? FIRST_STEP : PASSWORD_STEP)} onOther={restart} onDirectory={(name) => onStep({ ...step, kind: "directory", name })} />;
    case "directory":
      return <DirectoryStep step={step} onPassword={() => onStep(email === "" ? FIRST_STEP : PASSWORD_STEP)} onOther={restart} />;
    case "factor":
      return <FactorStep step={step} onStep={onStep} onOther={restart} />;
  }
}

interface AddressStepProps { notice: string | undefined; email: string; onEmail(email: string): void; onStep(step: SignInStep): void }

function AddressStep({ notice, email, onEmail, onStep }: AddressStepProps) {
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const offers = useQuery(signInOptionsQuery()).data;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      onStep(discovered(await client.knock<Discovery>(api.signInDiscover(), { email: email.trim() })));
    } catch (error) {
      setProblem(messageOf(error));
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
            label="Email" type="email" required withAsterisk={false} autoComplete="username webauthn" autoFocus
            value={email} onChange={(event) => onEmail(event.currentTarget.value)}
          />
          <Button type="submit" loading={busy} disabled={email.trim() === ""} fullWidth>Continue</Button>
          {offers?.passkey && passkeysWork() ? <PasskeySignIn busy={busy} onProblem={setProblem} /> : null}
          <div className={css["beside"]}>
            <Link to={path.reset()}>Forgot your password?</Link>
            {offers?.sign_up ? <Link to={path.signUp()}>Start a trial</Link> : null}
          </div>
        </Stack>
      </form>
    </>
  );
}

interface PasswordStepProps { notice: string | undefined; email: string; onStep(step: SignInStep): void; onOther: (() => void) | undefined }

function PasswordStep({ notice, email, onStep, onOther }: PasswordStepProps) {
  const { signIn } = useSessionActions();
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
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
          <TextInput label="Email" type="email" autoComplete="username" readOnly value={email} />
          <PasswordInput
            label="Password" required withAsterisk={false} autoComplete="current-password" autoFocus value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
          />
          <Button type="submit" loading={busy} fullWidth>Sign in</Button>
          <div className={css["beside"]}>
            <Link to={path.reset()}>Forgot your password?</Link>
            {onOther ? <Linkish onClick={onOther}>Another address</Linkish> : null}
          </div>
        </Stack>
      </form>
    </>
  );
}

interface FactorStepProps { step: Extract<SignInStep, { kind: "factor" }>; onStep(step: SignInStep): void; onOther(): void }

function FactorStep({ step, onStep, onOther }: FactorStepProps) {
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
      <Button mt="md" size="compact-sm" variant="subtle" color="gray" leftSection={<IconArrowLeft size={14} aria-hidden />} disabled={busy} onClick={onOther}>
        Another account
      </Button>
    </>
  );
}
