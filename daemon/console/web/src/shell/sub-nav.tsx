import { NavLink } from "react-router";
import css from "./shell.module.css";

/** The parts of one subject, each with its own address. */
export function SubNav({ label, items }: { label: string; items: { to: string; label: string; count?: number | undefined }[] }) {
  return (
    <nav className={css["subNav"]} aria-label={label}>
      {items.map((item) => (
        <NavLink key={item.to} to={item.to} end>{item.label}{item.count === undefined ? null : <em>{item.count}</em>}</NavLink>
      ))}
    </nav>
  );
}
