import { Button } from "@mantine/core";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { useSessionActions } from "../../api/session";
import { Door } from "../../shell/door";
import { Notice } from "../../ui/status";
import { SignInForm } from "./sign-in-form";
import { FIRST_STEP, type SignInStep } from "./steps";

const WHY: Record<string, string> = {
  session_expired: "The session ended because it was not used for a while, or reached its age limit. What you were doing is kept at its address; sign in to go on.",
  session_revoked: "It was ended by you on another device, by an administrator, or because a copy of it was used elsewhere. If you do not know why, sign in, look at the sessions of your account, change your password, and tell your administrator.",
  unauthenticated: "The session ended. Sign in to go on.",
  not_told: "Nothing of the session is left in this page, but Revkeep did not answer, so it could not be ended there yet. This browser ends it as soon as it reaches Revkeep again.",
};

const WORDS: Record<SignInStep["kind"], { title: string; lead: string }> = {
  address: { title: "Sign in", lead: "To your organisation's Revkeep." },
  password: { title: "Sign in", lead: "To your organisation's Revkeep." },
  provider: { title: "Sign in", lead: "Your organisation has a sign-in of its own. You come back here from it." },
  directory: { title: "Sign in", lead: "With the account of your organisation's directory, as on your computer." },
  factor: { title: "Confirm that it is you", lead: "The password is right. Your account also asks for a second factor." },
};

export function Page() {
  const { state } = useSessionActions();
  const [params] = useSearchParams();
  const [step, setStep] = useState<SignInStep>(() => {
    const provider = params.get("provider");
    return provider === null ? FIRST_STEP : { kind: "provider", provider, name: undefined, only: false };
  });
  const out = state.kind === "signed_out" ? state : undefined;
  const why = out?.reason ? WHY[out.reason] : undefined;
  return (
    <Door {...WORDS[step.kind]}>
      {why && step.kind === "address" && !step.notice ? <Notice tone={out?.reason === "session_revoked" ? "warn" : "info"} title={out?.reason === "session_revoked" ? "This session was ended from elsewhere" : "You were signed out"}>{why}</Notice> : null}
      {out?.elsewhere && step.kind === "address" ? (
        <Notice tone="info" title="You are signed out of Revkeep" actions={<Button size="xs" variant="default" component="a" href={out.elsewhere}>Sign out there too</Button>}>
          Your organisation's own sign-in may still be open in this browser, and would let the next person in.
        </Notice>
      ) : null}
      <SignInForm step={step} onStep={setStep} />
    </Door>
  );
}
