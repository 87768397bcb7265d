// A program on this machine opened this page to act for somebody: they read who asks, and say yes or no (RFC 8252).
import { Button, Group, Stack } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { IconArrowBackUp } from "@tabler/icons-react";
import { useSearchParams } from "react-router";
import { client } from "../../api/client";
import { messageOf, Problem, toTell } from "../../api/problem";
import { useSession } from "../../api/session";
import type { AuthorizationRequest, AuthorizationView } from "../../api/types";
import { api } from "../../paths";
import { Facts, PageHead, Panel } from "../../ui/page";
import { Empty, LoadingRows } from "../../ui/states";
import { Notice } from "../../ui/status";
import css from "./account.module.css";
import { authorizationOf, consentOf, isOthers, safeOnward } from "./authorization-request";
import { Consent } from "./consent";

export function Page() {
  const [params] = useSearchParams();
  if (isOthers(params)) {
    const others = consentOf(params);
    return (
      <>
        <PageHead title="Let a program in">A program that is not Revkeep's wants to read here in your name. Read who asks for what; you take it back under your account, “Programs”.</PageHead>
        {others ? <Consent asked={others} /> : <Unfit>The address that it opened says something twice.</Unfit>}
      </>
    );
  }
  const asked = authorizationOf(params);
  return (
    <>
      <PageHead title="Let a program in">A program on this computer wants to act in your name. It stays signed in for 7 days at most, or until you end it under Sessions.</PageHead>
      {asked ? <Request asked={asked} /> : <Unfit>The address that it opened says something twice.</Unfit>}
    </>
  );
}

function Unfit({ children }: { children: string }) {
  return <Notice tone="bad" title="This is no request that can be approved">{children} Start the program again; if this stays, it is not one of Revkeep's.</Notice>;
}

function Request({ asked }: { asked: AuthorizationRequest }) {
  const { user, tenant } = useSession();
  const look = useQuery({
    queryKey: ["authorization", asked], queryFn: ({ signal }) => client.post<AuthorizationView>(api.myAuthorizationLook(), asked, { signal }), retry: false, refetchOnWindowFocus: false,
  });
  const decide = useMutation({
    mutationFn: (verb: "approve" | "deny") => client.post<{ redirect_to: string }>(verb === "approve" ? api.myAuthorizations() : api.myAuthorizationDeny(), asked),
    onSuccess: ({ redirect_to }) => { window.location.assign(safeOnward(redirect_to, asked)); },
  });
  if (decide.isSuccess) {
    return <Panel><Empty icon={IconArrowBackUp} title={decide.variables === "approve" ? "Go back to the program" : "Refused"}>{decide.variables === "approve" ? "It has a minute to fetch its session. Under your account, “Sessions” shows it, and ends it." : "The program got nothing. If you did not start it, tell your administrator."}</Empty></Panel>;
  }
  if (look.isPending) return <Panel><LoadingRows rows={3} label="The request is loading" /></Panel>;
  if (look.isError) {
    return look.error instanceof Problem && look.error.status === 400
      ? <Unfit>{messageOf(look.error)}</Unfit>
      : <Notice tone="bad" title="The request could not be read" actions={<Button size="xs" variant="default" onClick={() => { void look.refetch(); }}>Try again</Button>}>{messageOf(look.error)}</Notice>;
  }
  const problem = toTell(decide.error);
  return (
    <Panel title="Is this your program?">
      <Stack gap="md" className={css["narrow"] ?? ""}>
        <Facts items={[
          ["Program", look.data.client],
          ["Gets its answer at", asked.redirect_uri],
          ["Acts as", `${user.name}, in ${tenant.name}`],
          ["Lasts", "7 days at most; an hour without use ends it"],
        ]} />
        <Notice tone="warn" title="Only if you started it yourself, just now">It may do what you may do. A program cannot prove what it is: if you did not start one, refuse.</Notice>
        {problem ? <Notice tone="bad" title="Not answered">{problem}</Notice> : null}
        <Group gap="xs">
          <Button loading={decide.isPending && decide.variables === "approve"} onClick={() => decide.mutate("approve")}>Approve</Button>
          <Button variant="default" loading={decide.isPending && decide.variables === "deny"} onClick={() => decide.mutate("deny")}>Refuse</Button>
        </Group>
      </Stack>
    </Panel>
  );
}
