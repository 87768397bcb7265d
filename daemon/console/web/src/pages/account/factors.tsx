// One's own second factors: the app, the passkeys, and the recovery codes.
import { Button, Modal } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { myFactorsQuery } from "../../api/queries";
import { useSessionActions } from "../../api/session";
import type { MyFactors } from "../../api/types";
import { plural } from "../../lib/format";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Notice, Status } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { AddFactor, usePasskeysOffered, type Way } from "../factors/add-factor";
import css from "../factors/factors.module.css";
import { PasskeyRow } from "../factors/passkey-row";
import { RecoveryCodes } from "../factors/recovery-codes";
import { MakeCodes, RemoveTotp } from "../factors/removal";
import { AccountHead } from "./account-head";

/** From here on somebody should make new codes before the last one is gone. */
const FEW_CODES = 2;

export function Page() {
  const query = useQuery(myFactorsQuery());
  return (
    <>
      <AccountHead section="Second factor" />
      <QueryView query={query} what="Your factors">{(factors) => <Factors factors={factors} />}</QueryView>
    </>
  );
}

function Factors({ factors }: { factors: MyFactors }) {
  const [adding, setAdding] = useState<Way[]>();
  const [codes, setCodes] = useState<string[]>();
  const passkeys = usePasskeysOffered();
  const queries = useQueryClient();
  const { reload } = useSessionActions();
  const toast = useToast();
  const none = !factors.totp && factors.passkeys.length === 0;
  const last = (factors.totp ? 1 : 0) + factors.passkeys.length === 1 && factors.required;

  const renew = () => {
    void queries.invalidateQueries({ queryKey: ["my-factors"] });
    reload().catch(() => undefined);
  };
  const added = (made: string[] | null) => {
    setAdding(undefined);
    if (made) setCodes(made);
    else toast.done("Added. It is asked for from your next sign-in on.");
    renew();
  };
  return (
    <>
      {none ? (
        <Notice tone="warn" title="Your account has no second factor" actions={<Button size="xs" onClick={() => setAdding(["totp", "passkey"])}>Set one up</Button>}>
          Whoever learns your password has your account. With a second factor they would also need your phone or your key.
        </Notice>
      ) : null}
      {passkeys || factors.passkeys.length > 0 ? <Panel
        title="Passkeys" note="In this device, in a phone or in a security key. They also sign you in without a password." flush
        actions={passkeys ? <Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setAdding(["passkey"])}>Add a passkey</Button> : undefined}
      >
        {factors.passkeys.length === 0 ? <ul className={css["rows"]}><li>No passkey yet.</li></ul> : (
          <ul className={css["rows"]} aria-label="Passkeys">{factors.passkeys.map((passkey) => <PasskeyRow key={passkey.id} passkey={passkey} last={last} onChanged={renew} />)}</ul>
        )}
      </Panel> : null}
      <Panel
        title="Authenticator app" note="A new six-digit code every 30 seconds."
        actions={factors.totp ? <RemoveTotp last={last} onRemoved={renew} /> : <Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setAdding(["totp"])}>Set up</Button>}
      >
        {factors.totp ? <><Status tone="ok">On</Status> since <Time at={factors.totp.enrolled_at} />.</> : "Not set up."}
      </Panel>
      <Panel title="Recovery codes" note="For the day your phone or key is gone. Each works once." actions={none ? undefined : <MakeCodes had={factors.recovery !== null} onMade={(made) => { setCodes(made); renew(); }} />}>
        {factors.recovery
          ? <RecoveryState recovery={factors.recovery} />
          : none ? "You get eight of them together with your first factor." : <Notice tone="warn" title="You have none">Make a set and keep it safe, so that a lost phone does not lock you out.</Notice>}
      </Panel>
      <Modal opened={adding !== undefined} onClose={() => setAdding(undefined)} closeOnEscape={false} closeOnClickOutside={false} size={520} title="Add a second factor" closeButtonProps={{ "aria-label": "Close" }}>
        {adding ? <AddFactor ways={adding} onAdded={added} /> : null}
      </Modal>
      <Modal opened={codes !== undefined} onClose={() => undefined} withCloseButton={false} closeOnEscape={false} closeOnClickOutside={false} size={520} title="Save your recovery codes">
        {codes ? <RecoveryCodes codes={codes} act="Done" onDone={() => setCodes(undefined)} /> : null}
      </Modal>
    </>
  );
}

function RecoveryState({ recovery }: { recovery: NonNullable<MyFactors["recovery"]> }) {
  const few = recovery.remaining <= FEW_CODES;
  return (
    <>
      <Status tone={few ? "warn" : "ok"}>{recovery.remaining} of {recovery.total} left</Status> made <Time at={recovery.created_at} />.
      {few ? ` Only ${plural(recovery.remaining, "code is", "codes are")} left; make new ones.` : ""}
    </>
  );
}
