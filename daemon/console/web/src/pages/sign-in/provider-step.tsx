import { Button, Stack, TextInput } from "@mantine/core";
import { IconLogin2 } from "@tabler/icons-react";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { Linkish } from "../../shell/factor-form";
import css from "../../shell/shell.module.css";
import { Notice } from "../../ui/status";
import { leaveFor } from "../sso/leave";
import { refusalOf, type SsoRefusal } from "../sso/refusal";
import type { SignInStep } from "./steps";

interface ProviderStepProps { step: Extract<SignInStep, { kind: "provider" }>; /** Empty for whoever came by a link. */ email: string; onPassword(): void; onOther(): void; onDirectory(name: string): void }

/** The organisation's own sign-in. Where it is the only one, a password is not offered, and the owner's way in stays a quiet link. */
export function ProviderStep({ step, email, onPassword, onOther, onDirectory }: ProviderStepProps) {
  const [params] = useSearchParams();
  const [refusal, setRefusal] = useState<SsoRefusal>();
  const [busy, setBusy] = useState(false);
  const leave = async () => {
    setBusy(true);
    setRefusal(undefined);
    try {
      const directory = await leaveFor(step.provider, params.get("next"));
      if (directory !== undefined) onDirectory(directory);
    } catch (error) {
      setRefusal(refusalOf(error));
      setBusy(false);
    }
  };
  return (
    <Stack gap="md">
      {refusal ? <Notice tone="bad" title={refusal.title}>{refusal.why} {refusal.next}</Notice> : null}
      {email === "" ? null : <TextInput label="Email" type="email" autoComplete="username" readOnly value={email} />}
      <Button fullWidth autoFocus data-autofocus loading={busy} leftSection={<IconLogin2 size={18} aria-hidden />} onClick={() => { void leave(); }}>
        {step.name === undefined ? "Continue with your organisation" : `Continue with ${step.name}`}
      </Button>
      <div className={css["beside"]}>
        <Linkish onClick={onPassword}>{step.only ? "The owner's way in" : "Use a password"}</Linkish>
        <Linkish onClick={onOther}>Another address</Linkish>
      </div>
    </Stack>
  );
}
