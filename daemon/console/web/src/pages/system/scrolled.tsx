// A table that may be wider than a phone.
import type { ReactNode } from "react";
import ui from "../../ui/ui.module.css";

/** What scrolls must be reached by keyboard, and in these tables nothing else can be. */
export function Scrolled({ label, className, children }: { label: string; className?: string | undefined; children: ReactNode }) {
  return (
    // oxlint-disable-next-line jsx_a11y/no-noninteractive-tabindex
    <div className={className ?? ui["scrollX"]} role="region" aria-label={`${label}, in a table`} tabIndex={0}>
      {children}
    </div>
  );
}
