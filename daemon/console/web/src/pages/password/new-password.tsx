// A new password with what the server thinks of it, asked while one types. The server judges again when it is sent.
import { PasswordInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useState } from "react";
import { client } from "../../api/client";
import { signInOptionsQuery } from "../../api/queries";
import type { PasswordStrength, SignInOptions } from "../../api/types";
import { api } from "../../paths";
import css from "./password.module.css";

interface NewPasswordProps {
  label?: string;
  value: string;
  error?: ReactNode;
  /** What the password must not be made of. */
  email?: string | undefined;
  name?: string | undefined;
  onChange(password: string): void;
}

const WORDS = ["Very weak", "Weak", "Fair", "Good", "Strong"];
const PAUSE_MS = 350;

export function NewPassword({ label = "Password", value, error, email, name, onChange }: NewPasswordProps) {
  const rule = useQuery(signInOptionsQuery()).data?.password;
  const strength = useStrength(value, email, name);
  const id = useId();
  return (
    <div>
      <PasswordInput
        label={label} description={ruleInWords(rule)} autoComplete="new-password" required withAsterisk={false} value={value} error={error} aria-describedby={id}
        onChange={(event) => onChange(event.currentTarget.value)} visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
      />
      <div id={id} aria-live="polite">{value !== "" && strength ? <Meter strength={strength} /> : null}</div>
    </div>
  );
}

function ruleInWords(rule: SignInOptions["password"] | undefined): string {
  const least = rule?.min_length ?? 12;
  return rule?.profile === "asvs"
    ? `At least ${least} characters, of any kind. A sentence is easier to keep than a puzzle.`
    : `At least ${least} characters, of three kinds: small and capital letters, digits, others. A sentence is easier to keep than a puzzle.`;
}

function Meter({ strength }: { strength: PasswordStrength }) {
  const score = strength.acceptable ? Math.max(1, strength.score) : Math.min(1, strength.score);
  const say = strength.problems.length > 0 ? strength.problems.map(({ detail }) => detail) : [strength.warning, ...strength.suggestions].filter((text) => text !== null && text !== "");
  return (
    <div className={css["meter"]} data-score={score}>
      <div className={css["meterBar"]} aria-hidden>{[1, 2, 3, 4].map((step) => <i key={step} data-on={score >= step ? true : undefined} />)}</div>
      <strong>{strength.acceptable ? WORDS[score] : "Not accepted"}</strong>
      {say.length > 0 ? <ul>{say.map((text) => <li key={text}>{text}</li>)}</ul> : null}
    </div>
  );
}

/** The password goes to the server and nowhere else: not into a cache, which would keep it. */
function useStrength(password: string, email: string | undefined, name: string | undefined): PasswordStrength | undefined {
  const [strength, setStrength] = useState<PasswordStrength>();
  useEffect(() => {
    if (password === "") {
      setStrength(undefined);
      return undefined;
    }
    const stop = new AbortController();
    const ask = async () => {
      const about = { ...(email ? { email } : {}), ...(name ? { name } : {}) };
      try {
        setStrength(await client.knock<PasswordStrength>(api.passwordStrength(), { password, ...about }, stop.signal));
      } catch {
        // Without an opinion there is no meter; the server still judges what is sent.
        if (!stop.signal.aborted) setStrength(undefined);
      }
    };
    const timer = setTimeout(() => { void ask(); }, PAUSE_MS);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [password, email, name]);
  return strength;
}
