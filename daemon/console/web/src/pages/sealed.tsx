// The door while the appliance cannot serve: which part is missing, what an administrator does, and it opens by itself.
import { Code } from "@mantine/core";
import { useEffect, useState } from "react";
import { client } from "../api/client";
import { Problem } from "../api/problem";
import type { Readiness } from "../api/types";
import { api } from "../paths";
import { Door } from "../shell/door";
import { Notice } from "../ui/status";

const EVERY_MS = 4_000;

export function Sealed({ sealed, onReady }: { sealed: boolean; onReady: () => Promise<void> }) {
  const readiness = useReadiness(onReady);
  const isSealed = readiness ? readiness.status === "sealed" : sealed;
  const reasons = readiness?.reasons ?? [];
  return isSealed ? (
    <Door
      title="The vault is sealed"
      lead="Revkeep is running, but its keys are locked away, so nobody can sign in. Nothing is lost: routing goes on by itself when the vault opens."
      foot="This page looks every few seconds and opens by itself."
    >
      {reasons.map((reason) => <Notice key={reason.code + reason.component} tone="bad" title={reason.component}>{reason.message}</Notice>)}
      <p>What to do: unseal the vault (<Code>bao operator unseal</Code>), or ask your administrator. <Code>revkeep status</Code> on the server tells more.</p>
    </Door>
  ) : (
    <Door
      title="Revkeep is not ready"
      lead="The server does not answer, or is still starting."
      foot="This page looks every few seconds and opens by itself."
    >
      {reasons.map((reason) => <Notice key={reason.code + reason.component} tone="warn" title={reason.component}>{reason.message}</Notice>)}
      <p>What to do: wait a moment. If it lasts, an administrator finds the reason with <Code>systemctl status revkeep</Code>.</p>
    </Door>
  );
}

function useReadiness(onReady: () => Promise<void>): Readiness | undefined {
  const [readiness, setReadiness] = useState<Readiness>();
  useEffect(() => {
    let stopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const now = await readReadiness();
      if (stopped) return;
      setReadiness(now);
      if (now?.status === "ready") await onReady();
      if (!stopped) timer = setTimeout(() => { void look(); }, EVERY_MS);
    };
    void look();
    return () => { stopped = true; clearTimeout(timer); };
  }, [onReady]);
  return readiness;
}

async function readReadiness(): Promise<Readiness | undefined> {
  try {
    return await client.readiness(api.ready());
  } catch (error) {
    return error instanceof Problem ? { status: "unavailable" } : undefined;
  }
}
