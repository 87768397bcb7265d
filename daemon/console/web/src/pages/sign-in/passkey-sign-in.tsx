import { Button } from "@mantine/core";
import { IconFingerprint } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "../../api/client";
import { provePasskey } from "../../api/passkey";
import { messageOf } from "../../api/problem";
import { useSessionActions } from "../../api/session";
import type { PasskeyRequest } from "../../api/types";
import { api } from "../../paths";
import css from "../../shell/shell.module.css";

/** A passkey opens the session by itself: no address, no password. */
export function PasskeySignIn({ busy, onProblem }: { busy: boolean; onProblem(problem: string | undefined): void }) {
  const { open } = useSessionActions();
  const [asking, setAsking] = useState(false);
  const begin = async () => {
    setAsking(true);
    onProblem(undefined);
    try {
      const { publicKey } = await client.knock<{ publicKey: PasskeyRequest }>(api.sessionPasskeyBegin(), {});
      await open(api.sessionPasskey(), { credential: await provePasskey(publicKey) });
    } catch (error) {
      onProblem(messageOf(error));
      setAsking(false);
    }
  };
  return (
    <>
      <div className={css["or"]}>or</div>
      <Button variant="default" fullWidth loading={asking} disabled={busy} leftSection={<IconFingerprint size={18} aria-hidden />} onClick={() => { void begin(); }}>Sign in with a passkey</Button>
    </>
  );
}
