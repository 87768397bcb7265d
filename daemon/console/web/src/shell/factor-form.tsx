// Proving a second factor: the code of an app, a passkey, or (at sign-in) a recovery code. Sign-in and step-up share it.
import { Button, Stack, TextInput } from "@mantine/core";
import { IconFingerprint } from "@tabler/icons-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { passkeysWork, provePasskey } from "../api/passkey";
import type { FactorKind, FactorProof, PasskeyRequest } from "../api/types";
import { CodeField } from "../ui/code-field";
import { CODE_LENGTH } from "../lib/code";
import { Notice } from "../ui/status";
import css from "./shell.module.css";

interface FactorFormProps {
  factors: FactorKind[];
  passkey: PasskeyRequest | null;
  busy: boolean;
  /** Why the last try failed; a new value empties the field for the next one. */
  problem: string | undefined;
  tries: number;
  onProof(proof: FactorProof): void;
  onProblem(error: unknown): void;
}

export function FactorForm({ factors, passkey, busy, problem, tries, onProof, onProblem }: FactorFormProps) {
  const withPasskey = factors.includes("passkey") && passkey !== null && passkeysWork();
  const [method, setMethod] = useState<FactorKind>(factors.includes("totp") ? "totp" : withPasskey ? "passkey" : "recovery");
  const [asking, setAsking] = useState(false);
  const askPasskey = async () => {
    if (!passkey) return;
    setAsking(true);
    try {
      onProof({ passkey: await provePasskey(passkey) });
    } catch (error) {
      onProblem(error);
    } finally {
      setAsking(false);
    }
  };
  const passkeyButton = (main: boolean) => (
    <Button
      fullWidth variant={main ? "filled" : "default"} leftSection={<IconFingerprint size={18} aria-hidden />} loading={asking || (main && busy)} disabled={busy && !main}
      data-autofocus={main ? true : undefined} autoFocus={main} onClick={() => { void askPasskey(); }}
    >
      Use a passkey
    </Button>
  );
  return (
    <Stack gap="md">
      {problem ? <Notice key={tries} tone="bad" title="Not confirmed">{problem}</Notice> : null}
      {method === "totp" ? <TotpForm key={`totp-${tries}`} busy={busy} onProof={onProof} /> : null}
      {method === "recovery" ? <RecoveryForm key={`recovery-${tries}`} busy={busy} onProof={onProof} /> : null}
      {method === "passkey" ? passkeyButton(true) : null}
      {method === "totp" && withPasskey ? <><div className={css["or"]}>or</div>{passkeyButton(false)}</> : null}
      <div className={css["beside"]}>
        {method !== "totp" && factors.includes("totp") ? <Linkish onClick={() => setMethod("totp")}>Use the code of your app</Linkish> : null}
        {method === "recovery" && withPasskey && !factors.includes("totp") ? <Linkish onClick={() => setMethod("passkey")}>Use a passkey</Linkish> : null}
        {method !== "recovery" && factors.includes("recovery") ? <Linkish onClick={() => setMethod("recovery")}>Use a recovery code</Linkish> : null}
      </div>
    </Stack>
  );
}

export function Linkish({ children, onClick }: { children: string; onClick(): void }) {
  return <button type="button" className={css["linkish"]} onClick={onClick}>{children}</button>;
}

function TotpForm({ busy, onProof }: { busy: boolean; onProof(proof: FactorProof): void }) {
  const [code, setCode] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (code.length === CODE_LENGTH) onProof({ totp: code });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <CodeField
          label="Code" description="Six digits, from your authenticator app." value={code} disabled={busy} onChange={setCode}
          onComplete={(whole) => onProof({ totp: whole })}
        />
        <Button type="submit" fullWidth loading={busy} disabled={code.length < CODE_LENGTH}>Confirm</Button>
      </Stack>
    </form>
  );
}

function RecoveryForm({ busy, onProof }: { busy: boolean; onProof(proof: FactorProof): void }) {
  const [code, setCode] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onProof({ recovery: code.trim() });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput
          ref={field} label="Recovery code" description="One of the eight that you saved. Each works once." autoComplete="off" spellCheck={false} autoCapitalize="none"
          value={code} onChange={(event) => setCode(event.currentTarget.value)}
        />
        <Button type="submit" fullWidth loading={busy} disabled={code.trim() === ""}>Confirm</Button>
      </Stack>
    </form>
  );
}
