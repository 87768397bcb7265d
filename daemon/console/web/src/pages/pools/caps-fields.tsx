// Caps by hour, day and week; empty means any number.
import { NumberInput } from "@mantine/core";
import type { Caps } from "../../api/types";
import { count } from "../../lib/format";
import css from "./pools.module.css";

const WINDOWS = [["hour", "Leads per hour"], ["day", "Leads per day"], ["week", "Leads per week"]] as const;

interface CapsFieldsProps { label: string; note: string; caps: Caps; load?: Record<keyof Caps, number>; disabled: boolean; error: string | undefined; onChange(caps: Caps): void }

export function CapsFields({ label, note, caps, load, disabled, error, onChange }: CapsFieldsProps) {
  return (
    <fieldset className={css["caps"]} disabled={disabled}>
      <legend>{label}</legend>
      <p>{note}</p>
      <div>
        {WINDOWS.map(([window, word]) => (
          <NumberInput
            key={window} label={word} placeholder="no cap" hideControls inputMode="numeric" min={1} max={100_000} allowDecimal={false} value={caps[window] ?? ""}
            description={load && typeof caps[window] === "number" ? `${count(load[window])} of ${count(caps[window])} used` : undefined} inputWrapperOrder={["label", "input", "description", "error"]}
            onChange={(value) => onChange({ ...caps, [window]: value === "" ? null : Number(value) })}
          />
        ))}
      </div>
      {error ? <p role="alert" className={css["error"]}>{error}</p> : null}
    </fieldset>
  );
}
