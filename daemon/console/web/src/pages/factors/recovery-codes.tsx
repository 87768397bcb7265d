// The recovery codes, shown this once: copy, file or paper, and going on only when they are said to be saved.
import { Button, Checkbox, Stack, Text } from "@mantine/core";
import { IconDownload, IconPrinter } from "@tabler/icons-react";
import { useState } from "react";
import { createPortal } from "react-dom";
import { useSession } from "../../api/session";
import { download } from "../../lib/csv";
import { CopyButton } from "../../ui/copy";
import css from "./factors.module.css";

export function RecoveryCodes({ codes, act, onDone }: { codes: string[]; act: string; onDone(): void }) {
  const { user } = useSession();
  const [saved, setSaved] = useState(false);
  const heading = `Revkeep recovery codes of ${user.email ?? user.name}`;
  const file = () => `${heading}\nMade on ${new Date().toISOString().slice(0, 10)}. Each works once, in place of your second factor.\n\n${codes.join("\n")}\n`;
  return (
    <Stack gap="md">
      <Text size="sm">If you lose your phone or your key, one of these opens your account in its place. Each works once. They are not shown again: put them where you keep passwords, or print them.</Text>
      <ul className={css["codes"]} aria-label="Recovery codes">{codes.map((code) => <li key={code}>{code}</li>)}</ul>
      <div className={css["foot"]}>
        <CopyButton value={codes.join("\n")}>Copy all</CopyButton>
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} onClick={() => download("revkeep-recovery-codes.txt", file(), "text/plain;charset=utf-8")}>Download</Button>
        <Button variant="default" leftSection={<IconPrinter size={16} aria-hidden />} onClick={() => window.print()}>Print</Button>
      </div>
      <Checkbox label="I have saved them" checked={saved} onChange={(event) => setSaved(event.currentTarget.checked)} />
      <Button fullWidth disabled={!saved} onClick={onDone}>{act}</Button>
      {createPortal(
        <div className={css["paper"]} aria-hidden>
          <strong>{heading}</strong>
          <div>Each works once, in place of your second factor.</div>
          {codes.map((code) => <div key={code}>{code}</div>)}
        </div>,
        document.body,
      )}
    </Stack>
  );
}
