// The row of filters above a list.
import { Button, CloseButton, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import type { ReactNode } from "react";
import css from "./filters.module.css";

interface FilterBarProps {
  label: string;
  text: string;
  placeholder: string;
  onText(text: string): void;
  /** Shown only while something is filtered. */
  onClear: (() => void) | undefined;
  children?: ReactNode;
  actions?: ReactNode;
}

export function FilterBar({ label, text, placeholder, onText, onClear, children, actions }: FilterBarProps) {
  return (
    <div className={css["bar"]} role="search" aria-label={label}>
      <TextInput
        className={css["text"] ?? ""} aria-label={placeholder} placeholder={placeholder} leftSection={<IconSearch size={16} aria-hidden />}
        rightSection={text === "" ? null : <CloseButton size="sm" aria-label="Clear the search" onClick={() => onText("")} />}
        value={text} onChange={(event) => onText(event.currentTarget.value)}
      />
      {children}
      {onClear ? <Button variant="subtle" color="gray" onClick={onClear}>Clear filters</Button> : null}
      <span className={css["grow"]} />
      {actions}
    </div>
  );
}
