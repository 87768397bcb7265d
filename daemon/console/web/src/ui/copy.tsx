import { Button, VisuallyHidden } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useEffect, useState } from "react";

/** A button that copies a text and says that it did. `what` tells several of them apart for who does not see them. */
export function CopyButton({ value, children = "Copy", size = "sm", what }: { value: string; children?: string; size?: "xs" | "sm"; what?: string }) {
  const [state, setState] = useState<"idle" | "copied" | "refused">("idle");
  useEffect(() => {
    if (state === "idle") return undefined;
    const timer = setTimeout(() => setState("idle"), 2_000);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () => { navigator.clipboard.writeText(value).then(() => setState("copied"), () => setState("refused")); };
  return (
    <Button
      variant="default" size={size} onClick={copy} aria-live="polite"
      leftSection={state === "copied" ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
    >
      {state === "copied" ? "Copied" : state === "refused" ? "Select it and copy by hand" : children}
      {what ? <VisuallyHidden> {what}</VisuallyHidden> : null}
    </Button>
  );
}
