import type { ReactNode } from "react";
import { helpHome } from "../lib/help";
import logo from "../assets/revkeep.svg";
import css from "./shell.module.css";

/** The frame of the pages before sign-in. */
export function Door({ title, lead, children, foot, wide = false }: { title: string; lead: ReactNode; children: ReactNode; foot?: ReactNode; wide?: boolean }) {
  return (
    <main className={css["door"]}>
      <title>{`${title} · Revkeep`}</title>
      <div className={css["doorCard"]} data-wide={wide ? true : undefined}>
        <div className={css["doorBrand"]}><img src={logo} width={32} height={32} alt="" />Revkeep</div>
        <div className={css["doorPanel"]}>
          <h1>{title}</h1>
          <p aria-live="polite">{lead}</p>
          {children}
        </div>
        <div className={css["doorFoot"]}>{foot ? <>{foot} </> : null}<a href={helpHome} target="_blank" rel="noreferrer">Documentation</a></div>
      </div>
    </main>
  );
}
