import { CopyButton } from "../../ui/copy";
import css from "./single-sign-on.module.css";

/** Addresses that are entered elsewhere, each with a button that copies it. */
export function Copies({ items }: { items: { label: string; value: string }[] }) {
  return (
    <dl className={css["copies"]}>
      {items.map(({ label, value }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd><code>{value}</code><CopyButton value={value} size="xs" what={label} /></dd>
        </div>
      ))}
    </dl>
  );
}
