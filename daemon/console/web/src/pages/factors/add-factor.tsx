// Adding a factor, from the choice to the recovery codes. The forced set-up and the account share it.
import { Button, Stack } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { IconArrowLeft, IconDeviceMobile, IconFingerprint } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { client } from "../../api/client";
import { passkeysWork } from "../../api/passkey";
import { toTell } from "../../api/problem";
import { signInOptionsQuery } from "../../api/queries";
import type { PasskeyCreation, TotpOffer } from "../../api/types";
import { api } from "../../paths";
import { Notice } from "../../ui/status";
import css from "./factors.module.css";
import { PasskeySetup } from "./passkey-setup";
import { PasswordAgain, wantsPassword } from "./password-again";
import { TotpSetup } from "./totp-setup";

export type Way = "totp" | "passkey";
type Offer = { way: "totp"; totp: TotpOffer } | { way: "passkey"; publicKey: PasskeyCreation };
interface Ask { way: Way; password?: string }

/** The server takes them, and this browser has them. */
export function usePasskeysOffered(): boolean {
  return useQuery(signInOptionsQuery()).data?.passkey === true && passkeysWork();
}

async function beginWay({ way, password }: Ask): Promise<Offer> {
  const body = password === undefined ? {} : { password };
  if (way === "totp") return { way, totp: await client.post<TotpOffer>(api.myTotp(), body) };
  return { way, ...(await client.post<{ publicKey: PasskeyCreation }>(api.myPasskeysBegin(), body)) };
}

export function AddFactor({ ways, onAdded }: { ways: Way[]; onAdded(codes: string[] | null): void }) {
  const [way, setWay] = useState<Way>();
  const passkeys = usePasskeysOffered();
  const begin = useMutation({ mutationFn: beginWay, onError: (error) => { if (!wantsPassword(error)) setWay(undefined); } });
  const choose = (chosen: Way, password?: string) => {
    setWay(chosen);
    begin.mutate({ way: chosen, ...(password === undefined ? {} : { password }) });
  };
  const back = () => {
    setWay(undefined);
    begin.reset();
  };
  const offer = begin.data;

  if (way && begin.isError && wantsPassword(begin.error)) {
    return <Steps onBack={back}><PasswordAgain error={begin.error} busy={begin.isPending} onPassword={(password) => choose(way, password)} /></Steps>;
  }
  if (way && offer?.way === "totp") return <Steps onBack={back}><TotpSetup offer={offer.totp} onAdded={onAdded} /></Steps>;
  if (way && offer?.way === "passkey") {
    return <Steps onBack={back}><PasskeySetup key={offer.publicKey.challenge} options={offer.publicKey} onAdded={onAdded} onAnew={() => choose("passkey")} /></Steps>;
  }
  const problem = toTell(begin.error);
  return (
    <div className={css["ways"]}>
      {problem ? <Notice tone="bad" title="It could not begin">{problem}</Notice> : null}
      {ways.includes("passkey") && passkeys ? (
        <WayButton icon={<IconFingerprint size={22} stroke={1.7} aria-hidden />} title="Passkey" busy={begin.isPending} onClick={() => choose("passkey")}>
          A fingerprint, a face, a PIN or a security key. Cannot be phished; also signs you in without a password.
        </WayButton>
      ) : null}
      {ways.includes("totp") ? (
        <WayButton icon={<IconDeviceMobile size={22} stroke={1.7} aria-hidden />} title="Authenticator app" busy={begin.isPending} onClick={() => choose("totp")}>
          A new six-digit code every 30 seconds, from an app on your phone or in your password manager.
        </WayButton>
      ) : null}
    </div>
  );
}

function Steps({ children, onBack }: { children: ReactNode; onBack(): void }) {
  return (
    <Stack gap="sm">
      {children}
      <div><Button size="compact-sm" variant="subtle" color="gray" leftSection={<IconArrowLeft size={14} aria-hidden />} onClick={onBack}>Another way</Button></div>
    </Stack>
  );
}

function WayButton({ icon, title, busy, children, onClick }: { icon: ReactNode; title: string; busy: boolean; children: string; onClick(): void }) {
  return (
    <button type="button" className={css["way"]} disabled={busy} onClick={onClick}>
      {icon}<span><strong>{title}</strong><small>{children}</small></span>
    </button>
  );
}
