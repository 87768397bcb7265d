// Acts on one's factors that ask for a fresh one first: turning the app off, and new recovery codes.
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { api } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { useToast } from "../../ui/toast";

export function RemoveTotp({ last, onRemoved }: { last: boolean; onRemoved(): void }) {
  const [asking, setAsking] = useState(false);
  const toast = useToast();
  const remove = useMutation({
    mutationFn: () => client.delete(api.myTotp()),
    onSuccess: () => {
      setAsking(false);
      toast.done("The authenticator app is off. Delete its entry in the app too.");
      onRemoved();
    },
  });
  return (
    <>
      <Button
        size="xs" variant="default" disabled={last} title={last ? "Your role asks for a second factor. Add a passkey before you remove the app." : undefined}
        aria-label="Remove the authenticator app" onClick={() => { remove.reset(); setAsking(true); }}
      >
        Remove
      </Button>
      <Confirm opened={asking} title="Remove the authenticator app" act="Remove" danger busy={remove.isPending} error={toTell(remove.error)} onClose={() => setAsking(false)} onConfirm={() => remove.mutate()}>
        Its codes will not open your account any more. To use an app again you scan a new code.
      </Confirm>
    </>
  );
}

export function MakeCodes({ had, onMade }: { had: boolean; onMade(codes: string[]): void }) {
  const [asking, setAsking] = useState(false);
  const make = useMutation({
    mutationFn: () => client.post<{ recovery_codes: string[] }>(api.myRecovery()),
    onSuccess: ({ recovery_codes }) => {
      setAsking(false);
      onMade(recovery_codes);
    },
  });
  return (
    <>
      <Button size="xs" variant="default" onClick={() => { make.reset(); setAsking(true); }}>Make new codes</Button>
      <Confirm opened={asking} title="Make new recovery codes" act="Make new codes" busy={make.isPending} error={toTell(make.error)} onClose={() => setAsking(false)} onConfirm={() => make.mutate()}>
        {had ? "The codes that you have stop working at once, on paper and in every file." : "You get eight codes."} The new ones are shown once.
      </Confirm>
    </>
  );
}
