// One field for a six-digit code: digits only, spaces in a pasted one do not matter, and it sends itself when it is whole.
import { TextInput } from "@mantine/core";
import type { ReactNode, Ref } from "react";
import { becameWhole, codeDigits } from "../lib/code";
import css from "./ui.module.css";

interface CodeFieldProps {
  label: string;
  description?: ReactNode;
  value: string;
  disabled?: boolean;
  error?: ReactNode;
  onChange(code: string): void;
  onComplete(code: string): void;
  ref?: Ref<HTMLInputElement>;
}

export function CodeField({ label, description, value, disabled = false, error, onChange, onComplete, ref }: CodeFieldProps) {
  return (
    <TextInput
      ref={ref} label={label} description={description} value={value} readOnly={disabled} error={error}
      inputMode="numeric" autoComplete="one-time-code" spellCheck={false} placeholder="000000" autoFocus data-autofocus
      classNames={{ input: css["code"] ?? "" }}
      onChange={(event) => {
        const code = codeDigits(event.currentTarget.value);
        onChange(code);
        if (becameWhole(value, code)) onComplete(code);
      }}
    />
  );
}
