// A program of others asks to act for somebody: they read its name, where its answer goes, what it asks for and in which organisation.
import { Button, Group, List, Stack } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { IconArrowBackUp } from "@tabler/icons-react";
import { client } from "../../api/client";
import { messageOf, Problem, toTell } from "../../api/problem";
import { useSession } from "../../api/session";
import type { ConsentRequest, ConsentView } from "../../api/types";
import { api } from "../../paths";
import { Facts, Panel } from "../../ui/page";
import { Empty, LoadingRows } from "../../ui/states";
import { Notice } from "../../ui/status";
import css from "./account.module.css";
import { safeAnswer } from "./authorization-request";

export function Consent({ asked }: { asked: ConsentRequest }) {
  const { user, tenant } = useSession();
  const look = useQuery({
    queryKey: ["consent", asked], queryFn: ({ signal }) => client.post<ConsentView>(api.myConsentLook(), asked, { signal }), retry: false, refetchOnWindowFocus: false,
  });
  const decide = useMutation({
    mutationFn: (verb: "approve" | "deny") => client.post<{ redirect_to: string }>(verb === "approve" ? api.myConsents() : api.myConsentDeny(), asked),
    onSuccess: ({ redirect_to }) => { window.location.assign(safeAnswer(redirect_to, asked)); },
  });
  if (decide.isSuccess) {
    return <Panel><Empty icon={IconArrowBackUp} title={decide.variables === "approve" ? "Go back to the program" : "Refused"}>{decide.variables === "approve" ? "It has a minute to fetch its tokens. Under your account, “Programs” shows it, and ends it." : "The program got nothing. If you did not start it, tell your administrator."}</Empty></Panel>;
  }
  if (look.isPending) return <Panel><LoadingRows rows={4} label="The request is loading" /></Panel>;
  if (look.isError) {
    return look.error instanceof Problem && look.error.status === 400
      ? <Notice tone="bad" title="This is no request that can be approved">{messageOf(look.error)}</Notice>
      : <Notice tone="bad" title="The request could not be read" actions={<Button size="xs" variant="default" onClick={() => { void look.refetch(); }}>Try again</Button>}>{messageOf(look.error)}</Notice>;
  }
  const problem = toTell(decide.error);
  const { name, host, scopes } = look.data;
  return (
    <Panel title={`Let “${name}” in?`}>
      <Stack gap="md" className={css["narrow"] ?? ""}>
        <Facts items={[
          ["Program", `${name}, as an administrator of ${tenant.name} named it`],
          ["Gets its answer at", host === "127.0.0.1" || host === "localhost" || host === "[::1]" ? `${host}, which is this computer` : host],
          ["Acts as", user.name],
          ["Reads from", tenant.name],
          ["Lasts", "7 days at most; then it asks again"],
        ]} />
        <div>
          <strong>It asks to</strong>
          <List size="sm" mt={6} aria-label="What it asks for">{scopes.map((scope) => <List.Item key={scope.name}>{scope.title} <span className="mono">({scope.name})</span></List.Item>)}</List>
        </div>
        <Notice tone="warn" title="Only if you started it yourself, just now">It reads the data layer, never Salesforce itself. It changes nothing: what it proposes, a person decides. What it reads leaves Revkeep with it.</Notice>
        {problem ? <Notice tone="bad" title="Not answered">{problem}</Notice> : null}
        <Group gap="xs">
          <Button loading={decide.isPending && decide.variables === "approve"} onClick={() => decide.mutate("approve")}>Approve</Button>
          <Button variant="default" loading={decide.isPending && decide.variables === "deny"} onClick={() => decide.mutate("deny")}>Refuse</Button>
        </Group>
      </Stack>
    </Panel>
  );
}
