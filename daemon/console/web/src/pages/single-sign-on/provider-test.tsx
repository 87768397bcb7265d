import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { IconPlugConnected } from "@tabler/icons-react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import type { Probe, Provider } from "../../api/sso";
import { useNow } from "../../ui/facts";
import { Notice, ToneIcon } from "../../ui/status";
import { useOwner } from "./owner";
import { failedSteps, type ProbeStep, probeSteps, samlProbeSteps } from "./probe";
import css from "./single-sign-on.module.css";

/** Contacts the provider and tells what was found, step by step. */
export function ProviderTest({ provider, onBusy }: { provider: Provider; onBusy(busy: boolean): void }) {
  const owner = useOwner();
  const test = useMutation({
    mutationFn: () => client.post<Probe>(owner.providerTest(provider.id)),
    onMutate: () => onBusy(true),
    onSettled: () => onBusy(false),
  });
  const now = useNow();
  const steps = test.data ? (provider.saml ? samlProbeSteps(test.data, provider.saml.certificates, now) : probeSteps(test.data)) : failedSteps(test.error);
  const problem = steps ? undefined : toTell(test.error);
  return (
    <section className={css["part"]} aria-label="Test">
      <h3>Test</h3>
      <p>{provider.saml ? "Revkeep looks at what is set; a SAML provider is reached by browsers alone." : "Revkeep asks the provider what a sign-in needs."} Nobody is signed in, and nothing is changed.</p>
      <div className={css["lead"]}>
        <div aria-live="polite">
          {problem ? <Notice tone="bad" title="Not tested">{problem}</Notice> : null}
          {steps ? <Steps steps={steps} /> : null}
        </div>
        <div>
          <Button size="xs" variant={steps ? "default" : "light"} leftSection={<IconPlugConnected size={14} aria-hidden />} loading={test.isPending} onClick={() => test.mutate()}>
            {steps ? "Test again" : "Test"}
          </Button>
        </div>
      </div>
    </section>
  );
}

const WORDS: Partial<Record<ProbeStep["tone"], string>> = { ok: "Passed", bad: "Failed", warn: "Mind", idle: "Not tried" };

export function Steps({ steps }: { steps: ProbeStep[] }) {
  return (
    <ol className={css["steps"]} aria-label="Result of the test">
      {steps.map((step) => (
        <li key={step.title} className={css[step.tone]}>
          <ToneIcon tone={step.tone} size={18} />
          <div><strong>{step.title}: {WORDS[step.tone]?.toLowerCase()}</strong><p>{step.detail}</p></div>
        </li>
      ))}
    </ol>
  );
}
