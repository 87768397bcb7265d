// An authenticator app: the picture to scan, the secret to type where there is no camera, and the first code as proof.
import { Button, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { factorProblem, toTell } from "../../api/problem";
import type { FactorAdded, TotpOffer } from "../../api/types";
import { CODE_LENGTH } from "../../lib/code";
import { api } from "../../paths";
import { CodeField } from "../../ui/code-field";
import { CopyButton } from "../../ui/copy";
import { SecretText } from "../../ui/secret-dialog";
import { Notice } from "../../ui/status";
import css from "./factors.module.css";

/** Our own server draws the code; as an image it can run nothing. */
const picture = (svg: string): string => `data:image/svg+xml,${encodeURIComponent(svg)}`;
const inFours = (secret: string): string => secret.match(/.{1,4}/g)?.join(" ") ?? secret;

export function TotpSetup({ offer, onAdded }: { offer: TotpOffer; onAdded(codes: string[] | null): void }) {
  const [code, setCode] = useState("");
  const confirm = useMutation({
    mutationFn: (whole: string) => client.post<FactorAdded>(api.myTotpConfirm(), { code: whole }),
    onSuccess: ({ recovery_codes }) => onAdded(recovery_codes),
    onError: () => setCode(""),
  });
  const problem = confirm.isError && toTell(confirm.error) !== undefined ? factorProblem(confirm.error) : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (code.length === CODE_LENGTH) confirm.mutate(code);
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <div className={css["offer"]}>
          <img className={css["qr"]} src={picture(offer.qr_svg)} alt="QR code with the secret for your authenticator app" width={176} height={176} />
          <div>
            <Text size="sm">Scan it with your authenticator app. No camera? Type this secret in the app:</Text>
            <SecretText>{inFours(offer.secret)}</SecretText>
            <div className={css["foot"]}>
              <CopyButton value={offer.secret} size="xs">Copy the secret</CopyButton>
              {offer.otpauth_url.startsWith("otpauth://") ? <a href={offer.otpauth_url}>Open in an app on this device</a> : null}
            </div>
          </div>
        </div>
        {problem ? <Notice key={confirm.failureCount + confirm.submittedAt} tone="bad" title="Not confirmed">{problem}</Notice> : null}
        <CodeField
          key={confirm.submittedAt} label="Code" description="The six digits that the app shows now." value={code} disabled={confirm.isPending} onChange={setCode}
          onComplete={(whole) => confirm.mutate(whole)}
        />
        <Button type="submit" fullWidth loading={confirm.isPending} disabled={code.length < CODE_LENGTH}>Turn on</Button>
      </Stack>
    </form>
  );
}
