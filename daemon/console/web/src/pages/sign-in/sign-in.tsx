import { useSessionActions } from "../../api/session";
import { Door } from "../../shell/door";
import { Notice } from "../../ui/status";
import { SignInForm, useSignInStep } from "./sign-in-form";

const WHY: Record<string, string> = {
  session_expired: "The session ended because it was not used for a while, or reached its age limit. What you were doing is kept at its address; sign in to go on.",
  session_revoked: "This session was ended from elsewhere: by you on another device, by an administrator, or because an old token was presented. If that was not expected, tell your administrator.",
  unauthenticated: "The session ended. Sign in to go on.",
};

export function Page() {
  const { state } = useSessionActions();
  const [step, setStep] = useSignInStep();
  const why = state.kind === "signed_out" && state.reason ? WHY[state.reason] : undefined;
  const factor = step.kind === "factor";
  return (
    <Door
      title={factor ? "Confirm that it is you" : "Sign in"}
      lead={factor ? "The password is right. Your account also asks for a second factor." : "To your organisation's Revkeep."}
    >
      {why && step.kind === "password" && !step.notice ? <Notice tone="info" title="You were signed out">{why}</Notice> : null}
      <SignInForm step={step} onStep={setStep} />
    </Door>
  );
}
