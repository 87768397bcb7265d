// What stands where data will be: the shape of what comes, the next step when there is none, or what went wrong.
import { Button, Code, Skeleton, Stack } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { type ComponentType, type ReactNode, useEffect, useState } from "react";
import { Notice } from "./status";
import css from "./ui.module.css";

/** False for the first 200 ms, so that a quick answer never flickers. */
export function useSlow(milliseconds = 200): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), milliseconds);
    return () => clearTimeout(timer);
  }, [milliseconds]);
  return slow;
}

export function LoadingRows({ rows = 6, height = 20, label = "Loading" }: { rows?: number; height?: number; label?: string }) {
  const slow = useSlow();
  return (
    <div role="status" aria-label={label} aria-busy="true">
      <Stack gap={16} p="md" opacity={slow ? 1 : 0}>
        {Array.from({ length: rows }, (_, row) => <Skeleton key={row} height={height} width={`${92 - ((row * 17) % 34)}%`} radius="sm" />)}
      </Stack>
    </div>
  );
}

export function LoadingBlock({ height }: { height: number }) {
  const slow = useSlow();
  return <div role="status" aria-label="Loading" aria-busy="true"><Skeleton height={height} radius="md" mb={16} opacity={slow ? 1 : 0} /></div>;
}

interface EmptyProps { icon: ComponentType<{ size?: number; stroke?: number; "aria-hidden"?: boolean }>; title: string; children: ReactNode; action?: ReactNode }

export function Empty({ icon: Icon, title, children, action }: EmptyProps) {
  return (
    <div className={css["empty"]}>
      <Icon size={32} stroke={1.5} aria-hidden />
      <strong>{title}</strong>
      <p>{children}</p>
      {action ? <div className={css["emptyAction"]}>{action}</div> : null}
    </div>
  );
}

interface FaultProps { title: string; message: string; requestId?: string | undefined; /** Where the documentation says more. */ help?: string | undefined; onRetry?: () => void }

export function Fault({ title, message, requestId, help, onRetry }: FaultProps) {
  return (
    <Notice
      tone="bad"
      title={title}
      actions={onRetry ? <Button size="xs" variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={onRetry}>Try again</Button> : undefined}
    >
      {message}
      {requestId ? <> Request <Code>{requestId}</Code> is in the log of this server.</> : null}
      {help ? <> <a href={help} target="_blank" rel="noreferrer">What helps</a></> : null}
    </Notice>
  );
}
