// What one let programs of others do, and its end.
import { useQuery } from "@tanstack/react-query";
import { IconRobot } from "@tabler/icons-react";
import { grantsQuery } from "../../api/queries";
import { QueryView } from "../../shell/query-view";
import { Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { GrantTable } from "../programs/grants";
import { AccountHead } from "./account-head";

export function Page() {
  const query = useQuery(grantsQuery(true));
  return (
    <>
      <AccountHead section="Programs" />
      <Panel title="Programs that you let in" note="Each reads here in your name, with your rights of the moment. One that you do not know? End it." flush>
        <QueryView query={query} what="The programs that you let in">
          {(list) => list.length === 0
            ? <Empty icon={IconRobot} title="No programs">A program that an administrator named, an assistant for example, asks you in your browser. What you approve stands here.</Empty>
            : <GrantTable grants={list} own mayEnd />}
        </QueryView>
      </Panel>
    </>
  );
}
