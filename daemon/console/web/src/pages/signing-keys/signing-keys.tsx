// The keys that sign access tokens: which is in use, how old it is against the 90 days, and its change.
import { Button, Progress } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconRefresh } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { signingKeysQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { SigningKey, SigningKeys } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { CopyId, Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Notice, StateBadge } from "../../ui/status";
import { useToast } from "../../ui/toast";
import ui from "../../ui/ui.module.css";
import css from "./signing-keys.module.css";

export function Page() {
  const query = useQuery(signingKeysQuery());
  return (
    <>
      <PageHead title="Signing keys" actions={query.data ? <Rotate /> : undefined}>They sign the tokens of every session. The private halves never leave the vault; the public ones are published for verifiers.</PageHead>
      <QueryView query={query} what="The signing keys">{(keys) => <Keys keys={keys} />}</QueryView>
    </>
  );
}

function Keys({ keys }: { keys: SigningKeys }) {
  const current = keys.items.find((key) => key.state === "current");
  return (
    <>
      {keys.due ? (
        <Notice tone="warn" title="The current key is due for its change">
          It has been in use for {current ? plural(current.age_days, "day") : "too long"}; it should change every {keys.rotate_every_days} days. Nobody is signed out by the change.
        </Notice>
      ) : null}
      {current ? <Age current={current} every={keys.rotate_every_days} /> : null}
      <Panel title="Keys" note={`New tokens are signed with ${keys.algorithm}.`} flush>
        <div className={ui["scrollX"]}>
          <table className={ui["plainTable"]} aria-label="Signing keys">
            <thead><tr><th scope="col">State</th><th scope="col">Key id</th><th scope="col" className={ui["wide"]}>Algorithm</th><th scope="col" className={ui["wide"]}>Made</th><th scope="col">In use since</th><th scope="col" className={ui["num"]}>Age</th></tr></thead>
            <tbody>
              {keys.items.map((key) => (
                <tr key={key.id}>
                  <td><StateBadge state={`key_${key.state}`} /></td>
                  <td><CopyId value={key.id} what="key id" /></td>
                  <td className={ui["wide"]}>{key.algorithm}</td>
                  <td className={ui["wide"]}><Time at={key.created_at} /></td>
                  <td>{key.current_since ? <Time at={key.current_since} /> : "not yet"}</td>
                  <td className={ui["num"]}>{plural(key.age_days, "day")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </>
  );
}

function Age({ current, every }: { current: SigningKey; every: number }) {
  const share = Math.min(100, (current.age_days / every) * 100);
  const left = every - current.age_days;
  return (
    <Panel title="Age of the current key">
      <div className={css["age"]}>
        <span><strong>{plural(current.age_days, "day")}</strong> of {every}</span>
        <span>{left > 0 ? `${plural(left, "day")} left` : `${plural(-left, "day")} over`}</span>
      </div>
      <Progress value={share} color={left <= 0 ? "red.7" : left <= 14 ? "yellow.7" : "accent"} aria-label={`Age of the current key: ${current.age_days} of ${every} days`} />
    </Panel>
  );
}

function Rotate() {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const allowed = useCan("signing_key_rotate");
  const rotate = useMutation({
    mutationFn: () => client.post<SigningKeys>(api.signingKeysRotate()),
    onSuccess: (keys) => {
      setAsking(false);
      queries.setQueryData(["signing-keys"], keys);
      toast.done("The next key signs from now on, and a new one waits behind it.");
    },
  });
  if (!allowed) return null;
  return (
    <>
      <Button leftSection={<IconRefresh size={16} aria-hidden />} onClick={() => { rotate.reset(); setAsking(true); }}>Rotate</Button>
      <Confirm opened={asking} title="Rotate the signing keys" act="Rotate" busy={rotate.isPending} error={toTell(rotate.error)} onClose={() => setAsking(false)} onConfirm={() => rotate.mutate()}>
        The next key becomes the current one, and a new next key is made. Tokens that the present key signed stay good until they expire, within half an hour; nobody is signed out.
      </Confirm>
    </>
  );
}
