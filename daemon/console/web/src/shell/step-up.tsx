// "Confirm that it is you": a factor proven in the last five minutes, for acts that open doors or cannot be undone.
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../api/client";
import { factorProblem, hasCode, messageOf } from "../api/problem";
import type { FactorProof, StepUpBegin } from "../api/types";
import { api, path } from "../paths";
import { LoadingRows } from "../ui/states";
import { Notice } from "../ui/status";
import { FactorForm } from "./factor-form";

/** Above every other dialog, below the messages. */
const LAYER = 350;

export default function StepUp({ onDone, onCancel }: { onDone(): void; onCancel(): void }) {
  const [failed, setFailed] = useState<{ problem: string; tries: number; over: boolean }>();
  const begin = useQuery({
    queryKey: ["step-up"], queryFn: () => client.post<StepUpBegin>(api.sessionStepUpBegin()), gcTime: 0, staleTime: Infinity, retry: false, refetchOnWindowFocus: false,
  });
  const refuse = (error: unknown) => setFailed((before) => ({
    problem: hasCode(error, "challenge_void") ? "Three tries failed. Close this, and begin again when you have the right code." : factorProblem(error),
    tries: (before?.tries ?? 0) + 1,
    over: hasCode(error, "challenge_void") || hasCode(error, "rate_limited"),
  }));
  const prove = useMutation({ mutationFn: (proof: FactorProof) => client.post(api.sessionStepUp(), proof), onSuccess: onDone, onError: refuse });
  const factors = begin.data?.factors ?? [];

  return (
    <Modal opened onClose={onCancel} title="Confirm that it is you" size={420} zIndex={LAYER} closeButtonProps={{ "aria-label": "Close" }}>
      <Stack gap="md">
        <Text c="dimmed" size="sm">This act opens doors or cannot be undone, so it asks for your second factor again. It then holds for five minutes.</Text>
        {begin.isPending ? <LoadingRows rows={3} label="Asking for your factors" /> : null}
        {begin.isError ? <Notice tone="bad" title="Your factors could not be asked for">{messageOf(begin.error)}</Notice> : null}
        {failed?.over ? <Notice tone="bad" title="Not confirmed">{failed.problem}</Notice> : null}
        {begin.data && factors.length === 0 ? (
          <Notice tone="warn" title="You have no second factor yet"><a href={path.accountFactors()}>Set one up</a>, then do this again.</Notice>
        ) : null}
        {begin.data && factors.length > 0 && !failed?.over ? (
          <FactorForm
            factors={factors} passkey={begin.data.publicKey ?? null} busy={prove.isPending} problem={failed?.problem} tries={failed?.tries ?? 0}
            onProof={(proof) => prove.mutate(proof)} onProblem={refuse}
          />
        ) : null}
        <Group justify="flex-end"><Button variant="default" onClick={onCancel}>{failed?.over ? "Close" : "Cancel"}</Button></Group>
      </Stack>
    </Modal>
  );
}
