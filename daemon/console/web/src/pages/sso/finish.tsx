// Where an identity provider sends people back to: its answer is handed to the server once, then they go where they wanted to.
import { Button, Code } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { Link, useNavigate } from "react-router";
import { client } from "../../api/client";
import { requestIdOf } from "../../api/problem";
import { useSessionActions } from "../../api/session";
import type { Claim } from "../../api/sso";
import { path } from "../../paths";
import { Door } from "../../shell/door";
import { LoadingRows } from "../../ui/states";
import { Notice } from "../../ui/status";
import { takeLinking, takeNext } from "./leave";
import { NOTHING, refusalOf, refusalOfCode, type SsoRefusal, UNREADABLE } from "./refusal";

/** An answer is good once; a second hand-over (a remounted page) must not happen. */
const handed = new Set<string>();

/** `answer` is what the provider brought; `once` is what makes it the only one of its kind, empty when nothing came. */
export function Finish({ address, here, answer, once, refused }: { address: string; here: string; answer: unknown; once: string; /** The server has refused it already, with this code. */ refused?: string | undefined }) {
  const { open } = useSessionActions();
  const navigate = useNavigate();
  const [linking] = useState(() => takeLinking(sessionStorage));
  const finish = useMutation({
    mutationFn: async () => {
      if (!linking) return void (await open(address, answer));
      return (await client.knock<{ link: Claim }>(address, answer)).link;
    },
    onSuccess: (claim) => (claim ? navigate(path.applianceSso(), { replace: true, state: { claim } }) : navigate(takeNext(sessionStorage), { replace: true })),
  });
  const { mutate } = finish;
  useEffect(() => {
    // The answer leaves the address bar and the history before anything else is done.
    window.history.replaceState(window.history.state, "", here);
    if (once === "" || handed.has(once)) return;
    handed.add(once);
    mutate();
  }, [here, once, mutate]);

  if (refused !== undefined) return <Refused refusal={refusalOfCode(refused) ?? UNREADABLE} foot={<>Code <Code>{refused}</Code>, for your administrator.</>} />;
  if (once === "") return <Refused refusal={NOTHING} />;
  if (finish.isError) return <Refused refusal={refusalOf(finish.error)} foot={requestFoot(finish.error)} onRepeat={() => mutate()} />;
  return (
    <Door title="Signing you in" lead="Your organisation's sign-in sent you back. One moment.">
      <LoadingRows rows={2} label="Signing you in" />
    </Door>
  );
}

function requestFoot(error: unknown): ReactNode {
  const id = requestIdOf(error);
  return id === undefined ? undefined : <>Request <Code>{id}</Code> is in the log of this server.</>;
}

function Refused({ refusal, foot, onRepeat }: { refusal: SsoRefusal; foot?: ReactNode; onRepeat?: () => void }) {
  return (
    <Door title="Not signed in" lead="No session was opened." foot={foot}>
      <Notice tone={refusal === NOTHING ? "warn" : "bad"} title={refusal.title}>{refusal.why} {refusal.next}</Notice>
      {refusal.repeat && onRepeat ? <Button fullWidth mb="xs" onClick={onRepeat}>Try once more</Button> : null}
      <Button component={Link} to={path.signIn()} fullWidth variant={refusal.repeat ? "default" : "filled"}>To the sign-in page</Button>
    </Door>
  );
}
