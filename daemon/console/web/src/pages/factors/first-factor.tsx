// The only page of somebody whose role, or organisation, asks for a second factor and who has none yet.
import { useState } from "react";
import { messageOf } from "../../api/problem";
import { useSession, useSessionActions } from "../../api/session";
import { Door } from "../../shell/door";
import { Linkish } from "../../shell/factor-form";
import { useToast } from "../../ui/toast";
import { AddFactor } from "./add-factor";
import { RecoveryCodes } from "./recovery-codes";

export default function FirstFactor() {
  const { user, tenant } = useSession();
  const { reload, signOut } = useSessionActions();
  const toast = useToast();
  const [codes, setCodes] = useState<string[]>();
  const goOn = () => { reload().catch((error: unknown) => toast.failed(messageOf(error))); };
  const leave = () => { void signOut(); };
  const foot = <>Signed in as {user.email ?? user.name}. <Linkish onClick={leave}>Sign out</Linkish></>;
  if (codes) {
    return (
      <Door wide title="Save your recovery codes" lead="The second factor is on. One more thing, for the day your phone is gone." foot={foot}>
        <RecoveryCodes codes={codes} act="Go on" onDone={goOn} />
      </Door>
    );
  }
  return (
    <Door
      wide title="Add a second factor" foot={foot}
      lead={<>What you may do in {tenant.name} asks for more than a password. Choose what you will use at each sign-in; you can add the other one later.</>}
    >
      <AddFactor ways={["totp", "passkey"]} onAdded={(made) => { if (made) setCodes(made); else goOn(); }} />
    </Door>
  );
}
