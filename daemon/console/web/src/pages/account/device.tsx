// A command line asks to act for somebody: they compare the code, and say yes or no (RFC 8628, section 3.3).
import { Button, Group, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { IconCircleCheck, IconCircleX } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { useSearchParams } from "react-router";
import { client } from "../../api/client";
import { messageOf, Problem, toTell } from "../../api/problem";
import { useSession } from "../../api/session";
import type { DeviceRequest } from "../../api/types";
import { userCode } from "../../lib/code";
import { api } from "../../paths";
import { Time } from "../../ui/facts";
import { Facts, PageHead, Panel } from "../../ui/page";
import { Empty, LoadingRows } from "../../ui/states";
import { Notice } from "../../ui/status";
import css from "./account.module.css";

export function Page() {
  const [params, setParams] = useSearchParams();
  const code = userCode(params.get("user_code") ?? "");
  return (
    <>
      <PageHead title="Connect a command line">A program on a computer of yours wants to act in your name. It shows a code; you see the same one here, and decide. It stays signed in for 7 days at most, or until you end it under Sessions.</PageHead>
      {code === "" ? <CodeForm onCode={(typed) => setParams({ user_code: typed })} /> : <Request key={code} code={code} onAnother={() => setParams({})} />}
    </>
  );
}

function CodeForm({ onCode }: { onCode(code: string): void }) {
  const [text, setText] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onCode(userCode(text));
  };
  return (
    <Panel title="The code">
      <form className={css["line"]} onSubmit={submit}>
        <TextInput label="Code that the program shows" placeholder="ABCD-EFGH" autoComplete="off" spellCheck={false} autoFocus value={text} onChange={(event) => setText(event.currentTarget.value)} />
        <Button type="submit" disabled={userCode(text).length < 8}>Go on</Button>
      </form>
    </Panel>
  );
}

function Request({ code, onAnother }: { code: string; onAnother(): void }) {
  const { user, tenant } = useSession();
  const query = useQuery({
    queryKey: ["device-request", code], queryFn: ({ signal }) => client.get<DeviceRequest>(api.myDeviceRequest(code), { signal }), retry: false, refetchOnWindowFocus: false,
  });
  const decide = useMutation({ mutationFn: (verb: "approve" | "deny") => client.post(api.myDeviceVerb(code, verb)) });
  if (decide.isSuccess) {
    return decide.variables === "approve"
      ? <Panel><Empty icon={IconCircleCheck} title="Connected">Go back to the program: it is signed in as you. Under your account, “Sessions” shows it, and ends it.</Empty></Panel>
      : <Panel><Empty icon={IconCircleX} title="Refused">The program got nothing. If you did not start it, change your password.</Empty></Panel>;
  }
  if (query.isPending) return <Panel><LoadingRows rows={3} label="The request is loading" /></Panel>;
  if (query.isError) {
    const unknown = query.error instanceof Problem && query.error.status === 404;
    return (
      <Notice tone="bad" title={unknown ? "No program waits with this code" : "The request could not be read"} actions={<Button size="xs" variant="default" onClick={onAnother}>Type another code</Button>}>
        {unknown ? "It was typed differently, it was answered already, or it is too old. Start the program again for a new code." : messageOf(query.error)}
      </Notice>
    );
  }
  const problem = toTell(decide.error);
  return (
    <Panel title="Is this your program?">
      <Stack gap="md" className={css["narrow"] ?? ""}>
        <div className={css["code"]} aria-label={`Code ${code}`}>{code}</div>
        <Facts items={[
          ["Program", query.data.client],
          ["Asked", <Time key="at" at={query.data.requested_at} ago />],
          ["From", query.data.address ?? "not known"],
          ["Acts as", `${user.name}, in ${tenant.name}`],
          ["Good until", <Time key="until" at={query.data.expires_at} />],
        ]} />
        <Notice tone="warn" title="Only if you started it yourself, just now">Nobody from support will ever send you such a code or ask you to approve one.</Notice>
        {problem ? <Notice tone="bad" title="Not answered">{problem}</Notice> : null}
        <Group gap="xs">
          <Button loading={decide.isPending && decide.variables === "approve"} onClick={() => decide.mutate("approve")}>Approve</Button>
          <Button variant="default" loading={decide.isPending && decide.variables === "deny"} onClick={() => decide.mutate("deny")}>Refuse</Button>
        </Group>
      </Stack>
    </Panel>
  );
}
