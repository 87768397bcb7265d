// Answers the client when a request needs a fresh factor: one dialog, one answer for all who wait.
import { lazy, Suspense, useEffect, useState } from "react";
import { client } from "../api/client";

const StepUp = lazy(() => import("./step-up"));

export function StepUpHost() {
  const [answer, setAnswer] = useState<(proven: boolean) => void>();
  useEffect(() => {
    client.events = { ...client.events, stepUp: () => new Promise<boolean>((done) => setAnswer(() => done)) };
  }, []);
  if (!answer) return null;
  const close = (proven: boolean) => {
    setAnswer(undefined);
    answer(proven);
  };
  return <Suspense><StepUp onDone={() => close(true)} onCancel={() => close(false)} /></Suspense>;
}
