// A passkey: named by the person, made by the browser and the device, checked and kept by the server.
import { Button, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { IconFingerprint } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { makePasskey, passkeysWork } from "../../api/passkey";
import { toTell } from "../../api/problem";
import type { FactorAdded, PasskeyCreation } from "../../api/types";
import { deviceName } from "../../lib/device";
import { api } from "../../paths";
import { Notice } from "../../ui/status";

interface PasskeySetupProps { options: PasskeyCreation; onAdded(codes: string[] | null): void; onAnew(): void }

export function PasskeySetup({ options, onAdded, onAnew }: PasskeySetupProps) {
  const [name, setName] = useState(() => deviceName(navigator.userAgent));
  const add = useMutation({
    mutationFn: async () => client.post<FactorAdded>(api.myPasskeys(), { name: name.trim(), credential: await makePasskey(options) }),
    onSuccess: ({ recovery_codes }) => onAdded(recovery_codes),
  });
  const problem = toTell(add.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate();
  };
  if (!passkeysWork()) return <Notice tone="warn" title="This browser has no passkeys">Use another browser, or an authenticator app.</Notice>;
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Text size="sm">Your browser will ask where to keep it: in this device, in a phone, or in a security key. It never leaves there.</Text>
        {problem ? <Notice tone="bad" title="No passkey was added" actions={<Button size="xs" variant="default" onClick={onAnew}>Begin anew</Button>}>{problem}</Notice> : null}
        <TextInput
          label="Name" description="So that you know it in the list." required withAsterisk={false} maxLength={80} autoComplete="off" autoFocus data-autofocus value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Button type="submit" fullWidth loading={add.isPending} disabled={name.trim() === ""} leftSection={<IconFingerprint size={18} aria-hidden />}>Make a passkey</Button>
      </Stack>
    </form>
  );
}
