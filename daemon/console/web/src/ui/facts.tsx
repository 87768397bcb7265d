// Small facts: times with UTC on hover, ids that can be copied, a timeline of steps.
import { VisuallyHidden } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { clock } from "../lib/clock";
import { exactLocalTime, localSeconds, localTime, relative, since, utcTime } from "../lib/format";
import css from "./ui.module.css";

/** The present by the server's clock, renewed every few seconds and with each answer, so that "4 min ago" stays true on an open page. */
export function useNow(): number {
  return useSyncExternalStore(clock.subscribe, clock.shown);
}

interface TimeProps {
  at: string | null | undefined;
  /** Told from now, of something that has happened. */
  ago?: boolean;
  /** Told from now, of something that is still to come, or was. */
  due?: boolean;
  precise?: boolean;
}

export function Time({ at, ago = false, due = false, precise = false }: TimeProps) {
  const now = useNow();
  if (!at) return <>never</>;
  return (
    <time dateTime={at} title={`${exactLocalTime(at)} here, ${utcTime(at)}`}>
      {ago ? since(at, now) : due ? relative(at, now) : precise ? localSeconds(at) : localTime(at)}
    </time>
  );
}

export function CopyId({ value, what = "id" }: { value: string; what?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      className={css["copy"]}
      title={value}
      onClick={(event) => {
        event.stopPropagation();
        navigator.clipboard.writeText(value).then(() => setCopied(true), () => undefined);
      }}
    >
      <VisuallyHidden>Copy {what} </VisuallyHidden>
      <span>{value}</span>
      {copied ? <IconCheck size={12} aria-label="Copied" /> : <IconCopy size={12} aria-hidden />}
    </button>
  );
}

export interface Step { at: string; step: string; title: string; detail: string }

export function Story({ steps }: { steps: Step[] }) {
  return (
    <ol className={css["story"]}>
      {steps.map((step, index) => (
        <li key={`${step.at}-${step.step}-${index}`}>
          <div className={css["storyHead"]}>
            <strong>{step.title}</strong>
            <Time at={step.at} precise />
          </div>
          {step.detail ? <p>{step.detail}</p> : null}
        </li>
      ))}
    </ol>
  );
}

/** A share drawn as a bar, with a mark where the ideal share lies. Both between 0 and 1. */
export function ShareBar({ share, ideal, label }: { share: number; ideal: number; label: string }) {
  const scale = Math.max(share, ideal, 0.01) > 0.5 ? 1 : 0.5;
  const at = (value: number) => `${Math.min(100, (value / scale) * 100)}%`;
  return (
    <div className={css["bar"]} role="img" aria-label={label} title={label}>
      <div className={css["barFill"]} style={{ width: at(share) }} />
      <div className={css["barMark"]} style={{ left: at(ideal) }} />
    </div>
  );
}
