// The frame of a page: its title (also the document's), what it is for, its actions, and panels beneath.
import { type ReactNode, useEffect, useId } from "react";
import css from "./ui.module.css";

/** `section` names the part of the page that is open, in the document's title only. */
export function PageHead({ title, section, children, actions }: { title: string; section?: string; children?: ReactNode; actions?: ReactNode }) {
  useEffect(() => { document.title = `${section ? `${section} · ` : ""}${title} · Revkeep`; }, [title, section]);
  return (
    <header className={css["pageHead"]}>
      <div className={css["pageHeadText"]}>
        <h1 tabIndex={-1}>{title}</h1>
        {children ? <p>{children}</p> : null}
      </div>
      {actions ? <div className={css["pageActions"]}>{actions}</div> : null}
    </header>
  );
}

interface PanelProps { title?: string; note?: ReactNode; actions?: ReactNode; flush?: boolean; children: ReactNode }

export function Panel({ title, note, actions, flush = false, children }: PanelProps) {
  const id = useId();
  return (
    <section className={css["panel"]} {...(title ? { "aria-labelledby": id } : {})}>
      {title ? (
        <div className={css["panelHead"]}>
          <div className={css["panelHeadText"]}>
            <h2 id={id}>{title}</h2>
            {note ? <p>{note}</p> : null}
          </div>
          {actions}
        </div>
      ) : null}
      <div className={flush ? css["panelFlush"] : css["panelBody"]}>{children}</div>
    </section>
  );
}

export function Facts({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className={css["facts"]}>
      {items.map(([term, value]) => [<dt key={`${term}-t`}>{term}</dt>, <dd key={`${term}-d`}>{value}</dd>])}
    </dl>
  );
}

export interface StatProps { label: ReactNode; tone?: "bad" | undefined; value: string; note?: string; href?: string; onOpen?: () => void }

/** `narrow` is for many figures of few digits. */
export function Stats({ narrow = false, children }: { narrow?: boolean; children: ReactNode }) {
  return <div className={`${css["stats"]} ${narrow ? css["statsNarrow"] : ""}`}>{children}</div>;
}

/** One figure with its label and period; opens its evidence when it has an address. */
export function Stat({ label, tone, value, note, href, onOpen }: StatProps) {
  const body = (
    <>
      <div className={css["statLabel"]} data-tone={tone}>{label}</div>
      <div className={css["statValue"]}>{value}</div>
      {note ? <div className={css["statNote"]}>{note}</div> : null}
    </>
  );
  if (!href) return <div className={css["stat"]}>{body}</div>;
  return (
    <a className={css["stat"]} href={href} onClick={(event) => openInApp(event, onOpen)}>{body}</a>
  );
}

/** A plain click stays in the app; with a modifier the browser opens a tab as always. */
export function openInApp(event: React.MouseEvent, open: (() => void) | undefined): void {
  if (!open || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  open();
}
